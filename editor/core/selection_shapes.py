"""Selections of a given shape: exact coverage of a polygon, pixel by pixel, worked out only where its edge passes.

The signed-area method of font renderers (https://medium.com/@raphlinus/inside-the-fastest-font-renderer-in-the-world-75ae5270c445):
every edge leaves, in the pixels it crosses, the area to its right; summing along a row gives the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from editor.core.geometry import EMPTY, Rect
from editor.core.tiles import SIDE, Key, Samples, Tile, TileMap, keys_in, tile_rect

Floats = NDArray[np.float64]
TINY = 1e-6  # far below what 8 bits show
FINEST = 1 << 16  # parts of a pixel
ELLIPSE_ERROR = 0.01  # pixels between the ellipse and the polygon that stands for it


def rectangle(rect: Rect, size: tuple[int, int] | None = None) -> TileMap:
    """All pixels of `rect`, or those on a page of `size` (width, height)."""
    area = rect if size is None else rect & Rect(0, 0, *size)
    full: Tile | None = None  # all tiles that lie inside share one
    tiles: dict[Key, Tile] = {}
    for key in keys_in(area):
        inside = area & tile_rect(key)
        if inside == tile_rect(key):
            full = full or full_tile()
            tiles[key] = full
        else:
            pixels = np.zeros((SIDE, SIDE, 1), np.uint8)
            pixels[inside.moved(-key[0] * SIDE, -key[1] * SIDE).slices] = 255
            tiles[key] = Tile(pixels)
    return TileMap(1, tiles)


def ellipse(rect: Rect, size: tuple[int, int] | None = None, antialias: bool = True) -> TileMap:
    """The ellipse that touches the four sides of `rect`; of it, what lies on a page of `size` (width, height)."""
    return polygon(ellipse_points(rect), size, antialias)


def ellipse_points(rect: Rect) -> Floats:
    """float64 (N, 2): a closed polygon within 0.01 pixels of the ellipse in `rect`."""
    radius = max(rect.width, rect.height, 1) / 2
    quarter = max(4, math.ceil(math.pi / 4 / math.acos(max(0.5, 1 - ELLIPSE_ERROR / radius))))
    angles = np.linspace(0, 2 * math.pi, 4 * quarter + 1)
    x = rect.x + rect.width / 2 * (1 + np.cos(angles))
    y = rect.y + rect.height / 2 * (1 + np.sin(angles))
    return np.stack([x, y], axis=1)


def polygon(
    points: Sequence[tuple[float, float]] | Floats, size: tuple[int, int] | None = None, antialias: bool = True
) -> TileMap:
    """What lies within the closed line through `points` (N, 2); of it, what lies on a page of `size` (width, height).

    Where the line winds around more than once in one sense, what it encloses stays selected (non-zero rule).
    Without antialias a pixel is selected where at least half of it lies inside.
    """
    # far finer than 8 bits show; the sums then stay exact, and no difference is too small to divide by
    corners = np.rint(np.asarray(points, np.float64).reshape(-1, 2) * FINEST) / FINEST
    area = _around(corners) if size is None else _around(corners) & Rect(0, 0, *size)
    if len(corners) < 3 or area.empty:
        return TileMap(1)
    cells = _cells(corners, area)
    full = full_tile()
    tiles: dict[Key, Tile] = {}
    carry = np.zeros(SIDE)
    for key in keys_in(area):
        if tile_rect(key).x <= area.x:
            carry = np.zeros(SIDE)
        tile, carry = _tile(cells.get(key), carry, antialias, full)
        if tile is not None:
            # the page may end within the tile, while the sum along the row knows nothing of it
            tiles[key] = tile if tile_rect(key) & area == tile_rect(key) else _clipped(tile, key, area)
    return TileMap(1, tiles)


def full_tile() -> Tile:
    """A tile of a selection in which everything is selected."""
    return Tile(np.full((SIDE, SIDE, 1), 255, np.uint8))


@dataclass(frozen=True, eq=False)
class _Cells:
    """Area left in pixels of one tile: index row * SIDE + column within the tile."""

    index: NDArray[np.int64]
    area: Floats


def _around(points: Floats) -> Rect:
    if not len(points):
        return EMPTY
    left, top = np.floor(points.min(axis=0)).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int)
    return Rect.between(int(left), int(top), int(right), int(bottom))


def _cells(corners: Floats, area: Rect) -> dict[Key, _Cells]:
    start, end = _within_pixels(corners)
    middle = (start + end) / 2
    height = end[:, 1] - start[:, 1]
    column, row = np.floor(middle[:, 0]), np.floor(middle[:, 1]).astype(np.int64)
    part = middle[:, 0] - column
    # left of the area an edge counts in full from the first column on; right of it it covers nothing
    part = np.where(column < area.x, 0.0, part)
    column = np.maximum(column, area.x).astype(np.int64)
    seen = (row >= area.y) & (row < area.bottom) & (column < area.right) & (height != 0)
    column, row, part, height = column[seen], row[seen], part[seen], height[seen]
    columns = np.concatenate([column, column + 1])
    rows = np.concatenate([row, row])
    areas = np.concatenate([height * (1 - part), height * part])
    return _by_tile(columns, rows, areas)


def _by_tile(columns: NDArray[np.int64], rows: NDArray[np.int64], areas: Floats) -> dict[Key, _Cells]:
    if not len(columns):
        return {}
    tile_column, tile_row = columns // SIDE, rows // SIDE
    order = np.lexsort((tile_column, tile_row))
    tile_column, tile_row, areas = tile_column[order], tile_row[order], areas[order]
    index = (rows % SIDE * SIDE + columns % SIDE)[order]
    starts = np.flatnonzero(np.diff(tile_column, prepend=tile_column[0] - 1) | np.diff(tile_row, prepend=tile_row[0]))
    ends = np.append(starts[1:], len(order))
    return {
        (int(tile_column[start]), int(tile_row[start])): _Cells(index[start:end], areas[start:end])
        for start, end in zip(starts, ends, strict=True)
    }


def _within_pixels(corners: Floats) -> tuple[Floats, Floats]:
    """Start and end points of the polygon's edges, cut so that each piece lies in one pixel."""
    start, end = corners, np.roll(corners, -1, axis=0)
    for axis in (1, 0):
        start, end = _cut(start, end, axis)
    return start, end


