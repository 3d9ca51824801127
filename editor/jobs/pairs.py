"""The user's pairs for training, as the window shows them; one process at a time keeps them, off its thread."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from editor.core.errors import PalimpsestError
from editor.core.observe import Observed
from editor.edits.background import Background, Progress
from editor.edits.pairs import NewPair
from editor.jobs import background
from editor.jobs.pairs_store import Listed, PairEntry, PairsStore, Refused, Taken
from inference.errors import Cancelled, EngineError
from inference.types import CancelToken

__all__ = ["PairEntry", "PairsShelf", "Refused"]

T = TypeVar("T")
Said = tuple[str, bool]
"""What something came to, as a sentence ("" for nothing to say), and whether it failed."""
Told = Callable[[str, bool], object]


ALONE = {
    (1, 0, 0): "The pair was added to your training pairs.",
    (0, 1, 0): "The pair is among your training pairs already.",
}
"""What is said of (added, there already, refused) pairs."""


def _silent(text: str, failed: bool) -> None:
    """For whoever reads `message`."""


class PairsShelf(Observed):
    """entries: as they were when last looked at, the oldest first. problems: sentences on what is wrong with them.

    busy: something is on its way; fraction: of that. message, failed: what the last piece of work came to, as a
    sentence, and whether badly. refused: what the last `add_path` could not take. removed: what `restore` would bring
    back. Make it, and call it, on the thread of the window.
    """

    def __init__(self, folder: Path, start: Sequence[str] | None = None, aside: Background | None = None) -> None:
        """folder: of the store. start: in place of what starts the training package. aside: in place of a thread."""
        super().__init__()
        self.entries: tuple[PairEntry, ...] = ()
        self.problems: tuple[str, ...] = ()
        self.busy: bool = False
        self.fraction: float = 0.0
        self.message: str = ""
        self.failed: bool = False
        self.refused: tuple[Refused, ...] = ()
        self.removed: tuple[PairEntry, ...] = ()
        self._folder, self._start = folder, start
        self._own: background.Background | None = None
        if aside is None:
            aside = self._own = background.Background(threads=1)
        self._aside = aside
        self._cancel = CancelToken()
        self._waiting = 0
        self._looked = False
        self._kept: Path | None = None

    def refresh(self) -> None:
        """Look again."""
        self._run(lambda store, progress: None, lambda nothing: ("", False))

    def add(self, pairs: Sequence[NewPair], told: Told = _silent) -> None:
        """Put pairs that were made here into the store. told: what it came to, once it is done."""
        pairs, known = tuple(pairs), self.entries if self._looked else None

        def work(store: PairsStore, progress: Progress) -> Taken:
            return store.add(pairs, progress, store.list().entries if known is None else known)

        self._run(work, lambda taken: (_in_words(taken), False), told)

    def add_path(self, path: Path, format: str = "", instruction: str = "") -> None:
        """Put all pairs of a folder or file into the store.

        format: "" to see what it is. instruction: for pairs that have none of their own.
        """

        def said(taken: Taken) -> Said:
            self.refused = taken.refused
            return _in_words(taken), not (taken.added or taken.same)

        self.refused = ()
        self._run(lambda store, progress: store.add_path(path, format, instruction, progress), said)

    def edit(self, id: str, instruction: str | None = None, enabled: bool | None = None) -> None:
        """Other words, with which it has another id; enabled: it takes part in training. None leaves it as it is."""
        self._run(lambda store, progress: store.edit(id, instruction, enabled), lambda nothing: ("", False))

    def remove(self, ids: Sequence[str]) -> None:
        """Take pairs out of the store; `restore` brings the last ones back."""
        gone = tuple(entry for entry in self.entries if entry.id in set(ids))

        def said(result: tuple[tuple[PairEntry, ...], Path]) -> Said:
            self._forget()
            self.removed, self._kept = result
            return ("The pair was removed." if len(gone) == 1 else f"{len(gone)} pairs were removed."), False

        if gone:
            self._run(lambda store, progress: store.remove(gone), said)

    def restore(self) -> None:
        """Bring back the pairs that were removed last."""
        gone, kept = self.removed, self._kept
        if kept is None:
            return

        def work(store: PairsStore, progress: Progress) -> None:
            store.restore(gone, progress)
            shutil.rmtree(kept, ignore_errors=True)

        def told(text: str, failed: bool) -> None:
            if failed and self._kept is None:
                self.removed, self._kept = gone, kept

        self.removed, self._kept = (), None
        words = "The pair is back." if len(gone) == 1 else f"{len(gone)} pairs are back."
        self._run(work, lambda nothing: (words, False), told)

    def export(self, folder: Path, format: str = "folder", ids: Sequence[str] = ()) -> None:
        """Write these pairs, or all, into a new folder. format: "folder", "imagefolder" or "webdataset"."""
        words, ids = f"The pairs were written to {folder}.", tuple(ids)
        self._run(lambda store, progress: store.export(folder, format, ids, progress), lambda nothing: (words, False))

    def stop(self) -> None:
        """Cancel what is on its way, and all that waits behind it."""
        self._cancel, cancel = CancelToken(), self._cancel
        cancel.cancel()

    def close(self) -> None:
        """End everything, and wait for it; nothing is told afterwards."""
        self._cancel.cancel()
        if self._own is not None:
            self._own.close()
        self._forget()

    def _run(self, work: Callable[[PairsStore, Progress], T], said: Callable[[T], Said], told: Told = _silent) -> None:
        """Do one thing after those that wait, look at the store again, and say what it came to."""
        store = PairsStore(self._folder, self._start, self._cancel)
        self._waiting += 1
        self.busy, self.fraction, self.failed, self.message = True, 0.0, False, ""

        def all(progress: Progress) -> tuple[T, Listed]:
            return work(store, progress), store.list()

        def done(result: tuple[T, Listed]) -> None:
            self._looked = True
            self.entries, self.problems = result[1].entries, result[1].problems
            self._end(said(result[0]), told)

        self._aside.run(all, done, lambda error: self._failed(error, told), self._at)

    def _at(self, fraction: float) -> None:
        self.fraction = fraction

    def _failed(self, error: Exception, told: Told) -> None:
        if isinstance(error, Cancelled):
            self._end(("It was cancelled.", True), told)
        elif isinstance(error, EngineError | PalimpsestError):
            self._end((str(error), True), told)
        else:
            self._end(("", True), told)
            raise error  # a fault of the program: it goes where such faults are shown

    def _end(self, said: Said, told: Told) -> None:
        self._waiting -= 1
        self.failed, self.message = said[1], ""  # so that the same sentence is told again
        self.message = said[0]
        self.busy = self._waiting > 0
        told(*said)

    def _forget(self) -> None:
        """What was removed is gone for good."""
        kept, self.removed, self._kept = self._kept, (), None
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)


def _in_words(taken: Taken) -> str:
    refused = len(taken.refused)
    if (taken.added, taken.same, refused) in ALONE:
        return ALONE[taken.added, taken.same, refused]
    parts = [f"{_pairs(taken.added)} added to your training pairs"] if taken.added else []
    parts += [f"{_pairs(taken.same)} there already"] if taken.same else []
    parts += [f"{_pairs(refused)} refused"] if refused else []
    if not parts:
        return "No pairs were found there: choose another folder or file."
    return "; ".join(parts) + (f": {taken.refused[0].why}" if refused else ".")


def _pairs(count: int) -> str:
    return "1 pair was" if count == 1 else f"{count} pairs were"
