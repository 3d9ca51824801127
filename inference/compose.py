"""Putting an edit into its source: in pixels, with whole numbers, so that outside the mask nothing changes at all.

Latent blending goes through the autoencoder and changes every pixel; here a mask of 0 is the source bit for bit and a
mask of 255 the edit bit for bit. The only large array made is the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.types import Pixels

TILE_PIXELS = 1 << 16  # small enough that a tile's arrays stay in the processor's cache
VISIBLE = 2  # of 255: a smaller difference of a channel does not count as a change


def composite(source: Pixels, edited: Pixels, mask: NDArray[np.uint8] | None) -> Pixels:
    """The source with the edit where the mask says so; alpha is the source's.

    source, edited: both uint8 or both uint16, (H, W, 3 or 4) each; an alpha channel of `edited` is not looked at.
    mask: uint8 (H, W); 0 keeps the source, 255 takes the edit, values between give the nearest whole number to the
    mixture. None takes the edit everywhere. Returns a new array with shape and dtype of `source`.
    Raises `ValueError` where sizes or types differ.
    """
    if source.dtype != edited.dtype or source.shape[:2] != edited.shape[:2]:
        raise ValueError(f"an edit of {edited.shape} {edited.dtype} for a source of {source.shape} {source.dtype}")
    if mask is not None and mask.shape != source.shape[:2]:
        raise ValueError(f"a mask of {mask.shape} for a source of {source.shape}")
    result = np.empty_like(source, order="C", subok=False)
    for tile in _tiles(source):
        base, edit = source[tile], _with_alpha(edited[tile], source[tile])
        result[tile] = edit if mask is None else _mixed(base, edit, mask[tile])
    return result


def changed_fraction(source: Pixels, result: Pixels) -> float:
    """The share of pixels of which a channel differs by more than 2/255; both (H, W, 3 or 4) of the same dtype."""
    tolerance = VISIBLE * (np.iinfo(source.dtype).max // 255)
    tiles = (_alike(source[tile], result[tile], tolerance) for tile in _tiles(source))
    return sum(int(np.count_nonzero(~alike)) for alike in tiles) / (source.shape[0] * source.shape[1])


def outside_mask_changed(source: Pixels, result: Pixels, mask: NDArray[np.uint8] | None) -> int:
    """How many pixels have any difference where the mask is 0; without a mask there are none outside."""
    if mask is None:
        return 0
    tiles = ((_alike(source[tile], result[tile], 0), mask[tile]) for tile in _tiles(source))
    return sum(int(np.count_nonzero((alike == 0) & (part == 0))) for alike, part in tiles)


def _tiles(image: Pixels) -> Iterator[tuple[slice, slice]]:
    """Strips of whole rows, and pieces of a row where even one is too long."""
    height, width = image.shape[:2]
    rows, columns = max(1, TILE_PIXELS // width), min(width, TILE_PIXELS)
    starts = product(range(0, height, rows), range(0, width, columns))
    return ((slice(top, top + rows), slice(left, left + columns)) for top, left in starts)


def _with_alpha(edit: Pixels, base: Pixels) -> Pixels:
    """The colours of `edit` with the alpha of `base`, where that has one."""
    if base.shape[2] == 3:
        return edit[..., :3]
    return cast(Pixels, np.concatenate((edit[..., :3], base[..., 3:]), axis=2))


def _mixed(base: Pixels, edit: Pixels, mask: NDArray[np.uint8]) -> Pixels:
    if not mask.any():
        return base
    if mask.min() == 255:
        return edit
    wide = np.uint16 if base.dtype == np.uint8 else np.uint32  # holds 255 * the largest value + 127
    share = np.repeat(mask.reshape(-1), base.shape[2]).reshape(base.shape).astype(wide)
    total = edit * share
    total += base * (wide(255) - share)
    total += wide(127)  # 255 is odd: there are no ties, and adding half of it rounds to the nearest
    total //= wide(255)
    return cast(Pixels, total.astype(base.dtype))


def _alike(source: Pixels, result: Pixels, tolerance: int) -> NDArray[np.uint8]:
    """255 where no channel of a pixel differs by more than the tolerance, else 0; uint8 (n, W)."""
    difference = cv2.absdiff(np.ascontiguousarray(source), np.ascontiguousarray(result))
    return np.asarray(cv2.inRange(difference, (0.0,) * 4, (float(tolerance),) * 4), np.uint8)
