"""The file menu: what is opened, saved, exported and closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from editor.actions.action import Action, with_document
from editor.actions.desk import Desk
from editor.actions.files import PROJECT, is_project, project_path
from editor.actions.ports import FileKind, Page
from editor.core.changes import Fill
from editor.core.document import Document
from editor.core.layer import RasterLayer
from editor.core.paths import sample_photo
from editor.edits.open_document import OpenDocument

PROJECT_KIND = FileKind("OpenRaster project", (PROJECT,))
PSD_KIND = FileKind("Photoshop", (".psd",))


def new(desk: Desk) -> None:
    """Ask for a size, and open a white page of it."""
    page = desk.ports.dialogs.new_page()
    if page is not None:
        add_document(desk, blank(page), "Untitled", "New")


def blank(page: Page) -> Document:
    """One layer, filled with the page's colour."""
    layer = RasterLayer(name="Background")
    document = Document(page.width, page.height, (layer,), layer.id, dpi=(page.dpi, page.dpi))
    return document if page.colour is None else Fill(layer.id, page.colour).apply(document)


def add_document(desk: Desk, document: Document, title: str, label: str) -> OpenDocument:
    """Open a tab on a document that has no file yet."""
    opened = OpenDocument(desk.new_history(document, label), None, title, desk.new_session(), saved=True)
    desk.add(opened)
    return opened


def open_files(desk: Desk, *paths: Path) -> None:
    """Open these files, or ask which."""
    current = desk.current.path if desk.current is not None else None
    for path in paths or desk.ports.dialogs.open_files(current.parent if current else None):
        desk.files.open(path)


def sample(desk: Desk) -> None:
    desk.files.open(sample_photo())


def save(desk: Desk) -> None:
    if desk.current is not None:
        save_then(desk, desk.current, lambda: None)


def save_as(desk: Desk) -> None:
    if desk.current is not None:
        _save_as(desk, desk.current, lambda: None)


def save_then(desk: Desk, opened: OpenDocument, after: Callable[[], object]) -> None:
    """Save into the project's own file, or ask for one; `after` runs once it is on the disk."""
    if opened.path is not None and is_project(opened):
        desk.files.save(opened, opened.path, after)
    else:
        _save_as(desk, opened, after)


def _save_as(desk: Desk, opened: OpenDocument, after: Callable[[], object]) -> None:
    path = desk.ports.dialogs.save_file("Save project", project_path(opened), (PROJECT_KIND,))
    if path is not None:
        desk.files.save(opened, path.with_suffix(PROJECT), after)


def export(desk: Desk) -> None:
    if desk.current is None:
        return
    chosen = desk.ports.dialogs.export(desk.current.document, project_path(desk.current).with_suffix(".png"))
    if chosen is not None:
        desk.files.export(desk.current, chosen)


def export_psd(desk: Desk) -> None:
    if desk.current is None:
        return
    suggested = project_path(desk.current).with_suffix(".psd")
    path = desk.ports.dialogs.save_file("Export layers", suggested, (PSD_KIND, PROJECT_KIND))
    if path is not None:
        desk.files.export_layers(desk.current, path)


def close(desk: Desk) -> None:
    if desk.current is not None:
        close_document(desk, desk.current, lambda: None)


def close_document(desk: Desk, opened: OpenDocument, after: Callable[[], object]) -> None:
    """Close a tab; what is not saved is asked about first. `after` runs only if it was closed."""

    def gone() -> None:
        desk.remove(opened)
        after()

    answer = desk.ports.dialogs.unsaved(opened.title) if opened.modified else "discard"
    if answer == "save":
        save_then(desk, opened, gone)
    elif answer == "discard":
        gone()


def quit_(desk: Desk) -> None:
    """Close every tab, one after the other, and then the window; "Cancel" anywhere keeps the rest open."""
    if desk.documents:
        desk.show(desk.documents[-1])
        close_document(desk, desk.documents[-1], lambda: quit_(desk))
    else:
        desk.ports.screen.do("close")


ACTIONS: tuple[Action, ...] = (
    Action("file.new", "New...", new, ("Ctrl+N",), "File", 0, icon="file-plus"),
    Action("file.open", "Open...", open_files, ("Ctrl+O",), "File", 0, icon="folder-open"),
    Action("file.save", "Save", save, ("Ctrl+S",), "File", 1, with_document, icon="save"),
    Action("file.save_as", "Save as...", save_as, ("Ctrl+Shift+S",), "File", 1, with_document),
    Action("file.export", "Export picture...", export, ("Ctrl+Shift+E", "Ctrl+Alt+Shift+S"), "File", 2, with_document),
    Action("file.export_psd", "Export layers for Photoshop...", export_psd, (), "File", 2, with_document),
    Action("file.close", "Close", close, ("Ctrl+W",), "File", 3, with_document),
    Action("file.quit", "Quit", quit_, ("Ctrl+Q",), "File", 3),
)
