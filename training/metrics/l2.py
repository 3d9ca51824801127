"""Mean squared difference to the target: MagicBrush's L2 (Zhang et al., arXiv 2306.10012)."""

from __future__ import annotations

import numpy as np

from training.metrics.base import Judged, Metric, unit_range
from training.pairs.pair import Rgb


def mean_square(a: Rgb, b: Rgb) -> float:
    """Mean squared difference of two pictures in [0, 1]."""
    return float(np.mean(np.square(unit_range(a) - unit_range(b))))


def l2(judged: Judged) -> float:
    """In [0, 1], over all pixels and channels."""
    return mean_square(judged.result, judged.target)


METRIC = Metric("l2", "L2", "lower", l2, digits=4)
