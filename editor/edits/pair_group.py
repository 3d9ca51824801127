"""Which photo a document is made of, so that all its pairs for training stand on one side of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from editor.core.document import Document, walk
from editor.core.layer import RasterLayer
from editor.core.tiles import Tile, TileMap


def base_of(past: Sequence[Document]) -> tuple[str, str]:
    """(id, SHA-256 of the content) of the lowest layer with a picture, as it was when it came; ("", "") for none.

    past: the documents from the first step to now: what is painted over the photo later does not count, and neither do
    the empty page and the layers of one colour below it.
    """
    for document in past:
        for layer in walk(document):
            if isinstance(layer, RasterLayer) and _is_picture(layer.plane):
                return layer.id, _hash(layer.plane)
    return "", ""


def _is_picture(plane: TileMap) -> bool:
    """Whether it shows more than one colour."""
    seen: set[int] = set()
    for tile in plane.tiles.values():
        colours = _colours(tile)
        seen.update(colours)
        if len(seen) > 1:
            return True
    return False


def _colours(tile: Tile) -> tuple[int, ...]:
    """The colour of the tile, or two of them; of what can be seen."""
    pixels = tile.pixels
    visible = pixels[pixels[..., 3] > 0].view("<u4")
    if not visible.size:
        return ()
    low, high = int(visible.min()), int(visible.max())
    return (low,) if low == high else (low, high)


def _hash(plane: TileMap) -> str:
    state = hashlib.sha256()
    for column, row in sorted(plane.tiles):
        state.update(f"{column} {row}:".encode())
        state.update(plane.tiles[column, row].pixels.data)
    return state.hexdigest()
