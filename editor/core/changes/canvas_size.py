"""A larger or smaller page around the same pixels."""

from __future__ import annotations

from dataclasses import dataclass

from editor.core.changes.checks import check_size
from editor.core.changes.crop import with_page
from editor.core.document import Document
from editor.core.geometry import Rect


@dataclass(frozen=True)
class CanvasSize:
    """Gives the page another size in pixels; (x, y) is where its old corner comes to lie, (0, 0) without more."""

    width: int
    height: int
    x: int = 0
    y: int = 0
    label: str = "Canvas size"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a size that is no size."""
        check_size(self.width, self.height)
        return with_page(document, Rect(-self.x, -self.y, self.width, self.height))
