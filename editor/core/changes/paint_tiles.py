"""New pixels for some tiles of a layer: what strokes and other tools make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from editor.core.changes.checks import unlocked, unlocked_raster
from editor.core.document import Document, with_layer
from editor.core.errors import ChangeRefused
from editor.core.layer import Layer
from editor.core.tiles import Key, Tile


@dataclass(frozen=True, eq=False)
class PaintTiles:
    """Puts `tiles` (None takes one away) in the layer's plane or in its mask. Keys are in the plane's coordinates."""

    id: str
    tiles: Mapping[Key, Tile | None]
    label: str = "Paint"
    target: Literal["plane", "mask"] = "plane"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer, a group's plane, a mask that is not there."""
        if not self.tiles:
            return document
        change = self._on_plane(document) if self.target == "plane" else self._on_mask(document)
        return with_layer(document, self.id, lambda _: change)

    def _on_plane(self, document: Document) -> Layer:
        layer = unlocked_raster(document, self.id)
        return replace(layer, plane=layer.plane.with_tiles(self.tiles))

    def _on_mask(self, document: Document) -> Layer:
        layer = unlocked(document, self.id)
        if layer.mask is None:
            raise ChangeRefused(f"“{layer.name}” has no mask to paint on; add a mask first.")
        return replace(layer, mask=replace(layer.mask, plane=layer.mask.plane.with_tiles(self.tiles)))
