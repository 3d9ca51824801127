"""Taking layers and groups away."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import unlocked
from editor.core.document import Document, find, parent_of, siblings, with_layer


@dataclass(frozen=True)
class RemoveLayers:
    """Takes layers and groups (with all in them) away. Of the layers left, the one below becomes active."""

    ids: tuple[str, ...]
    label: str = "Delete layer"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a locked or missing layer, or for none at all."""
        for id in self.ids or ("",):
            unlocked(document, id)
        result = document
        for id in self.ids:
            if find(result, id) is not None:  # it may have gone with its group
                result = _without(result, id)
        return result


def _without(document: Document, id: str) -> Document:
    next_active = _neighbour(document, id)
    result = with_layer(document, id, lambda _: None)
    return result if find(result, document.active) else replace(result, active=next_active)


def _neighbour(document: Document, id: str) -> str:
    """The sibling below, else the one above, else the group around it, else none."""
    group = parent_of(document, id)
    ids = [layer.id for layer in siblings(document, group.id if group else "")]
    at = ids.index(id)
    if len(ids) > 1:
        return ids[at - 1] if at else ids[1]
    return group.id if group else ""
