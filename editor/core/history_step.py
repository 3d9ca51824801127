"""One state in a history, and which tiles tell it from its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from editor.core.document import Document, walk
from editor.core.layer import RasterLayer
from editor.core.tiles import SIDE, Key, Tile, TileMap


class Held(NamedTuple):
    """A tile that one of two neighbouring documents has. beside: what the other one has in the same place."""

    tile: Tile
    beside: Tile | None
    size: int
    """Bytes of its pixels."""


@dataclass(eq=False)
class Step:
    """One state of the document. Read only; the history changes it.

    bytes: of the tiles that it has and its parent has not. children: the oldest first. added: those tiles; removed:
    those that only the parent has.
    """

    id: int
    label: str
    document: Document
    parent: Step | None = None
    children: list[Step] = field(default_factory=list["Step"])
    added: tuple[Held, ...] = ()
    removed: tuple[Held, ...] = ()
    merge_key: str = ""
    visited: Step | None = None
    """The child that redo goes to."""

    @property
    def bytes(self) -> int:
        return sum(held.size for held in self.added)

    def compare(self) -> None:
        """Finds `added` and `removed` anew."""
        before = self.parent.document if self.parent else Document(0, 0)
        self.added, self.removed = differences(before, self.document)

    def neighbours(self) -> Iterator[tuple[Step, tuple[Held, ...]]]:
        """The steps next to it, each with the tiles that it has and this one has not."""
        if self.parent is not None:
            yield self.parent, self.removed
        for child in tuple(self.children):
            yield child, child.added


def planes(document: Document) -> dict[tuple[str, str], TileMap]:
    """All planes of pixels by (layer id, "plane" or "mask"); the selection under ("", "selection")."""
    found: dict[tuple[str, str], TileMap] = {}
    for layer in walk(document):
        if isinstance(layer, RasterLayer):
            found[layer.id, "plane"] = layer.plane
        if layer.mask is not None:
            found[layer.id, "mask"] = layer.mask.plane
    if document.selection is not None:
        found["", "selection"] = document.selection
    return found


def tiles_of(document: Document) -> Iterator[Tile]:
    """Every tile, as often as it is used."""
    for plane in planes(document).values():
        yield from plane.tiles.values()


def differences(before: Document, after: Document) -> tuple[tuple[Held, ...], tuple[Held, ...]]:
    """(tiles that only `after` has, tiles that only `before` has), each once."""
    old, new = planes(before), planes(after)
    added, removed = _only_in(new, old), _only_in(old, new)
    if added:
        present = _ids(old)
        added = {id: held for id, held in added.items() if id not in present}
    if removed:
        present = _ids(new)
        removed = {id: held for id, held in removed.items() if id not in present}
    return tuple(added.values()), tuple(removed.values())


def _only_in(these: dict[tuple[str, str], TileMap], others: dict[tuple[str, str], TileMap]) -> dict[int, Held]:
    """The tiles of these planes that are not at the same place in the others."""
    found: dict[int, Held] = {}
    for place, plane in these.items():
        other = others.get(place)
        if other is plane:
            continue
        beside: Mapping[Key, Tile] = other.tiles if other is not None else {}
        size = SIDE * SIDE * plane.channels
        for key, tile in plane.tiles.items():
            if beside.get(key) is not tile:
                found[id(tile)] = Held(tile, beside.get(key), size)
    return found


def _ids(planes: dict[tuple[str, str], TileMap]) -> set[int]:
    return {id(tile) for plane in planes.values() for tile in plane.tiles.values()}
