"""A new layer or group."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import check_parent
from editor.core.document import Document, find, inserted, parent_of, siblings
from editor.core.layer import GroupLayer, Layer


@dataclass(frozen=True)
class AddLayer:
    """Puts `layer` into the group `parent` at `index` from the bottom and makes it active.

    Without parent and index: directly above the active layer, or on top where none is active. An index
    beyond the last puts it on top. The label, where none is given, names the layer.
    """

    layer: Layer
    parent: str = ""
    index: int | None = None
    label: str = ""
    merge_key: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            kind = "group" if isinstance(self.layer, GroupLayer) else "layer"
            object.__setattr__(self, "label", f"New {kind}")

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused where the group is locked or missing."""
        parent, index = self.parent, self.index
        if not parent and index is None:
            parent, index = above(document, document.active)
        check_parent(document, parent)
        return replace(inserted(document, self.layer, parent, index), active=self.layer.id)


def above(document: Document, id: str) -> tuple[str, int | None]:
    """(parent, index) of the place directly above a layer; the top of the document for an unknown one."""
    if find(document, id) is None:
        return "", None
    group = parent_of(document, id)
    parent = group.id if group else ""
    ids = [layer.id for layer in siblings(document, parent)]
    return parent, ids.index(id) + 1
