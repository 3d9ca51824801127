"""Layers put into a new group."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.add_layer import above
from editor.core.changes.checks import check_inside, layer_of
from editor.core.changes.move_layer import placed
from editor.core.document import Document, inserted, parent_of, siblings, walk, with_layer
from editor.core.errors import ChangeRefused
from editor.core.layer import GroupLayer, Layer


@dataclass(frozen=True)
class Group:
    """Puts layers and groups, wherever they are, into a new group in the place of the topmost of them. Their order
    and their pixels on the page stay; the new group becomes active."""

    ids: tuple[str, ...]
    name: str = "Group"
    label: str = "Group layers"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for no layers, a missing one, or one in a locked group."""
        if not self.ids:
            raise ChangeRefused("No layer is chosen; choose the layers to group.")
        layers = self._outermost(document)
        for layer in layers:
            check_inside(document, parent_of(document, layer.id))
        parent, index = above(document, layers[-1].id)
        below = siblings(document, parent)[:index]
        place = sum(all(one.id != layer.id for layer in layers) for one in below)
        group = GroupLayer(name=self.name, children=tuple(placed(document, layer, parent) for layer in layers))
        for layer in layers:
            document = with_layer(document, layer.id, lambda _: None)
        return replace(inserted(document, group, parent, place), active=group.id)

    def _outermost(self, document: Document) -> list[Layer]:
        """The lowest first, without those whose group comes along anyway."""
        chosen = {layer_of(document, id).id for id in self.ids}
        inner = {
            one.id
            for id in chosen
            if isinstance(group := layer_of(document, id), GroupLayer)
            for one in walk(Document(0, 0, group.children))
        }
        return [layer for layer in walk(document) if layer.id in chosen - inner]
