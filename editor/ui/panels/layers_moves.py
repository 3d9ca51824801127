"""Where dragged layers land, and the change that puts them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from editor.core.changes.change import Change
from editor.core.changes.move_layer import MoveLayer
from editor.core.document import Document, find, parent_of, siblings, walk
from editor.core.layer import GroupLayer


@dataclass(frozen=True)
class Place:
    """In the group `parent` ("" is the top), just above the layer `above`, or lowest where that is ""."""

    parent: str
    above: str = ""


@dataclass(frozen=True)
class MoveLayers:
    """Several layers to one place, in their order, as one step."""

    ids: tuple[str, ...]
    place: Place
    merge_key: str = ""

    @property
    def label(self) -> str:
        return "Reorder layers"

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused where one of them may not go there."""
        below = self.place.above
        for id in self.ids:
            present = [layer.id for layer in siblings(document, self.place.parent) if layer.id != id]
            index = present.index(below) + 1 if below in present else 0
            document = MoveLayer(id, self.place.parent, index).apply(document)
            below = id
        return document


def move(document: Document, ids: Sequence[str], place: Place) -> Change | None:
    """The change for dragging these layers there; None where it would change nothing or make no sense.

    Of a group and layers inside it only the group moves. A layer next to itself keeps the place above the next one.
    """
    chosen = set(ids)
    moved = tuple(
        layer.id for layer in walk(document) if layer.id in chosen and not _inside(document, layer.id, chosen)
    )
    if not moved or place.parent in chosen or _inside(document, place.parent, chosen):
        return None
    order = [layer.id for layer in siblings(document, place.parent)]
    below = order[: order.index(place.above) + 1] if place.above in order else []
    rest = [id for id in below if id not in chosen]
    target = Place(place.parent, rest[-1] if rest else "")
    kept = [id for id in order if id not in moved]
    at = kept.index(target.above) + 1 if target.above else 0
    return None if [*kept[:at], *moved, *kept[at:]] == order else MoveLayers(moved, target)


def _inside(document: Document, id: str, groups: set[str]) -> bool:
    parent = parent_of(document, id) if id else None
    while parent is not None:
        if parent.id in groups:
            return True
        parent = parent_of(document, parent.id)
    return False


def into(document: Document, id: str) -> Place | None:
    """On top of what is in this group; None where the id is no group."""
    group = find(document, id)
    if not isinstance(group, GroupLayer):
        return None
    return Place(id, group.children[-1].id if group.children else "")


def above(document: Document, id: str) -> Place:
    """Just above this layer, in the same group."""
    parent = parent_of(document, id)
    return Place(parent.id if parent else "", id)


def below(document: Document, id: str) -> Place:
    """Just below this layer, in the same group."""
    parent = parent_of(document, id)
    inside = parent.id if parent else ""
    order = [layer.id for layer in siblings(document, inside)]
    at = order.index(id)
    return Place(inside, order[at - 1] if at else "")
