"""Another place in the stack for a layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import check_inside, check_parent, layer_of
from editor.core.document import Document, inserted, offset_of, parent_of, walk, with_layer
from editor.core.errors import ChangeRefused
from editor.core.layer import GroupLayer, Layer


@dataclass(frozen=True)
class MoveLayer:
    """Puts a layer or group into the group `parent` ("" is the top), at `index` from the bottom.

    index counts without the layer itself; None is on top. The pixels stay where they are on the page. A locked layer
    may be moved in the stack, but nothing goes into or out of a locked group.
    """

    id: str
    parent: str = ""
    index: int | None = None
    label: str = "Reorder layers"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing group, or one inside the layer itself."""
        layer = layer_of(document, self.id)
        check_inside(document, parent_of(document, self.id))
        check_parent(document, self.parent)
        if isinstance(layer, GroupLayer) and self.parent in _ids(layer):
            raise ChangeRefused(f"The group “{layer.name}” cannot be put into itself; choose another place.")
        taken = with_layer(document, self.id, lambda _: None)
        return inserted(taken, placed(document, layer, self.parent), self.parent, self.index)


def placed(document: Document, layer: Layer, parent: str) -> Layer:
    """`layer` of `document` as it must be inside the group `parent` to lie on the same pixels of the page."""
    x, y = offset_of(document, layer.id)
    dx, dy = offset_of(document, parent) if parent else (0, 0)
    return layer if (layer.x, layer.y) == (x - dx, y - dy) else replace(layer, x=x - dx, y=y - dy)


def _ids(group: GroupLayer) -> set[str]:
    return {group.id, *(layer.id for layer in walk(Document(0, 0, group.children)))}
