"""What a metric is: one number that says how near a result came to what was wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.pairs.pair import Grey, Rgb

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judged:
    """One edit to judge: uint8 (H, W, 3) sRGB pictures of one size.

    mask: uint8 (H, W), 255 where the change is wanted and 0 where nothing may change, or None where that is not known.
    """

    result: Rgb
    target: Rgb
    source: Rgb
    mask: Grey | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where the pictures do not fit each other."""
        if not self.result.shape == self.target.shape == self.source.shape:
            raise ValueError("result, target and source have to be of one size")
        if self.mask is not None and self.mask.shape != self.source.shape[:2]:
            raise ValueError("the mask has to be as large as the pictures")


@dataclass(frozen=True)
class Metric:
    """measure: the number, or None where it cannot be told for this edit.

    name: the key in reports; title: for people; unit: "" or "dB"; digits: decimals worth showing; better: which way is
    nearer to what was wanted.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    measure: Callable[[Judged], float | None]
    unit: str = ""
    digits: int = 3

    def gain(self, before: float, after: float) -> float:
        """By how much `after` is better than `before`; negative where it is worse."""
        return after - before if self.better == "higher" else before - after


def unit_range(picture: Rgb) -> Doubles:
    """float64 in [0, 1]."""
    return picture.astype(np.float64) / 255
