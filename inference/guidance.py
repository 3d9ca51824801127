"""Guidance by text and image (arXiv 2211.09800, equation 3), with as few network calls as the scales need.

`eps(0,0) + s_I (eps(c_I,0) - eps(0,0)) + s_T (eps(c_I,c_T) - eps(c_I,0))` is a weighted sum of three answers:
`s_T` of text + image, `s_I - s_T` of the image only, `1 - s_I` of neither. An answer of weight 0 need not be asked for:
2 branches for s_I = 1, for s_T = s_I, and for s_T = 0; 1 branch for both 1, for both 0, and for s_T = 0 with s_I = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(frozen=True)
class Branch:
    """One answer of the network: its weight, and which of the two conditions it sees."""

    weight: float
    text: bool
    image: bool


def branches(text_scale: float, image_scale: float) -> tuple[Branch, ...]:
    """The 1 to 3 branches of non-zero weight, in the order [text + image, image only, neither]; weights add up to 1.

    Every scale from 0 up means what the formula says. Raises `RequestError` for others.
    """
    if not (0 <= text_scale < math.inf and 0 <= image_scale < math.inf):
        raise RequestError("Text scale and image scale have to be 0 or more.")
    every = (
        Branch(text_scale, text=True, image=True),
        Branch(image_scale - text_scale, text=False, image=True),
        Branch(1 - image_scale, text=False, image=False),
    )
    return tuple(branch for branch in every if branch.weight)
