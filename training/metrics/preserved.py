"""How much of what was not to change stayed as it was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.metrics.base import Judged, Metric

SAME = 2
"""Of 255: a pixel has changed where a channel moved by more, as everywhere in the program."""


def outside(judged: Judged) -> NDArray[np.bool_] | None:
    """bool (H, W): where nothing may change; None without a mask, or where it leaves nothing out."""
    if judged.mask is None or judged.mask.all():
        return None
    return np.asarray(judged.mask == 0, np.bool_)


def preserved(judged: Judged) -> float | None:
    """Share, in [0, 1], of the pixels outside of the mask that are the source's still; None without a mask."""
    there = outside(judged)
    if there is None:
        return None
    away = np.abs(judged.result[there].astype(np.int16) - judged.source[there])
    return float(np.mean((away <= SAME).all(axis=1)))


METRIC = Metric("preserved", "kept outside the mask", "higher", preserved)
