"""A document: one frozen value. Every change makes another document that shares all untouched tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer
from editor.core.tiles import TileMap


@dataclass(frozen=True, eq=False)
class Document:
    """width, height in pixels. layers: the lowest first. active: the id of the layer that tools work on, or "".

    selection: one channel in document coordinates, 255 selected; None selects everything. dpi: (horizontal, vertical).
    icc: the profile of all pixels, None for sRGB. exif: as in FlatImage. extras: foreign entries of the file it came
    from (name to bytes), written back on saving.
    """

    width: int
    height: int
    layers: tuple[Layer, ...] = ()
    active: str = ""
    selection: TileMap | None = None
    dpi: tuple[float, float] | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def rect(self) -> Rect:
        return Rect(0, 0, self.width, self.height)

    @property
    def active_layer(self) -> Layer | None:
        return find(self, self.active)


def walk(document: Document) -> Iterator[Layer]:
    """Every layer and group, the lowest first, a group before its children."""
    yield from _walk(document.layers)


def find(document: Document, id: str) -> Layer | None:
    """The layer of this id; None where there is none."""
    return next((layer for layer in walk(document) if layer.id == id), None)


def parent_of(document: Document, id: str) -> GroupLayer | None:
    """The group that holds the layer; None at the top or for an unknown id."""
    groups = (layer for layer in walk(document) if isinstance(layer, GroupLayer))
    return next((group for group in groups if any(child.id == id for child in group.children)), None)


def siblings(document: Document, parent: str) -> tuple[Layer, ...]:
    """The children of the group `parent`, or the top layers for ""; the lowest first. KeyError for an unknown group."""
    if not parent:
        return document.layers
    group = find(document, parent)
    if not isinstance(group, GroupLayer):
        raise KeyError(parent)
    return group.children


def with_siblings(document: Document, parent: str, children: tuple[Layer, ...]) -> Document:
    """The document with other children in the group `parent`, or other top layers for ""."""
    if not parent:
        return replace(document, layers=children)
    return with_layer(document, parent, lambda group: replace(group, children=children))


def with_layer(document: Document, id: str, change: Callable[[Layer], Layer | None]) -> Document:
    """The document with `change(layer)` in place of the layer of this id; None takes it away. KeyError if unknown."""
    layers, found = _changed(document.layers, id, change)
    if not found:
        raise KeyError(id)
    return replace(document, layers=layers)


def inserted(document: Document, layer: Layer, parent: str = "", index: int | None = None) -> Document:
    """The document with `layer` in group `parent` ("" for none), at `index` from the bottom; None puts it on top."""
    present = siblings(document, parent)
    at = len(present) if index is None else index
    return with_siblings(document, parent, (*present[:at], layer, *present[at:]))


def offset_of(document: Document, id: str) -> tuple[int, int]:
    """Where the (0, 0) of a layer's plane lies in the document: its own (x, y) plus those of all groups around it."""
    layer = find(document, id)
    if layer is None:
        raise KeyError(id)
    x, y, parent = layer.x, layer.y, parent_of(document, id)
    while parent is not None:
        x, y, parent = x + parent.x, y + parent.y, parent_of(document, parent.id)
    return x, y


def _walk(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        if isinstance(layer, GroupLayer):
            yield from _walk(layer.children)


def _changed(
    layers: tuple[Layer, ...], id: str, change: Callable[[Layer], Layer | None]
) -> tuple[tuple[Layer, ...], bool]:
    for index, layer in enumerate(layers):
        if layer.id == id:
            changed = change(layer)
            return (*layers[:index], *(() if changed is None else (changed,)), *layers[index + 1 :]), True
        if isinstance(layer, GroupLayer):
            children, found = _changed(layer.children, id, change)
            if found:
                return (*layers[:index], replace(layer, children=children), *layers[index + 1 :]), True
    return layers, False
