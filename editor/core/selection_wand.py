"""Selecting by colour, tile by tile: of a large picture only what the flood reaches is looked at."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.core.geometry import Rect
from editor.core.selection_shapes import full_tile
from editor.core.selection_soften import smoothed
from editor.core.tiles import SIDE, Key, Samples, Tile, TileMap, keys_in, tile_rect

Reader = Callable[[Rect], Samples]
"""Gives uint8 (rect.height, rect.width, 4), straight alpha."""


def wand(
    source: Samples | Reader,
    x: int,
    y: int,
    tolerance: int,
    contiguous: bool,
    page: Rect | None = None,
    antialias: bool = False,
) -> TileMap:
    """The pixels whose colour differs from that at (x, y) by at most `tolerance` (0..255) in every channel and alpha.

    source: uint8 (H, W, 4) whose first pixel is the page's, or a function that reads any rectangle of `page` (then
    required). contiguous: only those that hang together with (x, y), side by side. Where both are invisible their
    colour does not count. Nothing where (x, y) lies off the page.
    """
    area, read = _source(source, page)
    if not area.contains(x, y):
        return TileMap(1)
    near = _Near(read, area, read(Rect(x, y, 1, 1))[0, 0], tolerance)
    found = _flood(near, x, y) if contiguous else {key: near.at(key) for key in keys_in(area)}
    full = full_tile()
    tiles = {key: full if bool(hit.all()) else Tile(hit[..., np.newaxis] * np.uint8(255)) for key, hit in found.items()}
    selection = TileMap(1, {key: tile for key, tile in tiles.items() if found[key].any()})
    return smoothed(selection, area) if antialias else selection


def _source(source: Samples | Reader, page: Rect | None) -> tuple[Rect, Reader]:
    if callable(source):
        if page is None:
            raise ValueError("a function as source needs the page")
        return page, source
    pixels = source
    return Rect(0, 0, pixels.shape[1], pixels.shape[0]), lambda rect: pixels[rect.slices]


class _Near:
    """Which pixels of a tile are like the one that was clicked."""

    def __init__(self, read: Reader, page: Rect, colour: Samples, tolerance: int) -> None:
        self.page = page
        self._read, self._colour = read, colour
        values = [int(value) for value in colour]
        self._low = np.array([max(0, value - tolerance) for value in values], np.uint8)
        self._high = np.array([min(255, value + tolerance) for value in values], np.uint8)

    def at(self, key: Key) -> NDArray[np.uint8]:
        """uint8 (SIDE, SIDE), 0 or 1; 0 beyond the page."""
        inside = tile_rect(key) & self.page
        pixels = self._read(inside)
        hit = np.asarray(cv2.inRange(pixels, self._low, self._high)) > 0
        if self._colour[3] == 0:
            hit |= pixels[..., 3] == 0
        result = np.zeros((SIDE, SIDE), np.uint8)
        result[inside.moved(-key[0] * SIDE, -key[1] * SIDE).slices] = hit
        return result


class _Piece:
    """The connected parts of one tile: `labels` (SIDE, SIDE), 0 for none; `taken`: which labels the flood reached."""

    def __init__(self, hit: NDArray[np.uint8]) -> None:
        count, labels = (2, hit) if hit.all() else cv2.connectedComponents(hit, connectivity=4)
        self.labels = np.asarray(labels, np.int32)
        self.taken = np.zeros(count, bool)

    def take(self, labels: NDArray[np.int32]) -> bool:
        """Whether any of them is new."""
        fresh = np.unique(labels)
        fresh = fresh[(fresh != 0) & ~self.taken[fresh]]
        self.taken[fresh] = True
        return bool(fresh.size)

    @property
    def hit(self) -> NDArray[np.uint8]:
        return self.taken[self.labels].astype(np.uint8)


def _flood(near: _Near, x: int, y: int) -> dict[Key, NDArray[np.uint8]]:
    start = (x // SIDE, y // SIDE)
    pieces = {start: _Piece(near.at(start))}
    pieces[start].take(pieces[start].labels[y % SIDE : y % SIDE + 1, x % SIDE])
    waiting = [start]
    while waiting:
        key = waiting.pop()
        reached = pieces[key].hit
        for (dx, dy), own, other in _BORDERS:
            beside = (key[0] + dx, key[1] + dy)
            if not reached[own].any() or (tile_rect(beside) & near.page).empty:
                continue
            if beside not in pieces:
                pieces[beside] = _Piece(near.at(beside))
            if pieces[beside].take(pieces[beside].labels[other][reached[own] > 0]):
                waiting.append(beside)
    return {key: piece.hit for key, piece in pieces.items()}


_ALL = slice(None)
_BORDERS = (
    ((1, 0), (_ALL, -1), (_ALL, 0)),
    ((-1, 0), (_ALL, 0), (_ALL, -1)),
    ((0, 1), (-1, _ALL), (0, _ALL)),
    ((0, -1), (0, _ALL), (-1, _ALL)),
)
