"""The history of a document: a tree of steps, of which none is ever lost."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from editor.core.changes.change import Change
from editor.core.document import Document
from editor.core.history_memory import TileMemory
from editor.core.history_step import Step, tiles_of
from editor.core.observe import Signal
from editor.core.spill import PackedTile
from editor.core.tiles import Tile

__all__ = ["History", "Moment", "Snapshot", "Step", "default_budget"]


class Moment(NamedTuple):
    """A step as a value. parent: its id, -1 for the root."""

    id: int
    label: str
    document: Document
    parent: int


class Snapshot(NamedTuple):
    """A whole history as a value, parents before their children; current: the id of the step shown."""

    steps: tuple[Moment, ...]
    current: int


class History:
    """A change after an undo starts a branch; the old one stays reachable through `steps` and `go`.

    changed: (before, after) once the shown document is another one. Used on one thread, `snapshot` on any.
    """

    def __init__(
        self, document: Document, label: str = "Open", budget: int | None = None, folder: Path | None = None
    ) -> None:
        """budget: bytes of memory for all tiles, None for a quarter of the machine's; the document shown always stays,
        and tiles of far steps are packed and then moved to a temporary file in `folder`, in the background."""
        self.changed: Signal[Document, Document] = Signal()
        self._lock = Lock()
        self.root = Step(0, label, document)
        self._current = self.root
        self._steps = {0: self.root}
        self._next_id = 1
        self._mergeable = False
        self._memory = TileMemory(default_budget() if budget is None else budget, lambda: self._current, folder)
        self._begin(0, document)

    @classmethod
    def restored(
        cls,
        snapshot: Snapshot,
        packed: Mapping[Tile, tuple[PackedTile, int]] | None = None,
        budget: int | None = None,
        folder: Path | None = None,
    ) -> History:
        """A history as it was. packed: for tiles that are not in memory, what they unpack from and their size."""
        first = snapshot.steps[0]
        history = cls(Document(0, 0), first.label, budget, folder)
        for tile, (behind, size) in (packed or {}).items():
            history._memory.hold_packed(tile, behind, size)
        history._begin(first.id, first.document)
        for moment in snapshot.steps[1:]:
            history._add(Step(moment.id, moment.label, moment.document, history._steps[moment.parent]))
        history._next_id = max(history._steps) + 1
        history._move(history._steps[snapshot.current])
        history._memory.moved(tiles_of(history.document))
        return history

    @property
    def current(self) -> Step:
        return self._current

    @property
    def document(self) -> Document:
        return self._current.document

    @property
    def newest(self) -> int:
        """The id of the step that was made last; ids rise, and none is given twice."""
        return self._next_id - 1

    @property
    def can_undo(self) -> bool:
        return self._current.parent is not None

    @property
    def can_redo(self) -> bool:
        return bool(self._current.children)

    @property
    def bytes_used(self) -> int:
        """Memory for the tiles of all steps, packed or not."""
        return self._memory.used

    @property
    def spilled_bytes(self) -> int:
        """On disk."""
        return self._memory.spilled

    def steps(self) -> Iterator[Step]:
        """All of them, the oldest first; a parent comes before its children."""
        return iter(tuple(self._steps.values()))

    def do(self, change: Change) -> Document:
        """Applies a change as a new step, or in place of the current one where both have the same merge key and nothing
        sealed it. A change that changes nothing makes no step. Raises ChangeRefused; all is as it was then."""
        before = self._current
        document = change.apply(before.document)
        if document is before.document:
            return document
        with self._lock:
            parent = self._merged_into(change.merge_key)
            step = Step(self._next_id, change.label, document, parent, merge_key=change.merge_key)
            self._next_id += 1
            self._add(step)
            if parent is not before:
                kept = {id(held.tile) for held in step.added}
                self._memory.release(held for held in before.added if id(held.tile) not in kept)
            self._move(step)
            self._memory.grown(held.tile for held in step.added)
        self._mergeable = True
        self.changed.emit(before.document, document)
        return document

    def undo(self) -> None:
        """To the step before; nothing at the root."""
        if self._current.parent is not None:
            self.go(self._current.parent.id)

    def redo(self) -> None:
        """To the next step of the branch last visited; nothing at its end."""
        if self._current.children:
            self.go((self._current.visited or self._current.children[-1]).id)

    def go(self, step_id: int) -> None:
        """To any step. Raises KeyError for an unknown one."""
        step, before = self._steps[step_id], self._current.document
        self.seal()
        if step is self._current:
            return
        with self._lock:
            self._move(step)
            self._memory.moved(tiles_of(step.document))
        self.changed.emit(before, step.document)

    def look(self, document: Document) -> None:
        """Puts `document` in place of the current step's without a step: another active layer, nothing to undo."""
        before = self._current.document
        if document is before:
            return
        with self._lock:
            self._current.document = document
            if document.layers is not before.layers or document.selection is not before.selection:
                self._compare_again(self._current)
        self.changed.emit(before, document)

    def seal(self) -> None:
        """Ends merging: the slider is let go, the document is saved."""
        self._mergeable = False

    def snapshot(self) -> Snapshot:
        """All steps as they are now; on any thread."""
        with self._lock:
            steps = tuple(
                Moment(step.id, step.label, step.document, step.parent.id if step.parent else -1)
                for step in self._steps.values()
            )
            return Snapshot(steps, self._current.id)

    def settle(self) -> None:
        """Waits for the packing in the background."""
        self._memory.settle()

    def close(self) -> None:
        """Ends the packing and lets the memory go. Documents that someone still holds stay readable."""
        self._memory.close()

    def _begin(self, id: int, document: Document) -> None:
        self.root.id, self.root.document, self._steps = id, document, {id: self.root}
        self.root.compare()
        self._memory.hold(self.root.added)
        self._memory.moved(tiles_of(document))

    def _merged_into(self, key: str) -> Step:
        """The parent of the next step; the current one is taken away where the next replaces it."""
        step = self._current
        if not (self._mergeable and key and key == step.merge_key and step.parent and not step.children):
            return step
        step.parent.children.remove(step)
        del self._steps[step.id]
        return step.parent

    def _add(self, step: Step) -> None:
        assert step.parent is not None
        step.compare()
        step.parent.children.append(step)
        self._steps[step.id] = step
        self._memory.hold(step.added)

    def _move(self, step: Step) -> None:
        self._current = step
        while step.parent is not None:
            step.parent.visited = step
            step = step.parent

    def _compare_again(self, step: Step) -> None:
        for one in (step, *step.children):
            one.compare()
            self._memory.hold(one.added)


def default_budget(percent: int = 25) -> int:
    """So much of the machine's memory, in bytes."""
    return _memory_size() * percent // 100


if sys.platform == "win32":
    import ctypes

    class _Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *(
                (name, ctypes.c_ulonglong)
                for name in ("total", "free", "page", "page_free", "virtual", "free_v", "ext")
            ),
        ]

    def _memory_size() -> int:
        status = _Status(length=ctypes.sizeof(_Status))
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status.total)

else:

    def _memory_size() -> int:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
