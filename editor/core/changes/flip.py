"""The whole document mirrored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from editor.core.changes.planes import in_page, shifted, with_offsets, with_planes
from editor.core.document import Document
from editor.core.layer import Layer
from editor.core.tiles import Tile, TileMap


@dataclass(frozen=True)
class Flip:
    """Mirrors everything: "horizontal" swaps left and right. Tiles are mirrored as they are."""

    direction: Literal["horizontal", "vertical"] = "horizontal"
    merge_key: str = ""

    @property
    def label(self) -> str:
        return f"Flip {self.direction}"

    def apply(self, document: Document) -> Document:
        """As in Rotate: planes around their own corner, offsets around 0, then the top layers by the page's side."""
        dx, dy = (document.width, 0) if self._sideways else (0, document.height)
        moved = tuple(self._layer(layer, dx, dy) for layer in document.layers)
        selection = document.selection
        if selection is not None:
            selection = in_page(shifted(self._mirrored(selection), dx, dy), document.rect)
        return replace(document, layers=moved, selection=selection)

    @property
    def _sideways(self) -> bool:
        return self.direction == "horizontal"

    def _layer(self, layer: Layer, dx: int, dy: int) -> Layer:
        offsets = with_offsets(layer, lambda x, y: (-x, y) if self._sideways else (x, -y))
        result = with_planes(offsets, self._mirrored)
        return replace(result, x=result.x + dx, y=result.y + dy)

    def _mirrored(self, plane: TileMap) -> TileMap:
        axis = 1 if self._sideways else 0
        made: dict[int, Tile] = {}
        for tile in plane.tiles.values():
            if id(tile) not in made:
                made[id(tile)] = Tile(np.ascontiguousarray(np.flip(tile.pixels, axis)))
        tiles = {
            (-1 - column, row) if self._sideways else (column, -1 - row): made[id(tile)]
            for (column, row), tile in plane.tiles.items()
        }
        return TileMap(plane.channels, tiles, plane.blank)
