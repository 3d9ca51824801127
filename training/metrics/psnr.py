"""Peak signal-to-noise ratio to the target."""

from __future__ import annotations

import math

from training.metrics.base import Judged, Metric
from training.metrics.l2 import mean_square

CEILING = 60.0
"""In dB. Beyond it two 8-bit pictures differ by less than a quarter of a level on average, which nobody sees; without
it, one picture that is met exactly (infinitely many dB) would decide the mean of all.
"""


def psnr(judged: Judged) -> float:
    """In dB, at most `CEILING`."""
    error = mean_square(judged.result, judged.target)
    return CEILING if error == 0 else min(CEILING, -10 * math.log10(error))


METRIC = Metric("psnr", "PSNR", "higher", psnr, unit="dB", digits=1)
