"""Selections made softer, larger or smaller, worked out only near their edges."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

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
    if step == 1:
        return _near_edges(selection, reach, lambda values: _blurred(values, radius), page)
    return _widely_feathered(selection, radius, step, reach, page)


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


def _blurred(values: Samples, sigma: float) -> Samples:
    return cv2.GaussianBlur(values, (0, 0), sigma).astype(np.uint8)


def _widely_feathered(selection: TileMap, sigma: float, step: int, reach: int, page: Rect | None) -> TileMap:
    """All of it is made smaller by `step` and blurred once; each tile is then made from its part of that."""
    area = selection.bounds.grown(reach) if page is None else page
    keys = list(keys_in(area))
    if not keys:
        return TileMap(1)
    frame = Rect.between(
        min(x for x, _ in keys) * SIDE - reach,
        min(y for _, y in keys) * SIDE - reach,
        (max(x for x, _ in keys) + 1) * SIDE + reach,
        (max(y for _, y in keys) + 1) * SIDE + reach,
    )
    small = _reduced(selection, frame, step, frame if page is None else page)
    # averaging over a square and the triangles of the way back are themselves a blur
    own = step * step / 12 + step * step / 6
    small = cv2.GaussianBlur(small, (0, 0), math.sqrt(max(0.25, sigma * sigma - own)) / step)

    def wide(halo: Rect) -> Samples:
        part = small[_divided(halo.moved(-frame.x, -frame.y), step)]
        large = cv2.resize(part, (halo.width, halo.height), interpolation=cv2.INTER_LINEAR)
        return np.rint(large).clip(0, 255).astype(np.uint8)

    return _tiles_near_edges(selection, reach, page, lambda key, seen: _cut(wide, key, seen, step))


def _cut(wide: Callable[[Rect], Samples], key: Key, seen: Rect, step: int) -> Tile | None:
    origin = tile_rect(key)
    return _kept(wide(origin.grown(step))[step:-step, step:-step], origin, seen)


def _divided(rect: Rect, step: int) -> tuple[slice, slice]:
    return slice(rect.y // step, rect.bottom // step), slice(rect.x // step, rect.right // step)


def _reduced(selection: TileMap, frame: Rect, step: int, page: Rect) -> NDArray[np.float32]:
    """The mean of every `step` x `step` pixels of `frame`, a multiple of it; beyond the page its border goes on."""
    result = np.zeros((frame.height // step, frame.width // step), np.float32)
    across = (max(0, page.x - frame.x), max(0, frame.right - page.right))
    for top in range(0, frame.height, SIDE):
        band = Rect(frame.x, frame.y + top, frame.width, min(SIDE, frame.height - top))
        first, last = (min(max(y, page.y), page.bottom - 1) for y in (band.y, band.bottom - 1))
        rows = Rect.between(max(frame.x, page.x), first, min(frame.right, page.right), last + 1)
        above = min(band.height - rows.height, max(0, page.y - band.y))
        below = band.height - rows.height - above
        values = selection.read(rows)[..., 0]
        values = cv2.copyMakeBorder(values, above, below, *across, cv2.BORDER_REPLICATE)
        size = (frame.width // step, band.height // step)
        result[top // step : (top + band.height) // step] = cv2.resize(
            values.astype(np.float32), size, interpolation=cv2.INTER_AREA
        )
    return result


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
    return _tiles_near_edges(selection, reach, page, lambda key, seen: _operated(selection, key, reach, seen, operate))


def _tiles_near_edges(
    selection: TileMap, reach: int, page: Rect | None, make: Callable[[Key, Rect], Tile | None]
) -> TileMap:
    """`make` (a tile's key and what of the page lies within reach of it) where more than one value lies there."""
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
            tile = make(key, seen)
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
    selection: TileMap, key: Key, reach: int, seen: Rect, operate: Callable[[Samples], Samples]
) -> Tile | None:
    origin = tile_rect(key)
    halo = origin.grown(reach)
    values = selection.read(seen)[..., 0]
    missing = (seen.y - halo.y, halo.bottom - seen.bottom, seen.x - halo.x, halo.right - seen.right)
    if any(missing):
        values = cv2.copyMakeBorder(values, *missing, cv2.BORDER_REPLICATE).astype(np.uint8)
    return _kept(operate(values)[origin.moved(-halo.x, -halo.y).slices], origin, seen)


def _kept(pixels: Samples, origin: Rect, seen: Rect) -> Tile | None:
    """The tile at `origin` with these pixels where the page is; None where nothing is selected."""
    kept = np.zeros((SIDE, SIDE, 1), np.uint8)
    inside = (origin & seen).moved(-origin.x, -origin.y).slices
    kept[inside] = pixels[inside][..., np.newaxis]
    return Tile(kept) if kept.any() else None
