"""The pixels of one document as the screen takes them: tiles with mips, made in slices, kept while they are true.

A tile stays as it was until its successor is ready, so nothing flickers. Tiles of documents shown before are kept by
the document they belong to, which makes undo, before/after and choosing among variants a matter of pointers.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from editor.core.compositor import composite
from editor.core.document import Document, walk
from editor.core.geometry import EMPTY, Rect
from editor.core.thumbnails import document_thumbnail
from editor.core.tiles import SIDE, Key, Samples, keys_in, tile_rect
from editor.core.touched import touched
from editor.ui.canvas.bgra import ScreenColours, extended, for_screen, half
from editor.ui.canvas.dirty import changed_rects

BUDGET = 256 << 20
"""Bytes of tiles, those of documents shown before included (at most a half)."""
REMEMBERED = 12
"""So many documents shown before keep the tiles in which they differed."""
ROUGH = 128
"""The longer side of the rough picture that is there at once."""

Compose = Callable[[Document, Rect], Samples]


@dataclass(eq=False)
class Entry:
    """One tile: levels[k] is uint8 (SIDE >> k, SIDE >> k, 4), premultiplied BGRA, never written to again."""

    levels: dict[int, Samples]
    opaque: bool
    used: int = 0

    @property
    def bytes(self) -> int:
        return sum(level.nbytes for level in self.levels.values())

    def level(self, wanted: int) -> Samples | None:
        """Made from a finer one where need be; None where only coarser ones are left."""
        found = max((level for level in self.levels if level <= wanted), default=-1)
        if found < 0:
            return None
        for level in range(found, wanted):
            self.levels[level + 1] = half(self.levels[level])
        return self.levels[wanted]


@dataclass(eq=False)
class _Shown:
    """A document shown before, and its tiles where others were shown later; None where none was true."""

    document: weakref.ref[Document]
    tiles: dict[Key, Entry | None] = field(default_factory=dict[Key, "Entry | None"])


@dataclass(frozen=True)
class Wanted:
    """What the screen shows: document pixels at a mip level, most urgent around (x, y)."""

    rect: Rect = EMPTY
    level: int = 0
    x: float = 0.0
    y: float = 0.0


class Picture:
    def __init__(self, compose: Compose = composite, budget: int = BUDGET) -> None:
        self._compose = compose
        self._budget = budget
        self._document: Document | None = None
        self._colours = ScreenColours(None)
        self._entries: dict[Key, Entry] = {}
        self._stale: dict[Key, Rect] = {}
        self._memory: list[_Shown] = []
        self._base: _Shown | None = None
        self._rough: Samples | None = None
        self._wanted = Wanted()
        self._tick = 0
        self._added = 0
        self._pace = 5e-8  # seconds per pixel composited, measured as it goes

    @property
    def document(self) -> Document | None:
        return self._document

    @property
    def bytes(self) -> int:
        """Of all tiles, those of documents shown before included."""
        held = {id(entry): entry for entry in self._entries.values()}
        held |= {id(entry): entry for shown in self._memory for entry in shown.tiles.values() if entry is not None}
        return sum(entry.bytes for entry in held.values())

    def show(self, document: Document | None, committed: bool = True) -> list[Rect]:
        """The document rectangles that look different at once. committed: False while a tool is at work, when no
        intermediate state is worth remembering."""
        before = self._document
        if before is document:
            if committed:
                self._commit(document)
            return []
        if before is None or document is None or not _related(before, document):
            return self._reset(document)
        self._document = document
        at_base = self._base is not None and self._base.document() is before
        known = self._remembered(document)
        rects: Iterable[Rect] = touched(before, document)
        if not all(known.get(key) for rect in rects for key in keys_in(rect)):  # else whole tiles cost nothing
            rects = changed_rects(before, document)
        ready = self._swap(rects, known, at_base)
        if committed:
            self._commit(document)
        return ready

    def want(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def work(self, seconds: float) -> list[Rect]:
        """Make the most urgent missing pieces for about so long; the document rectangles that are ready now."""
        ready: list[Rect] = []
        end = time.perf_counter() + seconds
        for key in self._queue():
            rect = self._piece(key)
            if ready and time.perf_counter() + self._pace * rect.width * rect.height > end:
                break
            ready.append(self._make(key, rect))
        if self._added > self._budget // 32:
            self._added = 0
            self._tidy()
        return ready

    def sibling(self, budget: int) -> Picture:
        """Another picture of the same document, which shares all tiles so far and goes its own way from here."""
        other = Picture(self._compose, budget)
        other._document, other._colours, other._rough = self._document, self._colours, self._rough
        other._entries, other._stale = dict(self._entries), dict(self._stale)
        other._memory = [_Shown(shown.document, dict(shown.tiles)) for shown in self._memory]
        other._base = next((shown for shown in other._memory if shown.document() is self._document), None)
        if other._base is None:  # in the middle of a stroke: nothing to remember it by
            other._commit(self._document)
        return other

    @property
    def pending(self) -> bool:
        """True while something that is wanted is missing or no longer true."""
        return next(iter(self._missing()), None) is not None

    def finished(self, rect: Rect) -> bool:
        """True where everything in `rect` is as the document is."""
        return not any(key in self._stale or key not in self._entries for key in keys_in(rect & self._page))

    def read(self, rect: Rect, level: int) -> tuple[Samples, bool]:
        """(premultiplied BGRA, whether all of it is opaque) of a rectangle in pixels of a mip level, which must lie
        within the page's tiles. Where a tile is missing, a rougher picture of it."""
        self._tick += 1
        result = np.empty((rect.height, rect.width, 4), np.uint8)
        opaque, side = True, SIDE >> level
        for row in range(rect.y // side, (rect.bottom - 1) // side + 1):
            top, bottom = max(rect.y, row * side), min(rect.bottom, (row + 1) * side)
            for column in range(rect.x // side, (rect.right - 1) // side + 1):
                left, right = max(rect.x, column * side), min(rect.right, (column + 1) * side)
                pixels, solid = self._tile((column, row), level)
                result[top - rect.y : bottom - rect.y, left - rect.x : right - rect.x] = pixels[
                    top - row * side : bottom - row * side, left - column * side : right - column * side
                ]
                opaque = opaque and solid
        return result, opaque

    @property
    def _page(self) -> Rect:
        return EMPTY if self._document is None else self._document.rect

    def _reset(self, document: Document | None) -> list[Rect]:
        self._entries, self._stale, self._memory, self._base = {}, {}, [], None
        self._document, self._rough = document, None
        if document is None:
            return []
        self._colours = ScreenColours(document.icc)
        self._commit(document)
        if document.layers and not document.rect.empty:
            self._rough = for_screen(self._colours(document_thumbnail(document, ROUGH)))[0]
        return [document.rect]

    def _commit(self, document: Document | None) -> None:
        """From here on, what is replaced is remembered as this document's."""
        if document is None or (self._base is not None and self._base.document() is document):
            return
        base = next((shown for shown in self._memory if shown.document() is document), None)
        self._memory = [shown for shown in self._memory if shown.document() is not None and shown is not base]
        self._base = base or _Shown(weakref.ref(document))
        self._memory = [*self._memory, self._base][-REMEMBERED:]

    def _remembered(self, document: Document) -> dict[Key, Entry | None]:
        found = next((shown for shown in self._memory if shown.document() is document), None)
        return {} if found is None else found.tiles

    def _swap(self, rects: Iterable[Rect], known: dict[Key, Entry | None], at_base: bool) -> list[Rect]:
        """Put remembered tiles where something changed and mark the others; the parts that are right at once."""
        pieces: dict[Key, Rect] = {}
        for rect in rects:
            for key in keys_in(rect):
                pieces[key] = pieces.get(key, EMPTY) | (rect & tile_rect(key))
        ready: list[Rect] = []
        for key, rect in pieces.items():
            self._remember(key, at_base)
            entry = known.get(key)
            if entry is None:
                self._stale[key] = self._stale.get(key, EMPTY) | rect
            else:
                ready.append(self._stale.pop(key, EMPTY) | rect)
                self._entries[key] = entry
        return ready

    def _remember(self, key: Key, at_base: bool) -> None:
        if self._base is not None and (key not in self._base.tiles or (at_base and self._base.tiles[key] is None)):
            self._base.tiles[key] = None if key in self._stale else self._entries.get(key)

    def _missing(self) -> Iterator[Key]:
        level = self._wanted.level
        for key in keys_in(self._wanted.rect & self._page):
            entry = self._entries.get(key)
            if entry is None or key in self._stale or min(entry.levels) > level:
                yield key

    def _queue(self) -> list[Key]:
        x, y = self._wanted.x / SIDE - 0.5, self._wanted.y / SIDE - 0.5
        return sorted(self._missing(), key=lambda key: (key[0] - x) ** 2 + (key[1] - y) ** 2)

    def _piece(self, key: Key) -> Rect:
        """What has to be composited of a tile, in document pixels: aligned to its coarsest mip, within the page."""
        entry, whole = self._entries.get(key), tile_rect(key)
        if entry is None or min(entry.levels) > self._wanted.level:
            return whole & self._page
        step = 1 << max(entry.levels)
        rect = self._stale[key]
        aligned = Rect.between(
            rect.x // step * step, rect.y // step * step, -(-rect.right // step) * step, -(-rect.bottom // step) * step
        )
        return aligned & whole & self._page

    def _make(self, key: Key, rect: Rect) -> Rect:
        document, entry, whole = self._document, self._entries.get(key), tile_rect(key)
        if document is None:
            return EMPTY
        start = time.perf_counter()
        pixels, opaque = for_screen(self._colours(self._compose(document, rect)))
        right = whole.right - rect.right if rect.right == self._page.right else 0
        bottom = whole.bottom - rect.bottom if rect.bottom == self._page.bottom else 0
        pixels = extended(pixels, right, bottom)
        if entry is None or rect == whole & self._page:
            self._entries[key] = Entry({0: pixels}, opaque, self._tick)
        else:
            self._entries[key] = _patched(entry, pixels, rect.x - whole.x, rect.y - whole.y, opaque)
        self._added += self._entries[key].bytes
        self._stale.pop(key, None)
        spent = (time.perf_counter() - start) / (rect.width * rect.height)
        self._pace += 0.2 * (spent - self._pace)
        return rect

    def _tile(self, key: Key, level: int) -> tuple[Samples, bool]:
        entry = self._entries.get(key)
        if entry is None:
            return self._rough_tile(key, level), False
        entry.used = self._tick
        pixels = entry.level(level)
        if pixels is not None:
            return pixels, entry.opaque
        coarse = entry.levels[min(entry.levels)]
        side = SIDE >> level
        return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8), entry.opaque

    def _rough_tile(self, key: Key, level: int) -> Samples:
        side, page = SIDE >> level, self._page
        if self._rough is None:
            return np.zeros((side, side, 4), np.uint8)
        across, down = self._rough.shape[1] / page.width, self._rough.shape[0] / page.height
        place = np.array(
            [
                [across * (1 << level), 0, (key[0] * SIDE + 0.5) * across - 0.5],
                [0, down * (1 << level), (key[1] * SIDE + 0.5) * down - 0.5],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        rough = cv2.warpAffine(self._rough, place, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(rough, np.uint8)

    def _tidy(self) -> None:
        """Keep to the budget: first older documents, then what is finer than needed, then what is out of sight."""
        total = self.bytes
        while total > self._budget // 2 and len(self._memory) > 1 and self._memory[0] is not self._base:
            if sum(e.bytes for shown in self._memory for e in shown.tiles.values() if e) <= self._budget // 2:
                break
            self._memory.pop(0)
            total = self.bytes
        if total <= self._budget:
            return
        wanted = set(keys_in(self._wanted.rect & self._page))
        for key, entry in sorted(self._entries.items(), key=lambda item: (item[0] in wanted, item[1].used)):
            total -= self._slimmed(key, entry, self._wanted.level if key in wanted else 3)
            if total <= self._budget * 3 // 4:
                break

    def _slimmed(self, key: Key, entry: Entry, level: int) -> int:
        """Let go of what is finer than `level`; how many bytes that was."""
        if level == 0 or entry.level(level) is None:
            return 0
        before = entry.bytes
        slim = Entry({k: pixels for k, pixels in entry.levels.items() if k >= level}, entry.opaque, entry.used)
        self._entries[key] = slim
        return before - slim.bytes


def _patched(entry: Entry, pixels: Samples, x: int, y: int, opaque: bool) -> Entry:
    """A tile with other pixels at (x, y) in all its levels: a multiple of its coarsest pixel, as are their sides."""
    levels: dict[int, Samples] = {}
    for level in range(max(entry.levels) + 1):
        if level:
            pixels = half(pixels)
        if level in entry.levels:
            copy = entry.levels[level].copy()
            copy[y >> level : (y >> level) + pixels.shape[0], x >> level : (x >> level) + pixels.shape[1]] = pixels
            levels[level] = copy
    return Entry(levels, opaque and entry.opaque, entry.used)


def _related(before: Document, after: Document) -> bool:
    """True for two states of one picture; tiles of another picture would only be in the way."""
    if before.rect != after.rect or before.icc != after.icc:
        return False
    return not before.layers or not after.layers or bool(_ids(before) & _ids(after))


def _ids(document: Document) -> set[str]:
    return {layer.id for layer in walk(document)}
