"""Pictures as immutable tiles: a snapshot is a reference, a change copies only the tiles that it touches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from editor.core.geometry import Rect, around

SIDE = 256
Samples = NDArray[np.uint8]
Key = tuple[int, int]
"""(column, row) of a tile; the tile covers x in [column * SIDE, (column + 1) * SIDE). Both may be negative."""


class Tile:
    """SIDE x SIDE pixels that never change. `pixels` is where they are read, and may unpack or load them.

    The history swaps what lies behind a tile (`packed`), so whoever holds the tile never sees a difference.
    """

    __slots__ = ("_opacity", "_pixels", "_unpack")

    def __init__(self, pixels: Samples) -> None:
        """pixels: uint8 (SIDE, SIDE, channels), not used by the caller afterwards."""
        pixels.setflags(write=False)
        self._pixels: Samples | None = pixels
        self._unpack: Callable[[], Samples] | None = None
        self._opacity: tuple[int, int] | None = None

    @property
    def opacity(self) -> tuple[int, int]:
        """The lowest and the highest sample of the last channel, found on the first call and kept."""
        if self._opacity is None:
            self._opacity = _range_of_last(self.pixels)
        return self._opacity

    @property
    def pixels(self) -> Samples:
        """Read-only uint8 (SIDE, SIDE, channels). Unpacked pixels are not kept: they belong to the caller."""
        while True:
            # Read once each. Both are None only where another thread restored the tile between the two.
            pixels, unpack = self._pixels, self._unpack
            if pixels is not None:
                return pixels
            if unpack is not None:
                return unpack()

    @property
    def resident(self) -> bool:
        """True while the pixels lie in memory as they are."""
        return self._pixels is not None

    def pack(self, unpack: Callable[[], Samples]) -> None:
        """From now on `unpack` gives the pixels, on any thread; the pixels in memory are let go."""
        self._unpack = unpack
        self._pixels = None

    def restore(self) -> None:
        """Bring the pixels back into memory for good."""
        if self._pixels is None:
            pixels = self.pixels
            pixels.setflags(write=False)
            self._pixels, self._unpack = pixels, None


class TileMap:
    """An unbounded plane of pixels; where there is no tile, every sample is `blank`. Immutable.

    channels: 4 for straight-alpha RGBA, 1 for masks and selections.
    """

    __slots__ = ("_tiles", "blank", "channels")

    def __init__(self, channels: int = 4, tiles: Mapping[Key, Tile] | None = None, blank: int = 0) -> None:
        self.channels = channels
        self.blank = blank
        self._tiles: Mapping[Key, Tile] = MappingProxyType(dict(tiles or {}))

    @classmethod
    def of(cls, pixels: Samples, x: int = 0, y: int = 0, blank: int = 0) -> TileMap:
        """pixels: uint8 (H, W, channels) or, for masks, (H, W); their first pixel lands at (x, y)."""
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        return cls(channels, None, blank).with_pixels(pixels, x, y)

    @property
    def tiles(self) -> Mapping[Key, Tile]:
        return self._tiles

    @property
    def bounds(self) -> Rect:
        """Around all tiles: a multiple of SIDE, at least as large as what is in them."""
        return around(tile_rect(key) for key in self._tiles)

    def read(self, rect: Rect) -> Samples:
        """A new uint8 (rect.height, rect.width, channels)."""
        result = np.full((max(0, rect.height), max(0, rect.width), self.channels), self.blank, np.uint8)
        for key in keys_in(rect):
            tile = self._tiles.get(key)
            if tile is not None:
                shared, origin = tile_rect(key) & rect, tile_rect(key)
                target = shared.moved(-rect.x, -rect.y).slices
                result[target] = tile.pixels[shared.moved(-origin.x, -origin.y).slices]
        return result

    def with_pixels(self, pixels: Samples, x: int, y: int) -> TileMap:
        """The plane with `pixels` (H, W, channels), or (H, W), laid at (x, y). Tiles that end up blank are left out."""
        values = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
        rect = Rect(x, y, values.shape[1], values.shape[0])
        changed: dict[Key, Tile | None] = {}
        for key in keys_in(rect):
            changed[key] = self._written(key, values, rect)
        return self.with_tiles(changed)

    def with_tiles(self, changed: Mapping[Key, Tile | None]) -> TileMap:
        """The plane with these tiles in place of its own; None takes one away."""
        tiles = dict(self._tiles)
        for key, tile in changed.items():
            if tile is None:
                tiles.pop(key, None)
            else:
                tiles[key] = tile
        return TileMap(self.channels, tiles, self.blank)

    def _written(self, key: Key, values: Samples, rect: Rect) -> Tile | None:
        origin = tile_rect(key)
        shared = origin & rect
        source = values[shared.moved(-rect.x, -rect.y).slices]
        if shared == origin:
            whole = np.array(source, np.uint8, order="C")
        else:
            whole = self.read(origin)
            whole[shared.moved(-origin.x, -origin.y).slices] = source
        return None if not (whole != self.blank).any() else Tile(whole)


def _range_of_last(pixels: Samples) -> tuple[int, int]:
    if pixels.shape[2] == 4 and pixels.flags.c_contiguous:
        words = pixels.view("<u4")  # alpha is the highest byte, and whole words are compared four times as fast
        return int(words.min()) >> 24, int(words.max()) >> 24
    last = pixels[..., -1]
    return int(last.min()), int(last.max())


def tile_rect(key: Key) -> Rect:
    """The pixels that a tile covers."""
    return Rect(key[0] * SIDE, key[1] * SIDE, SIDE, SIDE)


def keys_in(rect: Rect) -> Iterator[Key]:
    """The tiles that touch `rect`, row by row."""
    if rect.empty:
        return
    for row in range(rect.y // SIDE, (rect.bottom - 1) // SIDE + 1):
        for column in range(rect.x // SIDE, (rect.right - 1) // SIDE + 1):
            yield column, row


def changed_keys(before: TileMap, after: TileMap) -> Iterator[Key]:
    """The tiles that are not the same object in both."""
    if before is after:
        return
    for key in before.tiles.keys() | after.tiles.keys():
        if before.tiles.get(key) is not after.tiles.get(key):
            yield key
