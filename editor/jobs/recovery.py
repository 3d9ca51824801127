"""Keeps a record of every open document, so that a crash loses none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from editor.core.document import Document
from editor.core.errors import PalimpsestError
from editor.core.formats.layered_format import StoredVariant
from editor.core.journal import Journal, Recovered, recover, recoverable
from editor.core.journal_variants import Makers
from editor.edits.background import Background, Job, Progress
from editor.edits.open_document import OpenDocument
from editor.edits.stored import stored
from editor.edits.values import VariantItem

_LOG = logging.getLogger(__name__)
Call = Callable[[], None]
State = tuple[Document, int, Path | None, tuple[str, ...]]
"""The document shown, the newest step of its history, which may be one that was undone, the file's name, and the ids of
the finished variants."""


@dataclass(eq=False)
class _Watched:
    """One document. recorded: what its record holds. adopted: the record of an earlier program that it came from."""

    opened: OpenDocument
    journal: Journal | None = None
    recorded: State | None = None
    adopted: Recovered | None = None
    stop: Call = field(default=lambda: None)

    @property
    def due(self) -> bool:
        return self.opened.modified and self.recorded != _state(self.opened)

    def take_records(self) -> list[Call]:
        """Nothing of it needs to be recovered any more: what takes its records away."""
        records = [record.discard for record in (self.journal, self.adopted) if record is not None]
        self.journal = self.recorded = self.adopted = None
        return records


class _Record:
    """One document on its way to the disk."""

    def __init__(self, watched: _Watched, journal: Journal, path: Path | None, title: str) -> None:
        self._watched, self._journal, self._path, self._title = watched, journal, path, title
        self._history, self._state = watched.opened.history, _state(watched.opened)
        self._variants = watched.opened.edit.variants

    def written(self) -> bool:
        """On a worker thread. One that cannot be recorded does not keep the others from it."""
        try:
            self._journal.record(self._history, self._path, self._title, _makers(self._variants))
        except PalimpsestError as error:
            _failed(error)
            return False
        return True

    def settle(self) -> list[Call]:
        """It lies on the disk, unless it was saved or closed meanwhile. Returns what takes the older record away."""
        if self._watched.journal is not self._journal:
            return []
        self._watched.recorded = self._state
        old, self._watched.adopted = self._watched.adopted, None
        return [] if old is None else [old.discard]


class Recovery:
    """folder: of all records. seconds: between two looks. Records only what has changed, in the background.

    A document has a record while it is modified; saving or closing it takes the record away.
    """

    def __init__(self, folder: Path, background: Background, seconds: float) -> None:
        self._folder, self._background, self._seconds = folder, background, seconds
        self._watched: dict[int, _Watched] = {}
        self._documents: Callable[[], tuple[OpenDocument, ...]] = tuple
        self._next: Job | None = None
        self._busy = False
        self._unwanted: list[Call] = []

    def watch(self, documents: Callable[[], tuple[OpenDocument, ...]]) -> None:
        """Record these from now on."""
        self._documents = documents
        self._later()

    def look(self) -> None:
        """Record what has changed since the last time, and drop the records of what was saved or closed."""
        documents = self._documents()
        for opened in documents:
            self._watch(opened)
        self._drop({id(opened) for opened in documents})
        due = [watched for watched in self._watched.values() if watched.due]
        if due and not self._busy:
            self._record(due)
        self._later()

    def find(self, found: Callable[[list[Recovered]], None]) -> None:
        """Look in the background for documents that a crash left, and hand over what came back."""
        self._background.run(lambda progress: _recovered(self._folder), found, _failed)

    def adopt(self, opened: OpenDocument, recovered: Recovered) -> None:
        """The old record of a document that came back goes once it is in the new one."""
        self._watch(opened).adopted = recovered

    def close(self, discard: bool = True) -> None:
        """A clean end: nothing is left to recover. discard False leaves the records, as a crash does."""
        if self._next is not None:
            self._next.cancel()
        for watched in self._watched.values():
            watched.stop()
            if discard:
                _call_all(watched.take_records())
            elif watched.journal is not None:
                watched.journal.close()
        self._watched.clear()
        _call_all(self._unwanted)  # where the thread did not come to it; twice does no harm

    def _watch(self, opened: OpenDocument) -> _Watched:
        watched = self._watched.get(id(opened))
        if watched is None:
            watched = self._watched[id(opened)] = _Watched(opened)
            # At once and not at the next look: after a crash, an old record must not come before a newer file.
            watched.stop = opened.on("modified", lambda: self._saved(watched))
        return watched

    def _saved(self, watched: _Watched) -> None:
        if not watched.opened.modified:
            self._discard(watched.take_records())

    def _record(self, due: list[_Watched]) -> None:
        jobs = [_Record(each, self._journal(each), each.opened.path, each.opened.title) for each in due]
        self._busy = True

        def work(progress: Progress) -> list[_Record]:
            return [job for job in jobs if job.written()]

        def done(written: list[_Record]) -> None:
            self._busy = False
            for job in written:
                self._discard(job.settle())

        self._background.run(work, done, self._not_recorded)

    def _journal(self, watched: _Watched) -> Journal:
        if watched.journal is None:
            watched.journal = Journal(self._folder)
        return watched.journal

    def _not_recorded(self, error: Exception) -> None:
        self._busy = False
        _failed(error)

    def _drop(self, kept: set[int]) -> None:
        for key in [key for key in self._watched if key not in kept]:
            watched = self._watched.pop(key)
            watched.stop()
            self._discard(watched.take_records())

    def _discard(self, records: list[Call]) -> None:
        if not records:
            return
        self._unwanted = [*self._unwanted, *records]

        def done(nothing: None) -> None:
            self._unwanted = [each for each in self._unwanted if each not in records]

        self._background.run(lambda progress: _call_all(records), done, _failed)

    def _later(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._background.later(self._seconds, self.look)


def _state(opened: OpenDocument) -> State:
    finished = tuple(item.id for item in opened.edit.variants if item.done)
    return opened.document, opened.history.newest, opened.path, finished


def _makers(variants: tuple[VariantItem, ...]) -> Makers:
    return {item.id: partial(_stored, item) for item in variants if item.done and item.layer is not None}


def _stored(item: VariantItem) -> StoredVariant:
    (variant,) = stored((item,))
    return variant


def _recovered(folder: Path) -> list[Recovered]:
    """What can be brought back; a record that cannot be read stays where it is."""
    result: list[Recovered] = []
    for found in recoverable(folder):
        try:
            result.append(recover(found))
        except PalimpsestError as error:  # a damaged record must not keep the others from coming back
            _failed(error)
    return result


def _call_all(calls: Iterable[Call]) -> None:
    for call in calls:
        call()


def _failed(error: Exception) -> None:
    _LOG.warning("recovery: %s", error)
