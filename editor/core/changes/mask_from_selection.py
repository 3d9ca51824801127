"""A mask that shows what is selected."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import unlocked
from editor.core.changes.planes import shifted
from editor.core.document import Document, offset_of, with_layer
from editor.core.layer import Mask
from editor.core.tiles import TileMap


@dataclass(frozen=True)
class MaskFromSelection:
    """Gives the layer or group the selection as its mask, in place of one that it may have; without a selection, a
    mask that shows everything."""

    id: str
    label: str = "Mask from selection"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer."""
        unlocked(document, self.id)
        mask = Mask(self._plane(document))
        return with_layer(document, self.id, lambda layer: replace(layer, mask=mask))

    def _plane(self, document: Document) -> TileMap:
        if document.selection is None:
            return TileMap(1, None, 255)
        x, y = offset_of(document, self.id)
        return shifted(document.selection, -x, -y)