def _cut(start: Floats, end: Floats, axis: int) -> tuple[Floats, Floats]:
    """Cut every piece where its coordinate `axis` is a whole number."""
    low = np.minimum(start[:, axis], end[:, axis])
    high = np.maximum(start[:, axis], end[:, axis])
    first = np.floor(low) + 1
    cuts = np.maximum(np.ceil(high) - first, 0).astype(np.int64)
    total = cuts + 1
    owner = np.repeat(np.arange(len(start)), total)
    number = np.arange(int(total.sum())) - np.repeat(np.cumsum(total) - total, total)
    span = np.where(high > low, high - low, 1.0)[owner]
    begin = np.where(number == 0, 0.0, (first[owner] + number - 1 - low[owner]) / span)
    finish = np.where(number == cuts[owner], 1.0, (first[owner] + number - low[owner]) / span)
    # measured from the lower end, so that two neighbours that share an edge cut it at the very same points
    flipped = (start[:, axis] > end[:, axis])[:, np.newaxis]
    near, far = np.where(flipped, end, start)[owner], np.where(flipped, start, end)[owner]
    one, two = near + (far - near) * begin[:, np.newaxis], near + (far - near) * finish[:, np.newaxis]
    return np.where(flipped[owner], two, one), np.where(flipped[owner], one, two)


def _tile(cells: _Cells | None, carry: Floats, antialias: bool, full: Tile) -> tuple[Tile | None, Floats]:
    """The tile, and the sum of each row that its right neighbour begins with."""
    if cells is None and bool((np.abs(carry) < TINY).all()):
        return None, carry
    if cells is None and bool((np.abs(carry) > 1 - TINY).all()):
        return full, carry
    sums = np.zeros((SIDE, SIDE))
    if cells is not None:
        sums += np.bincount(cells.index, cells.area, SIDE * SIDE).reshape(SIDE, SIDE)
    sums[:, 0] += carry
    np.cumsum(sums, axis=1, out=sums)
    cover = np.minimum(np.abs(sums), 1.0)
    values: Samples = np.rint(cover * 255).astype(np.uint8)
    if not antialias:
        values = np.where(cover >= 0.5 - TINY, 255, 0).astype(np.uint8)
    return (Tile(values[..., np.newaxis]) if values.any() else None), sums[:, -1].copy()


def _clipped(tile: Tile, key: Key, area: Rect) -> Tile:
    pixels = np.zeros((SIDE, SIDE, 1), np.uint8)
    inside = (tile_rect(key) & area).moved(-key[0] * SIDE, -key[1] * SIDE).slices
    pixels[inside] = tile.pixels[inside]
    return Tile(pixels)
