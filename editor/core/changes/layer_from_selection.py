"""What is selected of a layer, as a layer of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.add_layer import above
from editor.core.changes.checks import check_parent, raster_of
from editor.core.changes.duplicate_layer import DuplicateLayer
from editor.core.changes.planes import coverage, scaled, tile_of, with_alpha
from editor.core.document import Document, inserted
from editor.core.errors import ChangeRefused
from editor.core.layer import RasterLayer, new_id
from editor.core.tiles import Key, Tile, TileMap


@dataclass(frozen=True)
class LayerFromSelection:
    """Copies what is selected of a layer, as far as it is selected, into a new layer above it, which becomes active.

    Without a selection the layer is duplicated. The layer itself may be locked. Its mask comes along.
    """

    id: str
    label: str = "Layer from selection"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a group, a locked group around it, or where nothing of the layer is selected."""
        if document.selection is None:
            return DuplicateLayer(self.id).apply(document)
        layer = raster_of(document, self.id)
        parent, index = above(document, self.id)
        check_parent(document, parent)
        plane = self._selected(document, layer)
        if not plane.tiles:
            raise ChangeRefused(f"Nothing of “{layer.name}” is selected; select a part of it or choose another layer.")
        copy = replace(layer, id=new_id(), name=f"{layer.name} copy", plane=plane, recipe=None, locked=False)
        return replace(inserted(document, copy, parent, index), active=copy.id)

    def _selected(self, document: Document, layer: RasterLayer) -> TileMap:
        tiles: dict[Key, Tile] = {}
        for key, tile in layer.plane.tiles.items():
            cover = coverage(document, self.id, key)
            picked = tile if cover is None or (cover == 255).all() else None
            if picked is None and cover is not None and cover.any():
                pixels = tile.pixels
                picked = tile_of(with_alpha(pixels, scaled(pixels[..., 3:], cover)))
            if picked is not None:
                tiles[key] = picked
        return TileMap(4, tiles)
