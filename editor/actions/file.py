"""The file menu: what is opened, saved, exported and closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from editor.actions.action import Action, with_document
from editor.actions.desk import Desk
from editor.actions.files import PROJECT, is_project, project_path
from editor.actions.ports import Answer, FileKind, Page
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
        add_document(desk, blank(page), "Untitled", "New", saved=True)


def blank(page: Page) -> Document:
    """One layer, filled with the page's colour."""
    layer = RasterLayer(name="Background")
    document = Document(page.width, page.height, (layer,), layer.id, dpi=(page.dpi, page.dpi))
    return document if page.colour is None else Fill(layer.id, page.colour).apply(document)


def add_document(desk: Desk, document: Document, title: str, label: str, *, saved: bool) -> OpenDocument:
    """Open a tab on a document that has no file yet. saved: closing it loses nothing."""
    opened = OpenDocument(desk.new_history(document, label), None, title, desk.new_session(), saved=saved)
    desk.add(opened)
    return opened


def open_files(desk: Desk, *paths: Path) -> None:
    """Open these files, or ask which."""
    current = desk.current.path if desk.current is not None else None
    for path in paths or desk.ports.dialogs.open_files(current.parent if current else None):
        desk.files.open(path)


def sample(desk: Desk) -> None:
    """A copy of it: its own file belongs to the program, and is not written to."""
    desk.files.open(sample_photo(), copy=True)


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
        named = path if path.suffix.lower() == PROJECT else path.with_name(path.name + PROJECT)
        desk.files.save(opened, named, after)


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
    path = desk.ports.dialogs.save_file("Export layers", suggested, (PSD_KIND,))
    if path is not None:
        desk.files.export_layers(desk.current, path)


def close(desk: Desk) -> None:
    if desk.current is not None:
        close_document(desk, desk.current, lambda: None)


def close_document(desk: Desk, opened: OpenDocument, after: Callable[[], object]) -> None:
    """Close a tab; what is not saved is asked about first. `after` runs only if it was closed."""
    if desk.files.is_saving(opened):
        desk.files.when_saved(opened, lambda: close_document(desk, opened, after))
        return

    def gone() -> None:
        if opened in desk.documents:
            desk.remove(opened)
        after()

    answer: Answer = "discard"
    if opened.modified:
        desk.show(opened)
        answer = desk.ports.dialogs.unsaved(opened.title)
    if answer == "save":
        save_then(desk, opened, gone)
    elif answer == "discard":
        gone()


def quit_(desk: Desk) -> None:
    """Ask about every document that is not saved, then close them all and the window; "Cancel" keeps everything."""
    _quit(desk, ())


def _quit(desk: Desk, given_up: tuple[Document, ...]) -> None:
    """given_up: what the user does not want to save."""
    if desk.files.writing:
        desk.files.when_written(lambda: _quit(desk, given_up))
        return
    unsaved = [each for each in desk.documents if each.modified and each.document not in given_up]
    if unsaved:
        _ask_and_quit(desk, unsaved[0], given_up)
        return
    desk.files.when_written(None)  # an impatient second "Quit"
    for opened in reversed(desk.documents):
        desk.remove(opened)
    desk.ports.screen.do("close")


def _ask_and_quit(desk: Desk, opened: OpenDocument, given_up: tuple[Document, ...]) -> None:
    desk.show(opened)
    answer = desk.ports.dialogs.unsaved(opened.title)
    if answer == "save":
        save_then(desk, opened, lambda: _quit(desk, given_up))
    elif answer == "discard":
        _quit(desk, (*given_up, opened.document))


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
