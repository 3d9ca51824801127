"""The one place that knows the pixel format: uint8 or uint16 (H, W, 3) RGB or (H, W, 4) RGBA with straight alpha."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

STRIP_PIXELS = 1 << 18  # small enough for the cache of one core, large enough that Python's loop costs nothing

# 65535 / 255 is 257 exactly, so this is round(v / 257).
_TO_8_BIT = ((np.arange(65536, dtype=np.uint32) * 255 + 32895) >> 16).astype(np.uint8)


def strips(height: int, width: int, pixels: int = STRIP_PIXELS) -> Iterator[slice]:
    """Row ranges of about `pixels` pixels each, for work with bounded memory."""
    rows = max(1, pixels // max(1, width))
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def full_scale(pixels: Pixels) -> int:
    """The value of full white: 255 or 65535."""
    return int(np.iinfo(pixels.dtype).max)


def has_alpha(pixels: Pixels) -> bool:
    """True where there is a fourth channel."""
    return pixels.shape[2] == 4


def opaque(pixels: Pixels) -> bool:
    """True where nothing shines through."""
    return not has_alpha(pixels) or bool((pixels[..., 3] == full_scale(pixels)).all())


def to_8_bit(pixels: Pixels) -> NDArray[np.uint8]:
    """uint8 of the same shape, rounded to nearest; uint8 comes back as it is."""
    return cast(NDArray[np.uint8], pixels) if pixels.dtype == np.uint8 else _TO_8_BIT[pixels]


def over_white(pixels: Pixels) -> Pixels:
    """(H, W, 3) of the same type: the picture laid over white, rounded to nearest."""
    if not has_alpha(pixels):
        return pixels
    result = np.empty_like(pixels[..., :3], order="C")
    for rows in strips(*pixels.shape[:2]):
        result[rows] = _strip_over_white(pixels[rows])
    return result


def _strip_over_white(pixels: Pixels) -> NDArray[np.integer]:
    # (t + (t >> b)) >> b with t = v + 2^(b-1) is v / (2^b - 1) rounded; 16-bit products just fit into 32 bits.
    bits, top = pixels.dtype.itemsize * 8, np.uint32(full_scale(pixels))
    wide = pixels.astype(np.uint32)
    colour, alpha = wide[..., :3], wide[..., 3:]
    total = colour * alpha + top * (top - alpha) + np.uint32(1 << (bits - 1))
    return (total + (total >> bits)) >> bits
