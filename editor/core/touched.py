"""Where two documents can look different, told from which of their parts are not the same object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from editor.core.document import Document
from editor.core.geometry import Rect, around
from editor.core.layer import NORMAL, GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import SIDE, Key, changed_keys


def touched(before: Document, after: Document) -> tuple[Rect, ...]:
    """The rectangles of the page outside of which both documents show the same; none where they are alike.

    As fine as the layers' tiles; rectangles may overlap. A page of another size is touched as a whole. Neither the
    selection nor which layer is active counts.
    """
    page = after.rect
    if before.rect != page:
        return (page,)
    if before.layers is after.layers:
        return ()
    found = _lists(_Stack(before.layers, 0, 0, page), _Stack(after.layers, 0, 0, page))
    return _tidied(rect & page for rect in found)


@dataclass(frozen=True)
class _Stack:
    """Layers of one list, whose (0, 0) lies at (x, y) of the page."""

    layers: Sequence[Layer]
    x: int
    y: int
    page: Rect

    def content(self, layer: Layer) -> Iterator[Rect]:
        """Rectangles of the page that hold all that the layer shows."""
        if not _drawn(layer):
            return iter(())
        if isinstance(layer, GroupLayer):
            inner = self.inside(layer)
            return (rect for child in layer.children for rect in inner.content(child))
        if layer.plane.blank:
            return iter((self.page,))
        return _placed(layer.plane.tiles, self.x + layer.x, self.y + layer.y)

    def inside(self, group: GroupLayer) -> _Stack:
        return _Stack(group.children, self.x + group.x, self.y + group.y, self.page)


def _lists(before: _Stack, after: _Stack) -> Iterator[Rect]:
    old = {layer.id: (index, layer) for index, layer in enumerate(before.layers)}
    new = {layer.id: layer for layer in after.layers}
    # Where a few layers change places, all that happens lies under these few.
    common = [(old[layer.id][0], layer.id) for layer in after.layers if layer.id in old]
    staying = {common[index][1] for index in _longest_rising([place for place, _ in common])}
    for _, layer in old.values():
        if layer.id not in staying:
            yield from before.content(layer)
    for layer in new.values():
        if layer.id in staying:
            yield from _layers(before, old[layer.id][1], after, layer)
        else:
            yield from after.content(layer)


def _layers(before: _Stack, old: Layer, after: _Stack, new: Layer) -> Iterator[Rect]:
    here, there = (before.x + old.x, before.y + old.y), (after.x + new.x, after.y + new.y)
    if (old is new and here == there) or not (_drawn(old) or _drawn(new)):
        return
    if here != there or _look(old) != _look(new) or not _masks_match(old.mask, new.mask):
        yield from before.content(old)
        yield from after.content(new)
        return
    yield from _mask_changes(before, old, after, new)
    if isinstance(old, GroupLayer) and isinstance(new, GroupLayer):
        if old.children is not new.children:
            yield from _lists(before.inside(old), after.inside(new))
    elif isinstance(old, RasterLayer) and isinstance(new, RasterLayer):
        if old.plane.blank != new.plane.blank:
            yield after.page
        yield from _placed(changed_keys(old.plane, new.plane), *there)


def _mask_changes(before: _Stack, old: Layer, after: _Stack, new: Layer) -> Iterator[Rect]:
    """Tiles of the mask, where the layer has anything to show; both masks count and have the same blank."""
    if not _counts(old.mask) or old.mask is None or new.mask is None or old.mask.plane is new.mask.plane:
        return
    tiles = list(_placed(changed_keys(old.mask.plane, new.mask.plane), after.x + new.x, after.y + new.y))
    reach = around((*before.content(old), *after.content(new)))
    yield from (rect & reach for rect in tiles)


def _drawn(layer: Layer) -> bool:
    return layer.visible and layer.opacity > 0


def _look(layer: Layer) -> tuple[object, ...]:
    """What changes all of a layer where it changes."""
    through = isinstance(layer, GroupLayer) and layer.pass_through
    return type(layer), _drawn(layer), layer.opacity, through, NORMAL if through else layer.blend


def _counts(mask: Mask | None) -> bool:
    return mask is not None and mask.enabled


def _masks_match(old: Mask | None, new: Mask | None) -> bool:
    """True where at most the tiles of the masks differ."""
    if not _counts(old) or not _counts(new):
        return _counts(old) == _counts(new)
    return old is not None and new is not None and old.plane.blank == new.plane.blank


def _placed(keys: Iterable[Key] | Mapping[Key, object], x: int, y: int) -> Iterator[Rect]:
    """The tiles of a plane whose (0, 0) lies at (x, y) of the page; neighbours become one rectangle."""
    runs: dict[tuple[int, int], list[int]] = {}
    for (first, last), row in _runs(keys):
        rows = runs.setdefault((first, last), [])
        if rows and rows[-1] != row - 1:
            yield _tiles(first, last, rows[0], rows[-1]).moved(x, y)
            rows.clear()
        rows.append(row)
    for (first, last), rows in runs.items():
        yield _tiles(first, last, rows[0], rows[-1]).moved(x, y)


def _runs(keys: Iterable[Key]) -> Iterator[tuple[tuple[int, int], int]]:
    """((first column, last column), row) of each unbroken run of tiles, row by row."""
    start: Key | None = None
    last: Key | None = None
    for row, column in sorted((row, column) for column, row in keys):
        if start is None or last is None or (last[1], last[0] + 1) != (row, column):
            if start is not None and last is not None:
                yield (start[0], last[0]), last[1]
            start = (column, row)
        last = (column, row)
    if start is not None and last is not None:
        yield (start[0], last[0]), last[1]


def _tiles(first: int, last: int, top: int, bottom: int) -> Rect:
    return Rect(first * SIDE, top * SIDE, (last + 1 - first) * SIDE, (bottom + 1 - top) * SIDE)


def _tidied(rects: Iterable[Rect]) -> tuple[Rect, ...]:
    """Without empty ones and those that lie within another."""
    kept: list[Rect] = []
    for rect in sorted(set(rects), key=lambda rect: -rect.width * rect.height):
        if not rect.empty and not any(rect & larger == rect for larger in kept):
            kept.append(rect)
    return tuple(kept)


def _longest_rising(values: Sequence[int]) -> set[int]:
    """The indices of a longest rising subsequence (of distinct values)."""
    length, previous = [1] * len(values), [-1] * len(values)
    for index, value in enumerate(values):
        for earlier in range(index):
            if values[earlier] < value and length[earlier] >= length[index]:
                length[index], previous[index] = length[earlier] + 1, earlier
    at = max(range(len(values)), key=length.__getitem__, default=-1)
    chain: set[int] = set()
    while at >= 0:
        chain.add(at)
        at = previous[at]
    return chain
