"""A mask made part of the layer's own transparency."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import unlocked_raster
from editor.core.changes.planes import scaled, tile_of, with_alpha
from editor.core.document import Document, with_layer
from editor.core.errors import ChangeRefused
from editor.core.layer import Mask, RasterLayer
from editor.core.tiles import Key, Tile, TileMap, tile_rect


@dataclass(frozen=True)
class ApplyMask:
    """Multiplies the mask into the layer's alpha and takes it away."""

    id: str
    label: str = "Apply mask"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer, a group, a layer without a mask, a mask turned off."""
        layer = unlocked_raster(document, self.id)
        if layer.mask is None:
            raise ChangeRefused(f"“{layer.name}” has no mask; there is nothing to apply.")
        if not layer.mask.enabled:
            raise ChangeRefused(f"The mask of “{layer.name}” is turned off; turn it on or remove it.")
        plane = masked(layer, layer.mask)
        return with_layer(document, self.id, lambda _: replace(layer, plane=plane, mask=None))


def masked(layer: RasterLayer, mask: Mask) -> TileMap:
    """The layer's plane with its alpha multiplied by the mask."""
    changed: dict[Key, Tile | None] = {}
    for key, tile in layer.plane.tiles.items():
        cover = mask.plane.read(tile_rect(key))
        if not (cover == 255).all():
            changed[key] = tile_of(with_alpha(tile.pixels, scaled(tile.pixels[..., 3:], cover)))
    return layer.plane.with_tiles(changed)
