"""Opening, saving and exporting, off the GUI thread, with progress and cancel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from editor.actions.ports import Export
from editor.core.errors import Cancelled, PalimpsestError
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


class Files:
    """What the file menu does. At most one save of a document runs at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._caches: dict[int, OraCache] = {}
        self._saving: set[int] = set()
        self._log: Callable[[Exception], object] = lambda error: None

    def on_unexpected(self, log: Callable[[Exception], object]) -> None:
        """What to do with an error that is nobody's fault but the program's."""
        self._log = log

    def open(self, path: Path) -> None:
        """Open a file in a new tab, or bring its tab to the front."""
        present = next((each for each in self._desk.documents if each.path == path.absolute()), None)
        if present is not None:
            self._desk.show(present)
            return
        self._run(
            f"Opening {path.name}",
            lambda watch: _read(path, watch),
            lambda read: self._opened(path.absolute(), *read),
        )

    def add(self, opened: OpenDocument) -> None:
        """Show a document that came from elsewhere (a sample, the clipboard, a recovery)."""
        self._desk.add(opened)

    def save(self, opened: OpenDocument, path: Path, after: Callable[[], object] = lambda: None) -> None:
        """Write the project file; `after` runs once it lies on the disk."""
        if id(opened) in self._saving:
            return
        opened.history.seal()  # a slider dragged on must not take the saved step's place
        step, document, variants = opened.history.current.id, opened.document, opened.edit.variants
        cache = self._caches.setdefault(id(opened), OraCache())
        self._saving.add(id(opened))

        def work(watch: Progress) -> list[str]:
            return save_ora(path, document, stored(variants), cache, watch, lambda: watch.cancelled)

        def done(notes: list[str]) -> None:
            opened.saved_at(step, path.absolute(), "OpenRaster")
            self._remember(path)
            self._tell(notes)
            after()

        self._run(f"Saving {path.name}", work, done, lambda: self._saving.discard(id(opened)))

    def export(self, opened: OpenDocument, export: Export) -> None:
        """Write a flat copy; the document's own file and its state of saving stay as they are."""
        document = opened.document

        def work(watch: Progress) -> list[str]:
            return export_flat(export.path, document, export.options, watch, lambda: watch.cancelled)

        self._run(f"Exporting {export.path.name}", work, lambda notes: self._exported(export.path, notes))

    def export_layers(self, opened: OpenDocument, path: Path) -> None:
        """Write a layered copy in the format that the suffix names."""
        format, document = layered_for(path), opened.document
        write = format.write if format is not None else None
        if write is None:
            self._desk.say(f"{path.name} was not written: layers can be exported as .psd or .ora.", "error")
            return
        self._run(
            f"Exporting {path.name}",
            lambda watch: write(path, document, (), watch, lambda: watch.cancelled),
            lambda notes: self._exported(path, notes),
        )

    def forget(self, opened: OpenDocument) -> None:
        """The tab is closed: let go of what saving it again would have used."""
        self._caches.pop(id(opened), None)

    def _opened(self, path: Path, opened: Opened, variants: tuple[VariantItem, ...]) -> None:
        session = self._desk.new_session()
        document = OpenDocument(self._desk.new_history(opened.document), path, edit=session, notes=opened.notes)
        document.format = opened.format
        session.variants = variants
        if opened.cache is not None:
            self._caches[id(document)] = opened.cache
        self._desk.add(document)
        self._remember(path)
        self._tell(list(opened.notes))

    def _exported(self, path: Path, notes: list[str]) -> None:
        self._desk.say(" ".join([f"Exported {path.name}.", *notes]))

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
        finally_: Callable[[], object] = lambda: None,
    ) -> None:
        task = self._desk.begin(title)
        task.cancelled = finally_

        def ended() -> None:
            self._desk.end(task)
            finally_()

        def succeeded(result: T) -> None:
            ended()
            done(result)

        def failed(error: Exception) -> None:
            ended()
            self._failed(error)

        background = self._desk.ports.background
        task.job = background.run(work, succeeded, failed, lambda fraction: self._desk.advance(task, fraction))

    def _failed(self, error: Exception) -> None:
        if isinstance(error, Cancelled):
            self._desk.say("Cancelled; nothing was written.")
        elif isinstance(error, PalimpsestError):
            self._desk.say(str(error), "error")
        else:
            self._log(error)


def _read(path: Path, watch: Progress) -> tuple[Opened, tuple[VariantItem, ...]]:
    opened = open_document(path, watch, lambda: watch.cancelled)
    return opened, restored(opened.variants, opened.document)


def project_path(opened: OpenDocument) -> Path:
    """Where "save" would put the project: its own file, or beside the picture that was opened."""
    if opened.path is None:
        return Path.home() / f"{Path(opened.title).stem or 'Untitled'}{PROJECT}"
    return opened.path.with_suffix(PROJECT)


def is_project(opened: OpenDocument) -> bool:
    """True where "save" may write without asking: the file is a project already."""
    return opened.path is not None and opened.path.suffix.lower() == PROJECT
