"""The line around a selection, for drawing."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.core.geometry import Rect
from editor.core.tiles import Samples, TileMap, keys_in, tile_rect

MOST_PIXELS = 2_000_000


def outline(selection: TileMap, rect: Rect, scale: float = 1.0) -> list[NDArray[np.float64]]:
    """Closed lines (N, 2) of x, y in document pixels around what is at least half selected, within `rect`.

    scale: screen pixels per document pixel. They run along the borders of pixels, or, where one screen pixel holds
    several or `rect` has more than two million, of squares of pixels.
    """
    area = rect & selection.bounds.grown(1)
    if area.empty:
        return []
    step = _step(area, scale)
    # one blank square around all, so that what reaches the border of `rect` is closed too
    hard = np.pad(_sampled(selection, area, step) >= 128, 1).astype(np.uint8)
    doubled = cv2.resize(hard, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    found, _ = cv2.findContours(doubled, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    start = np.array([area.x // step * step - step, area.y // step * step - step], np.float64)
    return [_line(np.asarray(points, np.int32), start, step) for points in found]


def _step(area: Rect, scale: float) -> int:
    wanted = max(1.0, 1 / max(scale, 1e-6) / 1.5, math.sqrt(area.width * area.height / MOST_PIXELS))
    return 2 ** min(7, math.ceil(math.log2(wanted)))


def _sampled(selection: TileMap, area: Rect, step: int) -> Samples:
    """One pixel of every step x step square that begins at a multiple of `step`."""
    left, top = area.x // step, area.y // step
    right, bottom = -(-area.right // step), -(-area.bottom // step)
    result = np.full((bottom - top, right - left), selection.blank, np.uint8)
    wide = Rect.between(left * step, top * step, right * step, bottom * step)
    small: dict[int, Samples] = {}
    for key in keys_in(wide):
        tile = selection.tiles.get(key)
        if tile is None:
            continue
        if id(tile) not in small:
            small[id(tile)] = tile.pixels[step // 2 :: step, step // 2 :: step, 0]
        shared, origin = tile_rect(key) & wide, tile_rect(key)
        values = small[id(tile)][_shrunk(shared.moved(-origin.x, -origin.y), step)]
        result[_shrunk(shared.moved(-wide.x, -wide.y), step)] = values
    return result


def _shrunk(rect: Rect, step: int) -> tuple[slice, slice]:
    return Rect(rect.x // step, rect.y // step, rect.width // step, rect.height // step).slices


def _line(points: NDArray[np.int32], start: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """The contour runs through the centres of the doubled pixels at the edge; the nearest borders are what is meant."""
    corners = (points.reshape(-1, 2) + 1) // 2
    fresh = np.append(True, (np.diff(corners, axis=0) != 0).any(axis=1))
    closed = np.concatenate([corners[fresh], corners[:1]])
    return closed * float(step) + start
