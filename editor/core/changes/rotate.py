"""The whole document turned by quarters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from editor.core.changes.planes import in_page, shifted, with_offsets, with_planes
from editor.core.document import Document
from editor.core.tiles import Tile, TileMap


@dataclass(frozen=True)
class Rotate:
    """Turns everything clockwise by `turns` quarters. Tiles turn as they are, so that no pixel changes its value."""

    turns: int
    merge_key: str = ""

    @property
    def label(self) -> str:
        return ("Rotate", "Rotate right", "Rotate 180°", "Rotate left")[self.turns % 4]

    def apply(self, document: Document) -> Document:
        for _ in range(self.turns % 4):
            document = _quarter(document)
        return document


def _quarter(document: Document) -> Document:
    """Pixel (x, y) of the page comes to (height - 1 - y, x); one of a plane, around its own corner, to (-1 - y, x).
    So every offset (x, y) becomes (-y, x), and the top layers move by the height besides."""
    layers = tuple(with_planes(with_offsets(layer, lambda x, y: (-y, x)), turned) for layer in document.layers)
    moved = tuple(replace(layer, x=layer.x + document.height) for layer in layers)
    result = replace(document, width=document.height, height=document.width, layers=moved)
    if document.dpi:
        result = replace(result, dpi=(document.dpi[1], document.dpi[0]))
    return replace(result, selection=_selection(document, result))


def _selection(before: Document, after: Document) -> TileMap | None:
    if before.selection is None:
        return None
    return in_page(shifted(turned(before.selection), before.height, 0), after.rect)


def turned(plane: TileMap) -> TileMap:
    """The plane turned clockwise by a quarter around its corner (0, 0)."""
    made: dict[int, Tile] = {}
    for tile in plane.tiles.values():
        if id(tile) not in made:
            made[id(tile)] = Tile(np.ascontiguousarray(np.rot90(tile.pixels, -1)))
    tiles = {(-1 - row, column): made[id(tile)] for (column, row), tile in plane.tiles.items()}
    return TileMap(plane.channels, tiles, plane.blank)
