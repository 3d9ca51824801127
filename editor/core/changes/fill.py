"""One colour over the selected part of a layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from editor.core.changes.checks import unlocked_raster
from editor.core.changes.planes import coverage, on_page, scaled, selected_keys, tile_of
from editor.core.document import Document, offset_of, with_layer
from editor.core.tiles import SIDE, Key, Samples, Tile, tile_rect


@dataclass(frozen=True)
class Fill:
    """Lays `colour` (straight RGBA, 0 to 255) over what is selected, or over the whole page without a selection."""

    id: str
    colour: tuple[int, int, int, int]
    label: str = "Fill"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer or a group."""
        layer = unlocked_raster(document, self.id)
        solid: Tile | None = None  # all tiles that end up whole share one
        changed: dict[Key, Tile | None] = {}
        for key in selected_keys(document, self.id):
            cover = self._cover(document, key)
            if cover is None:
                solid = solid or Tile(np.full((SIDE, SIDE, 4), self.colour, np.uint8))
                changed[key] = solid
            elif cover.any():
                changed[key] = tile_of(over(layer.plane.read(tile_rect(key)), self.colour, cover))
        plane = layer.plane.with_tiles(changed)
        return with_layer(document, self.id, lambda _: replace(layer, plane=plane))

    def _cover(self, document: Document, key: Key) -> Samples | None:
        """None where an opaque colour covers the whole tile."""
        x, y = offset_of(document, self.id)
        whole = document.rect.moved(-x, -y) & tile_rect(key) == tile_rect(key)
        cover = coverage(document, self.id, key)
        cover = cover if cover is not None else np.full((SIDE, SIDE, 1), 255, np.uint8)
        if not whole:
            cover = np.minimum(cover, on_page(document, self.id, key))
        return None if self.colour[3] == 255 and bool((cover == 255).all()) else cover


def over(pixels: Samples, colour: tuple[int, int, int, int], cover: Samples) -> Samples:
    """uint8 (h, w, 4) with `colour` laid over it (source-over on straight alpha), as opaque as cover (h, w, 1) says."""
    source = scaled(cover, np.full(1, colour[3], np.uint8)).astype(np.float32) / 255
    below = pixels[..., 3:].astype(np.float32) / 255 * (1 - source)
    alpha = source + below
    mixed = np.array(colour[:3], np.float32) * source + pixels[..., :3] * below
    colours = mixed / np.maximum(alpha, 1e-6)
    result = np.rint(np.concatenate([colours, alpha * 255], axis=2)).astype(np.uint8)
    return np.where(cover == 0, pixels, result)  # what is not selected stays to the bit, invisible colours too
