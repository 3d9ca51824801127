"""A smaller page."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.planes import in_page
from editor.core.document import Document
from editor.core.errors import ChangeRefused
from editor.core.geometry import Rect


@dataclass(frozen=True)
class Crop:
    """Makes `rect` the page. The layers keep what lies beyond it, so that moving them brings it back."""

    rect: Rect
    label: str = "Crop"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused where nothing of the page would be left."""
        if (self.rect & document.rect).empty:
            raise ChangeRefused("Nothing of the page lies inside the crop; draw the frame over the picture.")
        return with_page(document, self.rect)


def with_page(document: Document, rect: Rect) -> Document:
    """The document with `rect` of it, which may reach beyond, as its page; no pixel of a layer is lost."""
    if rect == document.rect:
        return document
    layers = tuple(replace(layer, x=layer.x - rect.x, y=layer.y - rect.y) for layer in document.layers)
    page = Rect(0, 0, rect.width, rect.height)
    selection = in_page(document.selection, page, -rect.x, -rect.y)
    return replace(document, width=rect.width, height=rect.height, layers=layers, selection=selection)
