"""A group taken apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import group_of, unlocked
from editor.core.document import Document, parent_of, siblings, with_siblings
from editor.core.layer import GroupLayer, Layer


@dataclass(frozen=True)
class Ungroup:
    """Puts the layers of a group in its place. Their pixels on the page stay, and layers of a hidden group are
    hidden; the group's own opacity, mode and mask go."""

    id: str
    label: str = "Ungroup"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a layer, a missing or a locked group."""
        group = group_of(document, self.id)
        unlocked(document, self.id)
        around = parent_of(document, self.id)
        parent = around.id if around else ""
        present = siblings(document, parent)
        at = [layer.id for layer in present].index(self.id)
        freed = tuple(_freed(group, layer) for layer in group.children)
        result = with_siblings(document, parent, (*present[:at], *freed, *present[at + 1 :]))
        if document.active != self.id:
            return result
        return replace(result, active=freed[-1].id if freed else "")


def _freed(group: GroupLayer, layer: Layer) -> Layer:
    return replace(layer, x=layer.x + group.x, y=layer.y + group.y, visible=layer.visible and group.visible)
