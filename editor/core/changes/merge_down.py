"""A layer merged into the one below it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.changes.checks import unlocked
from editor.core.compositor import composite
from editor.core.document import Document, parent_of, siblings, with_siblings
from editor.core.errors import ChangeRefused
from editor.core.geometry import Rect
from editor.core.layer import NORMAL, GroupLayer, Layer, RasterLayer
from editor.core.tiles import TileMap


@dataclass(frozen=True)
class MergeDown:
    """Makes one layer of a layer or group and the one below it, as they look together. It takes the place, name and
    mode of the lower one, at full opacity; parts beyond the page are kept."""

    id: str
    label: str = "Merge down"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a missing, locked or hidden layer of the two, or where there is none below."""
        upper, lower = unlocked(document, self.id), self._below(document)
        for layer in (upper, lower):
            unlocked(document, layer.id)
            if not layer.visible:
                raise ChangeRefused(f"“{layer.name}” is hidden; show it before merging.")
        merged = _merged(upper, lower)
        group = parent_of(document, self.id)
        parent = group.id if group else ""
        kept = [layer for layer in siblings(document, parent) if layer.id != upper.id]
        children = tuple(merged if layer.id == lower.id else layer for layer in kept)
        return replace(with_siblings(document, parent, children), active=merged.id)

    def _below(self, document: Document) -> Layer:
        group = parent_of(document, self.id)
        layers = siblings(document, group.id if group else "")
        at = [layer.id for layer in layers].index(self.id)
        if not at:
            raise ChangeRefused(f"There is no layer below “{layers[0].name}” to merge it into.")
        return layers[at - 1]


def _merged(upper: Layer, lower: Layer) -> RasterLayer:
    area = content_rect(lower) | content_rect(upper)
    pair = (replace(lower, blend=NORMAL), upper)
    moved = tuple(replace(layer, x=layer.x - area.x, y=layer.y - area.y) for layer in pair)
    alone = Document(area.width, area.height, moved)
    plane = TileMap.of(composite(alone, alone.rect), area.x, area.y) if not area.empty else TileMap()
    return RasterLayer(name=lower.name, id=lower.id, blend=lower.blend, plane=plane, extras=lower.extras)


def content_rect(layer: Layer) -> Rect:
    """Around all tiles of a layer, in the coordinates of what it lies in."""
    if isinstance(layer, GroupLayer):
        area = Rect(0, 0, 0, 0)
        for child in layer.children:
            area |= content_rect(child)
        return area.moved(layer.x, layer.y)
    return layer.plane.bounds.moved(layer.x, layer.y)
