"""The selected part of a layer made transparent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import unlocked_raster
from editor.core.changes.planes import coverage, scaled, tile_of, with_alpha
from editor.core.document import Document, with_layer
from editor.core.tiles import Key, Samples, Tile


@dataclass(frozen=True)
class ClearSelected:
    """Takes away what is selected, as far as it is selected; everything where there is no selection."""

    id: str
    label: str = "Clear"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer or a group."""
        layer = unlocked_raster(document, self.id)
        changed: dict[Key, Tile | None] = {}
        for key, tile in layer.plane.tiles.items():
            cover = coverage(document, self.id, key)
            if cover is None:
                changed[key] = None
            elif cover.any():
                changed[key] = tile_of(_cleared(tile.pixels, cover))
        if not changed:
            return document
        return with_layer(document, self.id, lambda _: replace(layer, plane=layer.plane.with_tiles(changed)))


def _cleared(pixels: Samples, cover: Samples) -> Samples:
    return with_alpha(pixels, scaled(pixels[..., 3:], 255 - cover))
