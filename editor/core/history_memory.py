"""Keeps the tiles of a history within its budget: packs those that only far steps have, then moves them to disk."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from editor.core.history_step import Held, Step, tiles_of
from editor.core.spill import PackedTile, SpillFile
from editor.core.tiles import Tile

_LOG = logging.getLogger(__name__)

LONGEST_CHAIN = 8  # tiles that may build on each other; reading one unpacks the whole chain
_COMPRESSED_SHARE = 4  # compressed tiles may fill one in ... of the budget, before they go to disk
_AIM = 0.9  # pack down to this share of the budget, so that it is not over again at once
_SLICE = 0.003  # seconds for which the caller's thread brings tiles back itself


class _Entry:
    """A tile of the history. packed: behind it, or from before it came back. height: how many build on it in a row."""

    __slots__ = ("height", "packed", "size", "tile")

    def __init__(self, tile: Tile, size: int) -> None:
        self.tile, self.size, self.height = tile, size, 0
        self.packed: PackedTile | None = None


class TileMemory:
    """resident: bytes of tiles that lie in memory as they are; compressed: of those packed in memory."""

    def __init__(self, budget: int, current: Callable[[], Step], folder: Path | None = None) -> None:
        """current: gives the step whose tiles, and those near it, stay. folder: for the file on disk."""
        self.resident = self.compressed = 0
        self._budget, self._current, self._folder = budget, current, folder
        self._entries: dict[int, _Entry] = {}
        self._in_memory: dict[int, _Entry] = {}  # packed but not spilled, the oldest first
        self._file: SpillFile | None = None
        self._disk_failed = self._closed = self._wanted = False
        self._lock = threading.Lock()
        self._moves = 0  # how often the current step changed
        self._missing: deque[Tile] = deque()
        self._thread: threading.Thread | None = None

    @property
    def used(self) -> int:
        return self.resident + self.compressed

    @property
    def spilled(self) -> int:
        return self._file.size if self._file else 0

    def hold(self, tiles: Iterable[Held]) -> None:
        """From now on these belong to the history."""
        with self._lock:
            for tile, _, size in tiles:
                self._hold(tile, size)

    def hold_packed(self, tile: Tile, packed: PackedTile, size: int) -> None:
        """A tile that is packed already."""
        with self._lock:
            entry = self._entries[id(tile)] = _Entry(tile, size)
            entry.packed = packed
            self._in_memory[id(tile)] = entry
            self.compressed += packed.length

    def release(self, tiles: Iterable[Held]) -> None:
        """No step has these any more."""
        with self._lock:
            for tile, _, size in tiles:
                if tile.resident and self._entries.pop(id(tile), None):
                    self.resident -= size

    def moved(self, tiles: Iterable[Tile]) -> None:
        """Another step is the current one. `tiles`, of its document, come back into memory: a few at once, the others
        on the worker; until then they are read packed."""
        with self._lock:
            self._missing.clear()
        self.grown(tiles)

    def grown(self, tiles: Iterable[Tile]) -> None:
        """A new step is the current one, with `tiles` besides those of the one before."""
        with self._lock:
            self._moves += 1
            self._missing.extend(tile for tile in tiles if not tile.resident)
        end = time.monotonic() + _SLICE
        while self._restore_one() and time.monotonic() < end:
            pass
        if self._missing or self.used > self._budget:
            self._start()

    def settle(self) -> None:
        """Waits until everything is packed that should be."""
        while (thread := self._thread) is not None:
            thread.join()

    def close(self) -> None:
        self._closed = True
        self.settle()
        self._entries.clear()
        self._in_memory.clear()
        self._file = None
        self.resident = self.compressed = 0

    def _hold(self, tile: Tile, size: int) -> _Entry:
        entry = self._entries.get(id(tile))
        if entry is None:
            entry = self._entries[id(tile)] = _Entry(tile, size)
            self.resident += size if tile.resident else 0
        return entry

    def _start(self) -> None:
        with self._lock:
            self._wanted = True
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="history", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._closed or not (self._wanted or self._missing):
                    self._thread = None
                    return
                self._wanted = False
            try:
                while self._restore_one() and not self._closed:
                    pass
                if self.used > self._budget:
                    self._pack_far()
            except BaseException:
                with self._lock:
                    self._thread = None
                raise

    def _restore_one(self) -> bool:
        try:
            tile = self._missing.popleft()
        except IndexError:
            return False
        pixels = None if tile.resident else tile.pixels  # the slow part, without the lock
        with self._lock:
            entry = self._entries.get(id(tile))
            if pixels is not None and not tile.resident:
                tile.restore()
                if entry is not None:
                    self._unpacked(entry)
        return True

    def _unpacked(self, entry: _Entry) -> None:
        """What is on disk and stands alone stays there, so that the next time costs nothing."""
        self.resident += entry.size
        packed = entry.packed
        if self._in_memory.pop(id(entry.tile), None) and packed:
            self.compressed -= packed.length
        if packed and not (packed.spilled and packed.base is None):
            entry.packed = None

    def _pack_far(self) -> None:
        """Packs the tiles of the farthest steps first; starts anew where the current step changes meanwhile."""
        with self._lock:
            moves = self._moves
        for held in reversed(tiles_by_distance(self._current())):
            if self.used <= self._budget * _AIM or self._closed:
                break
            if not self._pack(held, moves):
                self._wanted = True
                return
            self._spill(self._budget // _COMPRESSED_SHARE)
        if self.used > self._budget:
            self._spill(max(0, self._budget - self.resident))

    def _pack(self, held: Held, moves: int) -> bool:
        """False where another step has become the current one."""
        with self._lock:
            entry = self._hold(held.tile, held.size)
        if not held.tile.resident:
            return True
        packed = entry.packed or PackedTile.of(held.tile.pixels, self._base(entry, held.beside))
        with self._lock:
            if moves != self._moves:
                return False
            if held.tile.resident:
                self._swap(entry, packed)
        return True

    def _swap(self, entry: _Entry, packed: PackedTile) -> None:
        entry.packed = packed
        entry.tile.pack(packed)
        self.resident -= entry.size
        if not packed.spilled:
            self.compressed += packed.length
            self._in_memory[id(entry.tile)] = entry
        height, base = entry.height, packed.base
        while base is not None and (below := self._entries.get(id(base))) is not None:
            height += 1
            below.height = max(below.height, height)
            base = below.packed.base if below.packed and not base.resident else None

    def _base(self, entry: _Entry, beside: Tile | None) -> Tile | None:
        """`beside`, unless the chain would grow too long or come back to the tile itself."""
        length, tile = entry.height + 1, beside
        while tile is not None:
            below = self._entries.get(id(tile))
            if tile is entry.tile or length > LONGEST_CHAIN or below is None:
                return None
            tile = below.packed.base if below.packed and not tile.resident else None
            length += 1
        return beside

    def _spill(self, allowed: int) -> None:
        """Moves compressed tiles to disk, the oldest first, until `allowed` bytes of them are in memory."""
        while self.compressed > allowed and not self._disk_failed:
            with self._lock:
                entry = next(iter(self._in_memory.values()), None)
                packed = entry.packed if entry else None
            if entry is None or packed is None:
                return
            try:
                self._file = self._file or SpillFile(self._folder)
                packed.spill(self._file)
            except OSError as error:  # a full disk: the tiles stay in memory, over the budget rather than lost
                self._disk_failed = True
                _LOG.warning("the history stays in memory, its temporary file cannot be written: %s", error)
                return
            with self._lock:
                if self._in_memory.pop(id(entry.tile), None):
                    self.compressed -= packed.length


def tiles_by_distance(current: Step) -> list[Held]:
    """Every tile of the history that the current step has not, once, those of the nearest steps first."""
    seen = {id(tile) for tile in tiles_of(current.document)}
    found: list[Held] = []
    visited, queue = {current.id}, deque([current])
    while queue:
        for step, tiles in queue.popleft().neighbours():
            if step.id in visited:
                continue
            visited.add(step.id)
            queue.append(step)
            for held in tiles:
                if id(held.tile) not in seen:
                    seen.add(id(held.tile))
                    found.append(held)
    return found
