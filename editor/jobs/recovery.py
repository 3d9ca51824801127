"""Keeps a record of every open document, so that a crash loses none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from editor.core.journal import Journal, Recovered, recover, recoverable
from editor.edits.background import Background, Job, Progress
from editor.edits.open_document import OpenDocument

_LOG = logging.getLogger(__name__)


class Recovery:
    """folder: of all records. seconds: between two looks. Records only what has changed, in the background."""

    def __init__(self, folder: Path, background: Background, seconds: float) -> None:
        self._folder, self._background, self._seconds = folder, background, seconds
        self._journals: dict[int, Journal] = {}
        self._recorded: dict[int, object] = {}
        self._recovered: dict[int, Recovered] = {}
        self._documents: Callable[[], tuple[OpenDocument, ...]] = tuple
        self._next: Job | None = None
        self._busy = False

    def watch(self, documents: Callable[[], tuple[OpenDocument, ...]]) -> None:
        """Record these from now on."""
        self._documents = documents
        self._later()

    def look(self) -> None:
        """Record what has changed since the last time, and drop the records of what was closed."""
        documents = self._documents()
        self._drop({id(opened) for opened in documents})
        due = [opened for opened in documents if self._due(opened)]
        if due and not self._busy:
            self._record(due)
        self._later()

    def find(self, found: Callable[[list[Recovered]], None]) -> None:
        """Look in the background for documents that a crash left, and hand over what came back."""
        self._background.run(lambda progress: _recovered(self._folder), found, _failed)

    def adopt(self, opened: OpenDocument, recovered: Recovered) -> None:
        """The old record of a document that came back goes once it is in the new one."""
        self._recovered[id(opened)] = recovered

    def close(self, discard: bool = True) -> None:
        """A clean end: nothing is left to recover."""
        if self._next is not None:
            self._next.cancel()
        for journal in self._journals.values():
            journal.discard() if discard else journal.close()
        for recovered in self._recovered.values():
            recovered.discard()
        self._journals.clear()

    def _due(self, opened: OpenDocument) -> bool:
        return opened.modified and self._recorded.get(id(opened)) is not opened.document

    def _record(self, due: list[OpenDocument]) -> None:
        jobs = [(id(opened), self._journal(opened), opened.history, opened.path, opened.title) for opened in due]
        documents = {id(opened): opened.document for opened in due}
        self._busy = True

        def work(progress: Progress) -> None:
            for _, journal, history, path, title in jobs:
                journal.record(history, path, title)

        def done(nothing: None) -> None:
            self._busy = False
            self._recorded.update(documents)
            for key in documents:
                recovered = self._recovered.pop(key, None)
                if recovered is not None:
                    recovered.discard()

        self._background.run(work, done, self._not_recorded)

    def _journal(self, opened: OpenDocument) -> Journal:
        return self._journals.setdefault(id(opened), Journal(self._folder))

    def _not_recorded(self, error: Exception) -> None:
        self._busy = False
        _failed(error)

    def _drop(self, kept: set[int]) -> None:
        for key in [key for key in self._journals if key not in kept]:
            self._journals.pop(key).discard()
            self._recorded.pop(key, None)

    def _later(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._background.later(self._seconds, self.look)


def _recovered(folder: Path) -> list[Recovered]:
    """What can be brought back; a record that cannot be read stays where it is."""
    result: list[Recovered] = []
    for found in recoverable(folder):
        try:
            result.append(recover(found))
        except Exception as error:  # a damaged record must not keep the program from starting
            _LOG.warning("%s cannot be recovered: %s", found.folder, error)
    return result


def _failed(error: Exception) -> None:
    _LOG.warning("recovery: %s", error)
