"""Opening, saving and exporting, off the GUI thread, with progress and cancel."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from editor.actions.ports import Export
from editor.core.errors import PalimpsestError
from editor.core.formats.export_flat import export_flat
from editor.core.formats.layered import layered_for
from editor.core.formats.layered_format import Opened
from editor.core.formats.opening import open_document
from editor.core.formats.ora_cache import OraCache
from editor.core.formats.saving import save_ora
from editor.core.settings import with_recent
from editor.edits.background import Progress
from editor.edits.open_document import OpenDocument
from editor.edits.stored import restored, stored
from editor.edits.values import VariantItem

if TYPE_CHECKING:
    from editor.actions.desk import Desk

T = TypeVar("T")

PROJECT = ".ora"
_LOG = logging.getLogger(__name__)


class Files:
    """What the file menu does. At most one save of a document runs at a time; whoever comes meanwhile waits for it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._caches: dict[int, OraCache] = {}
        self._locks: dict[int, Lock] = {}
        self._opening: set[Path] = set()
        self._saving: dict[int, list[Callable[[], object]]] = {}
        self._when_written: Callable[[], object] | None = None
        self._failures: list[str] = []

    @property
    def writing(self) -> bool:
        """Whether a file is on its way to the disk."""
        return any(task.writes for task in self._desk.tasks)

    def when_written(self, call: Callable[[], object] | None) -> None:
        """Call this, and nothing told before, once every file lies on the disk; never if one fails. None: nothing."""
        self._when_written = call

    def is_saving(self, opened: OpenDocument) -> bool:
        return id(opened) in self._saving

    def when_saved(self, opened: OpenDocument, call: Callable[[], object]) -> None:
        """Call this once the save that runs now is done; never if it fails or is cancelled."""
        self._saving[id(opened)].append(call)

    def open(self, path: Path, *, copy: bool = False) -> None:
        """Open a file in a new tab, or bring its tab to the front. copy: the document has no file of its own then."""
        path = _absolute(path)
        present = next((each for each in self._desk.documents if each.path == path), None)
        if present is not None and not copy:
            self._desk.show(present)
        elif path not in self._opening:
            self._opening.add(path)
            self._run(
                f"Opening {path.name}",
                lambda watch: _read(path, watch),
                lambda read: self._opened(path, *read, copy=copy),
                lambda: self._opening.discard(path),
            )

    def save(self, opened: OpenDocument, path: Path, after: Callable[[], object] = lambda: None) -> None:
        """Write the project file; `after` runs once it lies on the disk."""
        path = _absolute(path)
        if self.is_saving(opened):
            self.when_saved(opened, lambda: self._save_again(opened, path, after))
        elif self._is_open_elsewhere(path, opened):
            text = f"{path.name} was not saved: it is open in another tab; close that or choose another name."
            self._desk.say(text, "warning")
        else:
            self._save(opened, path, after)

    def _save(self, opened: OpenDocument, path: Path, after: Callable[[], object]) -> None:
        opened.history.seal()  # a slider dragged on must not take the saved step's place
        step, document, variants = opened.history.current.id, opened.document, opened.edit.variants
        kept = variants if self._desk.settings.keep_variants else ()
        cache = self._caches.setdefault(id(opened), OraCache())
        lock = self._locks.setdefault(id(opened), Lock())
        self._saving[id(opened)] = []

        def work(watch: Progress) -> list[str]:
            with lock:  # one that was cancelled may still be at it
                return save_ora(path, document, stored(kept), cache, watch, lambda: watch.cancelled)

        def saved(notes: list[str]) -> None:
            waiting = self._saving.pop(id(opened))
            opened.saved_at(step, path, "OpenRaster")
            opened.variants_modified = _finished(opened.edit.variants) != _finished(variants)
            self._remember(path)
            self._tell(notes)
            for call in (after, *waiting):
                call()

        self._run(f"Saving {path.name}", work, saved, lambda: self._saving.pop(id(opened)), writes=True)

    def _save_again(self, opened: OpenDocument, path: Path, after: Callable[[], object]) -> None:
        """After the save that ran; only what has changed since is worth another one."""
        if opened in self._desk.documents and (opened.modified or opened.path != path):
            self.save(opened, path, after)
        else:
            after()

    def _is_open_elsewhere(self, path: Path, opened: OpenDocument | None = None) -> bool:
        return any(each.path == path for each in self._desk.documents if each is not opened)

    def export(self, opened: OpenDocument, export: Export) -> None:
        """Write a flat copy; the document's own file and its state of saving stay as they are."""
        document = opened.document

        def work(watch: Progress) -> list[str]:
            return export_flat(export.path, document, export.options, watch, lambda: watch.cancelled)

        self._export(export.path, work)

    def export_layers(self, opened: OpenDocument, path: Path) -> None:
        """Write a layered copy in the format that the suffix names."""
        format, document = layered_for(path), opened.document
        write = format.write if format is not None else None
        if write is None:
            self._desk.say(f"{path.name} was not written: layers can be exported as .psd or .ora.", "error")
            return
        self._export(path, lambda watch: write(path, document, (), watch, lambda: watch.cancelled))

    def forget(self, opened: OpenDocument) -> None:
        """The tab is closed: let go of what saving it again would have used."""
        self._caches.pop(id(opened), None)
        self._locks.pop(id(opened), None)

    def _opened(self, path: Path, opened: Opened, variants: tuple[VariantItem, ...], *, copy: bool) -> None:
        self._opening.discard(path)
        session = self._desk.new_session()
        history = self._desk.new_history(opened.document)
        document = OpenDocument(history, None if copy else path, path.name, session, opened.notes)
        document.format = opened.format
        session.variants = variants
        if opened.cache is not None:
            self._caches[id(document)] = opened.cache
        self._desk.add(document)
        if not copy:
            self._remember(path)
        self._tell(list(opened.notes))

    def _export(self, path: Path, work: Callable[[Progress], list[str]]) -> None:
        if path.suffix.lower() == PROJECT and self._is_open_elsewhere(_absolute(path)):
            text = f"{path.name} was not written: it is an open project; save it, or choose another name."
            self._desk.say(text, "warning")
            return

        def done(notes: list[str]) -> None:
            self._desk.say(" ".join([f"Exported {path.name}.", *notes]))

        self._run(f"Exporting {path.name}", work, done, writes=True)

    def _tell(self, notes: list[str]) -> None:
        if notes:
            self._desk.say(" ".join(notes))

    def _remember(self, path: Path) -> None:
        self._desk.settings = with_recent(self._desk.settings, path)

    def _run(
        self,
        title: str,
        work: Callable[[Progress], T],
        done: Callable[[T], object],
        lost: Callable[[], object] = lambda: None,
        *,
        writes: bool = False,
    ) -> None:
        """lost: in place of `done` where it fails or is cancelled."""
        if not self._desk.tasks:
            self._failures.clear()
        task = self._desk.begin(title, writes)

        def without() -> None:
            if task.writes:
                self._when_written = None
            lost()

        def succeeded(result: T) -> None:
            self._desk.end(task)
            done(result)
            self.go_on()

        def failed(error: Exception) -> None:
            self._desk.end(task)
            without()
            self._failed(title, error)

        task.cancelled = without
        background = self._desk.ports.background
        task.job = background.run(work, succeeded, failed, lambda fraction: self._desk.advance(task, fraction))

    def go_on(self) -> None:
        """Something that leaving waited for has ended: what `when_written` was told may be called now."""
        call = self._when_written
        if call is not None and not self.writing:
            self._when_written = None
            call()

    def _failed(self, title: str, error: Exception) -> None:
        """Say why; where several files fail in one go, for each of them."""
        if isinstance(error, PalimpsestError):
            text = str(error)
        else:
            _LOG.error("%s failed", title, exc_info=error)
            text = f"{title} failed unexpectedly ({type(error).__name__}: {error}); nothing was changed."
        self._failures.append(text)
        self._desk.say(" ".join(self._failures), "error")


def _absolute(path: Path) -> Path:
    """Without asking the disk."""
    return Path(os.path.normpath(path.absolute()))


def _finished(variants: tuple[VariantItem, ...]) -> list[str]:
    return [item.id for item in variants if item.done]


def _read(path: Path, watch: Progress) -> tuple[Opened, tuple[VariantItem, ...]]:
    opened = open_document(path, watch, lambda: watch.cancelled)
    return opened, restored(opened.variants, opened.document)


def project_path(opened: OpenDocument) -> Path:
    """Where "save" would put the project: its own file, or beside the picture that was opened."""
    if opened.path is None:
        return Path.home() / f"{Path(opened.title.replace('/', ' ')).stem or 'Untitled'}{PROJECT}"
    return opened.path.with_suffix(PROJECT)


def is_project(opened: OpenDocument) -> bool:
    """True where "save" may write without asking: the file is a project already."""
    return opened.path is not None and opened.path.suffix.lower() == PROJECT
