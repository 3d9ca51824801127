"""Another mask for a layer, or none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import unlocked
from editor.core.document import Document, with_layer
from editor.core.layer import Mask


@dataclass(frozen=True)
class SetMask:
    """mask: in the coordinates of the layer's own plane; None takes it away."""

    id: str
    mask: Mask | None
    merge_key: str = ""

    @property
    def label(self) -> str:
        return "Change mask" if self.mask else "Remove mask"

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer."""
        if unlocked(document, self.id).mask is self.mask:
            return document
        return with_layer(document, self.id, lambda layer: replace(layer, mask=self.mask))
