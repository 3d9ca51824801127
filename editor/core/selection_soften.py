"""Selections made softer, larger or smaller, worked out only near their edges."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from editor.core.geometry import Rect
from editor.core.selection_shapes import full_tile
from editor.core.tiles import SIDE, Key, Samples, Tile, TileMap, keys_in, tile_rect

LARGEST_SIGMA = 6.0  # in pixels; a wider blur is done on a smaller picture, with the same result to about 1/255


def feathered(selection: TileMap, radius: float, page: Rect | None = None) -> TileMap:
    """A Gaussian of standard deviation `radius` pixels: what was half selected stays half selected.

    page: its border is no edge: what touches it stays selected up to it, and nothing lies beyond.
    """
    if radius <= 0:
        return selection
    step = 2 ** max(0, math.ceil(math.log2(radius / LARGEST_SIGMA)))
    reach = -(-math.ceil(3.5 * radius + step) // step) * step
    return _near_edges(selection, reach, lambda values: _blurred(values, radius, step), page)


def smoothed(selection: TileMap, page: Rect | None = None) -> TileMap:
    """A hard edge given one pixel of softness."""

    def smooth(values: Samples) -> Samples:
        return cv2.GaussianBlur(values, (3, 3), 0.5).astype(np.uint8)

    return _near_edges(selection, 2, smooth, page)


def grown(selection: TileMap, by: float, page: Rect | None = None) -> TileMap:
    """Everything within `by` pixels of what is selected (round corners); a negative `by` shrinks. Selected is what is
    at least half selected. page: as for `feathered`."""
    if by == 0:
        return selection
    return _near_edges(selection, math.ceil(abs(by)) + 2, lambda values: _spread(values, by), page)


def _blurred(values: Samples, sigma: float, step: int) -> Samples:
    if step == 1:
        return cv2.GaussianBlur(values, (0, 0), sigma).astype(np.uint8)
    height, width = values.shape
    small = cv2.resize(values.astype(np.float32), (width // step, height // step), interpolation=cv2.INTER_AREA)
    # averaging over a square and the triangles of the way back are themselves a blur
    own = step * step / 12 + step * step / 6
    small = cv2.GaussianBlur(small, (0, 0), math.sqrt(max(0.25, sigma * sigma - own)) / step)
    wide = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.rint(wide).clip(0, 255).astype(np.uint8)


def _spread(values: Samples, by: float) -> Samples:
    inside = values >= 128
    away = (~inside if by > 0 else inside).astype(np.uint8)
    if away.all():  # nothing to measure from: the nearest edge is too far to matter
        return np.full_like(values, 0 if by > 0 else 255)
    distance = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    cover = np.clip(abs(by) + 1 - distance, 0, 1)
    soft: Samples = np.rint(cover * 255).astype(np.uint8)
    return soft if by > 0 else 255 - soft


def _near_edges(
    selection: TileMap, reach: int, operate: Callable[[Samples], Samples], page: Rect | None = None
) -> TileMap:
    """`operate` (uint8 (h, w) to the same shape, each result depending on what lies within `reach`) where anything
    but one value lies within reach; elsewhere nothing changes."""
    area = selection.bounds.grown(reach) if page is None else page
    full, plain = full_tile(), _plain(selection)
    tiles: dict[Key, Tile] = {}
    for key in keys_in(area):
        halo = tile_rect(key).grown(reach)
        seen = halo if page is None else halo & page
        values = {plain.get(near, selection.blank) for near in keys_in(seen)}
        if values == {255} and seen.contains(*_last(tile_rect(key))) and tile_rect(key) & area == tile_rect(key):
            tiles[key] = full
        elif values != {0}:
            tile = _operated(selection, key, halo, seen, operate)
            if tile is not None:
                tiles[key] = tile
    return TileMap(1, tiles)


def _last(rect: Rect) -> tuple[int, int]:
    return rect.right - 1, rect.bottom - 1


def _plain(selection: TileMap) -> dict[Key, int]:
    """For each tile its one value, or -1 where it has several."""
    known: dict[int, int] = {}
    result: dict[Key, int] = {}
    for key, tile in selection.tiles.items():
        if id(tile) not in known:
            pixels = tile.pixels
            low, high = int(pixels.min()), int(pixels.max())
            known[id(tile)] = low if low == high else -1
        result[key] = known[id(tile)]
    return result


def _operated(
    selection: TileMap, key: Key, halo: Rect, seen: Rect, operate: Callable[[Samples], Samples]
) -> Tile | None:
    values = selection.read(seen)[..., 0]
    missing = (seen.y - halo.y, halo.bottom - seen.bottom, seen.x - halo.x, halo.right - seen.right)
    if any(missing):
        values = cv2.copyMakeBorder(values, *missing, cv2.BORDER_REPLICATE).astype(np.uint8)
    origin = tile_rect(key)
    result = operate(values)[origin.moved(-halo.x, -halo.y).slices].copy()
    kept = np.zeros((SIDE, SIDE, 1), np.uint8)
    inside = (origin & seen).moved(-origin.x, -origin.y).slices
    kept[inside] = result[inside][..., np.newaxis]
    return Tile(kept) if kept.any() else None
