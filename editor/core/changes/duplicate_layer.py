"""A layer once more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.add_layer import above
from editor.core.changes.checks import check_parent, layer_of
from editor.core.document import Document, inserted
from editor.core.layer import GroupLayer, Layer, new_id


@dataclass(frozen=True)
class DuplicateLayer:
    """Puts an unlocked copy of a layer or group above it and makes it active; the copy shares all tiles."""

    id: str
    label: str = "Duplicate layer"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a missing layer or a locked group around it."""
        layer = layer_of(document, self.id)
        parent, index = above(document, self.id)
        check_parent(document, parent)
        copy = replace(renewed(layer), name=f"{layer.name} copy", locked=False)
        return replace(inserted(document, copy, parent, index), active=copy.id)


def renewed(layer: Layer) -> Layer:
    """The layer, and everything in it, under new ids."""
    if isinstance(layer, GroupLayer):
        return replace(layer, id=new_id(), children=tuple(renewed(child) for child in layer.children))
    return replace(layer, id=new_id())
