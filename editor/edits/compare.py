"""How much two pictures differ to the eye, as a map on one scale for all variants."""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8]
Floats = NDArray[np.float32]

# More is not seen in a map; it keeps a 100 MP picture as quick as a 2 MP one.
MOST_PIXELS = 2_000_000

# Delta E at which the map is at its brightest: that of black and white.
FULL_SCALE = 100.0

# Blur in pixels: single grains of noise do not count as a difference.
_SIGMA = 1.0

# Colours on a transparent pixel count as they look on this grey.
_BACKDROP = 128


def difference(a: Samples, b: Samples) -> Floats:
    """CIE76 delta E (0 to about 200; 2.3 is just noticeable) of two pictures: float32 (h', w').

    a, b: uint8 (h, w, 3 or 4) of one size, sRGB. The map has at most 2 MP, in the proportions of the pictures.
    """
    if a.shape[:2] != b.shape[:2]:
        raise ValueError(f"pictures of {a.shape} and {b.shape} cannot be compared")
    gap = _lab(a) - _lab(b)
    return cast(Floats, np.sqrt(np.einsum("hwc,hwc->hw", gap, gap)))


def heat_map(d: Floats, scale: float = FULL_SCALE) -> Samples:
    """A difference map as a picture: uint8 (h, w, 3), black, red, yellow, and white from `scale` on.

    Brightness goes with the square root, so that what is just noticeable shows and large differences still differ.
    """
    level = 3.0 * np.sqrt(np.clip(d / np.float32(scale), 0.0, 1.0))
    channels = [np.clip(level - np.float32(c), 0.0, 1.0) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1) * 255).astype(np.uint8)


def _lab(picture: Samples) -> Floats:
    small = _small(picture)
    colours = small[..., :3].astype(np.float32) / 255
    if picture.shape[2] == 4:
        alpha = small[..., 3:].astype(np.float32) / 255
        colours = colours * alpha + np.float32(_BACKDROP / 255) * (1 - alpha)
    lab = cv2.cvtColor(np.ascontiguousarray(colours, np.float32), cv2.COLOR_RGB2LAB)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), _SIGMA), np.float32)


def _small(picture: Samples) -> Samples:
    height, width = picture.shape[:2]
    share = math.sqrt(min(1.0, MOST_PIXELS / (height * width)))
    if share == 1.0:
        return picture
    size = max(1, int(width * share)), max(1, int(height * share))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
