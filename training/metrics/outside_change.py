"""By how much what was not to change moved."""

from __future__ import annotations

import numpy as np

from training.metrics.base import Judged, Metric, unit_range
from training.metrics.preserved import outside


def outside_change(judged: Judged) -> float | None:
    """Mean absolute difference to the source outside of the mask, in [0, 1]; None without a mask."""
    there = outside(judged)
    if there is None:
        return None
    return float(np.mean(np.abs(unit_range(judged.result[there]) - unit_range(judged.source[there]))))


METRIC = Metric("outside_change", "L1 outside the mask", "lower", outside_change, digits=4)
