"""The models: which there are, what is known of each, and a place to drop another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QWidget,
)

from editor.jobs.adding import Adding
from editor.jobs.importing import gigabytes
from editor.jobs.shelf import ModelEntry, Shelf
from editor.ui.dialogs.base import Notice
from editor.ui.dialogs.models_adding import AddingPanel
from editor.ui.dialogs.models_details import ModelDetails
from editor.ui.widgets.labels import line
from editor.ui.widgets.rows import DETAIL, RowDelegate

NAME = Qt.ItemDataRole.UserRole
LIST_WIDTH = 280
FILES = "Models (*.safetensors *.ckpt);;All files (*)"


class ModelsDialog(Notice):
    """in_use: the name of the chosen model, or "". choose: uses a model by its name. Stays open beside the window."""

    def __init__(
        self,
        shelf: Shelf,
        adding: Adding,
        in_use: Callable[[], str],
        choose: Callable[[str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Models", parent)
        self._shelf, self._adding, self._in_use, self._choose = shelf, adding, in_use, choose
        self._wanted = ""  # the model to be shown as soon as it is listed
        self.list = QListWidget(self)
        self.list.setItemDelegate(RowDelegate(parent=self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setFixedWidth(LIST_WIDTH)
        self.list.setAccessibleName("Models")
        self.details = ModelDetails(shelf, self)
        self.panel = AddingPanel(adding, self)
        self.add_file = self.buttons.addButton("Add file...", QDialogButtonBox.ButtonRole.ActionRole)
        self.add_folder = self.buttons.addButton("Add folder...", QDialogButtonBox.ButtonRole.ActionRole)
        self.setAcceptDrops(True)
        self._lay_out()
        self._connect()
        self.resize(860, 720)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Return in a field must not press just any of them
        self._fill()
        self._adding_changed()
        self.list.setFocus()

    def open_with(self, sources: Sequence[Path] = ()) -> None:
        """Come to the front, and see what models are at these places."""
        self._shelf.refresh()
        self.show()
        self.raise_()
        self.activateWindow()
        self.add(sources)

    def add(self, sources: Sequence[Path]) -> None:
        """See what was dropped or chosen: one model at a time, so the first."""
        if sources:
            self._adding.look(sources[0])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()) and not self._adding.state.busy:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.add([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def _lay_out(self) -> None:
        upper = QHBoxLayout()
        upper.setSpacing(16)
        upper.addWidget(self.list)
        upper.addWidget(self.details, 1)
        self.body.setSpacing(16)
        self.body.addLayout(upper, 1)
        self.body.addWidget(line(parent=self))
        self.body.addWidget(self.panel)

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(self._show_current)
        self.details.use.connect(self._use)
        self.details.remove.connect(self._remove)
        self.panel.use.connect(self._use)
        self.add_file.clicked.connect(self._choose_file)
        self.add_folder.clicked.connect(self._choose_folder)
        ends = [self._shelf.changed.connect(self._shelf_changed), self._adding.on("state", self._adding_changed)]
        self.destroyed.connect(lambda: [end() for end in ends])

    def _shelf_changed(self, name: str) -> None:
        if name == "entries":
            self._fill()
        else:
            self.details.refresh()

    def _adding_changed(self) -> None:
        state = self._adding.state
        for button in (self.add_file, self.add_folder):
            button.setEnabled(not state.busy)
        if state.phase == "done":
            self._wanted = state.name
            self._shelf.refresh()

    def _fill(self) -> None:
        chosen = self._wanted or self._current_name()
        used = self._in_use()
        self.list.blockSignals(True)
        self.list.clear()
        for entry in self._shelf.entries:
            item = QListWidgetItem(entry.name, self.list)
            item.setData(NAME, entry.name)
            item.setData(DETAIL, _detail(entry, entry.name == used))
            if entry.name == (chosen or used):
                self.list.setCurrentItem(item)
                self._wanted = ""
        if self.list.currentRow() < 0:
            self.list.setCurrentRow(0)
        self.list.blockSignals(False)
        self._show_current()

    def _current_name(self) -> str:
        return str(self.list.currentItem().data(NAME)) if self.list.currentRow() >= 0 else ""

    def _show_current(self) -> None:
        name = self._current_name()
        entry = next((entry for entry in self._shelf.entries if entry.name == name), None)
        self.details.show_entry(entry, entry is not None and entry.name == self._in_use())

    def _use(self, name: str) -> None:
        self._choose(name)
        self._wanted = name
        self._fill()

    def _remove(self, name: str) -> None:
        """Asks: what is removed is gone."""
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setWindowTitle("Remove the model")
        box.setText(f"Remove {name} from this machine?")
        box.setInformativeText("Its files are deleted. To have it again, it has to be added again.")
        remove = box.addButton("Remove", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        box.exec()
        if box.clickedButton() is remove:
            if name == self._in_use():
                self._choose("")  # another one, before its files go
            self._shelf.remove(name)

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Add a model", "", FILES)
        if name:
            self.add([Path(name)])

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Add a model's folder")
        if name:
            self.add([Path(name)])


def _detail(entry: ModelEntry, used: bool) -> str:
    if entry.problem:
        return "damaged"
    return f"{'in use, ' if used else ''}{gigabytes(entry.usage.bytes)}"
