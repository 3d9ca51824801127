"""Mean absolute difference to the target: MagicBrush's L1 (Zhang et al., arXiv 2306.10012)."""

from __future__ import annotations

import numpy as np

from training.metrics.base import Judged, Metric, unit_range


def l1(judged: Judged) -> float:
    """In [0, 1], over all pixels and channels."""
    return float(np.mean(np.abs(unit_range(judged.result) - unit_range(judged.target))))


METRIC = Metric("l1", "L1", "lower", l1, digits=4)
