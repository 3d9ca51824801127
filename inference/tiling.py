"""A picture computed in overlapping tiles, put together again with feathered edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Axis:
    """Tiles along one side: all of one length, the first at 0, the last at the end. All in latent pixels."""

    length: int
    tile: int
    starts: tuple[int, ...]

    def spans(self, scale: int) -> tuple[slice, ...]:
        """Where each tile lies, with `scale` units to a latent pixel."""
        return tuple(slice(start * scale, (start + self.tile) * scale) for start in self.starts)

    def windows(self, scale: int) -> tuple[Floats, ...]:
        """What share of each unit a tile gives, above 0: over an overlap it goes from one tile to the next as sin²."""
        windows = [np.ones(self.tile * scale, np.float32) for _ in self.starts]
        for index, (start, following) in enumerate(pairwise(self.starts)):
            overlap = (start + self.tile - following) * scale
            rise = (np.sin((np.arange(overlap) + 0.5) * (np.pi / 2 / overlap)) ** 2).astype(np.float32)
            windows[index][-overlap:] *= rise[::-1]
            windows[index + 1][:overlap] *= rise
        return tuple(windows)


def axis(length: int, tile: int, overlap: int) -> Axis:
    """As few tiles as overlap by `overlap` or more, evenly spread; one of the whole length where that fits.

    0 < overlap < tile.
    """
    if length <= tile:
        return Axis(length, length, (0,))
    count = -(-(length - overlap) // (tile - overlap))
    return Axis(length, tile, tuple(round(start) for start in np.linspace(0, length - tile, count)))


def tiled(call: Callable[[Floats], Floats], image: Floats, rows: Axis, columns: Axis, taken: int, given: int) -> Floats:
    """`call` on every tile of `image`, float32 (N, C, H, W), blended to float32 (N, D, H', W').

    One tile is `call` itself. taken: units of `image` to a latent pixel and side; given: of the result.
    call: gives (N, D, h', w') for a tile.
    """
    if len(rows.starts) == len(columns.starts) == 1:
        return call(image)
    parts = ((top, left) for top in rows.spans(taken) for left in columns.spans(taken))
    places = ((top, left) for top in rows.spans(given) for left in columns.spans(given))
    windows = (np.outer(high, wide) for high in rows.windows(given) for wide in columns.windows(given))
    total = np.zeros((rows.length * given, columns.length * given), np.float32)
    result = np.zeros((0, 0, *total.shape), np.float32)
    for part, place, window in zip(parts, places, windows, strict=True):
        answer = call(np.ascontiguousarray(image[(..., *part)]))
        if not result.size:
            result = np.zeros((*answer.shape[:2], *total.shape), np.float32)
        result[(..., *place)] += answer * window
        total[place] += window
    result /= total
    return result
