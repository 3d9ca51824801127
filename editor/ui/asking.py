"""The window's dialogs, as actions ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QWidget

from editor.actions.ports import Answer, Export, Field, FileKind, Page
from editor.core.document import Document
from editor.core.formats import FORMATS
from editor.core.formats.layered import LAYERED
from editor.ui.dialogs.export import ExportDialog
from editor.ui.dialogs.new_page import NewPageDialog
from editor.ui.dialogs.numbers import NumbersDialog
from editor.ui.dialogs.text import TextDialog


class WindowDialogs:
    """parent: gives the window over which dialogs open. pages: what `show` opens, by name."""

    def __init__(
        self, parent: Callable[[], QWidget], pages: Mapping[str, Callable[..., object]], quality: Callable[[], int]
    ) -> None:
        self._over, self._pages, self._quality = parent, pages, quality

    def open_files(self, folder: Path | None) -> Sequence[Path]:
        names, _ = QFileDialog.getOpenFileNames(self._over(), "Open", str(folder or ""), open_filter())
        return [Path(name) for name in names]

    def save_file(self, title: str, suggested: Path, kinds: Sequence[FileKind]) -> Path | None:
        filters = ";;".join(_filter(kind.title, kind.suffixes) for kind in kinds)
        name, chosen = QFileDialog.getSaveFileName(self._over(), title, str(suggested), filters)
        if not name:
            return None
        kind = next((kind for kind in kinds if _filter(kind.title, kind.suffixes) == chosen), kinds[0])
        path = Path(name)
        if any(path.suffix.lower() in kind.suffixes for kind in kinds):
            return path
        # The system's dialog asked about the name without its suffix.
        path = path.with_name(path.name + kind.suffixes[0])
        return path if not path.exists() or self._may_replace(path) else None

    def _may_replace(self, path: Path) -> bool:
        buttons = QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel
        text = f"{path.name} already exists. Replace it?"
        return QMessageBox.question(self._over(), "Replace the file", text, buttons) == QMessageBox.StandardButton.Yes

    def export(self, document: Document, suggested: Path) -> Export | None:
        dialog = ExportDialog(document, suggested, self._quality(), self._over())
        return dialog.result_export if dialog.exec() == QDialog.DialogCode.Accepted else None

    def new_page(self) -> Page | None:
        dialog = NewPageDialog(self._over())
        return dialog.page if dialog.exec() == QDialog.DialogCode.Accepted else None

    def numbers(
        self, title: str, fields: Sequence[Field], linked: tuple[str, str] | None = None
    ) -> dict[str, float] | None:
        dialog = NumbersDialog(title, fields, linked, self._over())
        return dialog.values if dialog.exec() == QDialog.DialogCode.Accepted else None

    def text(self, title: str, label: str, suggested: str, help: str = "") -> str | None:
        dialog = TextDialog(title, label, suggested, help, self._over())
        return dialog.text if dialog.exec() == QDialog.DialogCode.Accepted else None

    def unsaved(self, title: str) -> Answer:
        box = QMessageBox(self._over())
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setWindowTitle("Unsaved changes")
        box.setText(f"Save the changes to {title} before closing?")
        box.setInformativeText("Without saving, they are lost.")
        save = box.addButton("Save", QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton("Do not save", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save)
        box.exec()
        if box.clickedButton() is save:
            return "save"
        return "discard" if box.clickedButton() is discard else "cancel"

    def show(self, name: str, *arguments: object) -> None:
        """Raises KeyError for a page that does not exist."""
        self._pages[name](*arguments)


def open_filter() -> str:
    """All that can be opened, as Qt's file dialogs write it."""
    readable = [format for format in LAYERED if format.read is not None]
    everything = [suffix for format in (*readable, *FORMATS) for suffix in format.suffixes]
    kinds = [_filter(format.name, format.suffixes) for format in (*readable, *FORMATS)]
    return ";;".join([_filter("Pictures", everything), *kinds, "All files (*)"])


def _filter(title: str, suffixes: Sequence[str]) -> str:
    return f"{title} ({' '.join(f'*{suffix}' for suffix in suffixes)})"
