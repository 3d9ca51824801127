"""A layer moved on the page."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import unlocked
from editor.core.document import Document, with_layer


@dataclass(frozen=True)
class MoveBy:
    """Moves a layer, or a group with all in it, by whole pixels. merging: for arrow keys, whose presses in a row are
    one step until the history is sealed."""

    id: str
    dx: int
    dy: int
    label: str = "Move layer"
    merging: bool = False

    @property
    def merge_key(self) -> str:
        return f"move {self.id}" if self.merging else ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer."""
        unlocked(document, self.id)
        if not (self.dx or self.dy):
            return document
        return with_layer(document, self.id, lambda layer: replace(layer, x=layer.x + self.dx, y=layer.y + self.dy))
