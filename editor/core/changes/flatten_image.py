"""All layers made one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.errors import ChangeRefused
from editor.core.layer import RasterLayer
from editor.core.tiles import Samples, TileMap


@dataclass(frozen=True)
class FlattenImage:
    """Makes one layer of the page as it looks; hidden layers and what lies beyond the page go.

    A large document takes a second: the window computes `compositor.flatten` in the background and does
    `Replace(flattened(document, pixels), "Flatten image")`.
    """

    name: str = "Background"
    label: str = "Flatten image"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a document without layers."""
        if not document.layers:
            raise ChangeRefused("There is nothing to flatten; the document has no layers.")
        return flattened(document, composite(document, document.rect), self.name)


def flattened(document: Document, pixels: Samples, name: str = "Background") -> Document:
    """The document with `pixels` (height, width, 4), its composite, as its only layer."""
    layer = RasterLayer(name=name, plane=TileMap.of(pixels))
    return replace(document, layers=(layer,), active=layer.id)
