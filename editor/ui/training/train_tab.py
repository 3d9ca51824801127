"""The second part of the training page: earlier trainings at the left, a new one or the chosen one at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from editor.jobs.pairs import PairsShelf
from editor.jobs.shelf import Shelf
from editor.jobs.trainer import Trainer
from editor.jobs.training_runs import RunEntry
from editor.ui.training.facts import room
from editor.ui.training.pictures import Pictures
from editor.ui.training.run_panel import RunPanel
from editor.ui.training.train_form import TrainForm
from editor.ui.widgets.labels import ElidedLabel, line
from editor.ui.widgets.rows import DETAIL, RowDelegate

NAME = Qt.ItemDataRole.UserRole
LIST_WIDTH = 272
NEW = "New training"


class TrainTab(QWidget):
    """see: the user wants to look at the result of the training that is shown."""

    see = Signal()

    def __init__(
        self, trainer: Trainer, pairs: PairsShelf, models: Shelf, pictures: Pictures, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._trainer = trainer
        self._key = ("", False)  # which training is shown, and whether a process is at work on it
        self.list = QListWidget(self)
        self.delete = QPushButton("Delete...", self)
        self.says = ElidedLabel("", self)
        self.form = TrainForm(trainer, pairs, models, self)
        self.panel = RunPanel(trainer, pictures, self)
        self.stack = QStackedWidget(self)
        self._lay_out()
        self._connect()
        self._fill()
        self._state_changed()

    def _lay_out(self) -> None:
        self.list.setItemDelegate(RowDelegate(parent=self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName("Trainings")
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.list, 1)
        left.addWidget(self.says)
        left.addWidget(self.delete, 0, Qt.AlignmentFlag.AlignLeft)
        held = QWidget(self)
        held.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        held.setFixedWidth(max(LIST_WIDTH, 34 * self.fontMetrics().averageCharWidth()))
        self.stack.addWidget(self.form)
        self.stack.addWidget(self.panel)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 16, 0, 0)
        row.setSpacing(16)
        row.addWidget(held)
        upright = line(parent=self)
        upright.setFixedWidth(1)
        upright.setMaximumHeight(16_777_215)
        upright.setMinimumHeight(0)
        row.addWidget(upright)
        row.addWidget(self.stack, 1)

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(lambda: self._chosen())
        self.delete.clicked.connect(self._delete)
        self.panel.see.connect(self.see)
        self.form.started.connect(self.panel.pause.setFocus)
        ends = [
            self._trainer.on("runs", self._fill),
            self._trainer.on("state", self._state_changed),
            self._trainer.on("message", lambda: self.says.setText(self._trainer.message)),
        ]
        self.destroyed.connect(lambda: [end() for end in ends])

    @property
    def current(self) -> str:
        """The name of the chosen training; "" for a new one."""
        return str(self.list.currentItem().data(NAME)) if self.list.currentRow() >= 0 else ""

    def _chosen(self) -> None:
        if self._trainer.state.busy:
            return
        name = self.current
        if not name:
            self._trainer.forget()
        elif name != self._trainer.state.name:
            self._trainer.open(name)
        self._enable()

    def _fill(self) -> None:
        """The trainings on the disk, and the one that has only begun."""
        state = self._trainer.state
        shown = state.name if state.phase != "idle" else ""
        runs = [(run.name, _detail(run, state.name if state.training else "")) for run in self._trainer.runs]
        if state.training and state.name not in {run.name for run in self._trainer.runs}:
            runs.insert(0, (state.name, "training"))
        self.list.blockSignals(True)
        self.list.clear()
        for name, title, detail in [("", NEW, ""), *((name, name, detail) for name, detail in runs)]:
            item = QListWidgetItem(title, self.list)
            item.setData(NAME, name)
            item.setData(DETAIL, detail)
            if name == shown:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self._enable()

    def _state_changed(self) -> None:
        state = self._trainer.state
        self.stack.setCurrentWidget(self.form if state.phase == "idle" else self.panel)
        shown = state.name if state.phase != "idle" else ""
        key = (shown, state.training)
        if key != self._key:
            self._key = key
            self._fill()
        self._enable()

    def _enable(self) -> None:
        busy = self._trainer.state.busy
        self.list.setEnabled(not busy)
        self.list.setToolTip("A training is at work; the others can be looked at when it has ended" if busy else "")
        self.delete.setEnabled(bool(self.current) and not busy)

    def _delete(self) -> None:
        """Asks: what is deleted is gone."""
        name = self.current
        run = next((run for run in self._trainer.runs if run.name == name), None)
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setWindowTitle("Delete the training")
        box.setText(f"Delete the training {name}?")
        size = f" and frees {room(run.bytes)}" if run is not None else ""
        box.setInformativeText(
            f"What it has learnt is deleted{size}. Your pairs stay, and so does a model that was installed of it."
        )
        delete = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        box.exec()
        if box.clickedButton() is delete:
            self._trainer.delete(name)


def _detail(run: RunEntry, training: str) -> str:
    if run.name == training:
        return "training"
    if run.status == "done":
        return "done"
    return f"at {round(100 * run.step / run.steps)} %" if run.steps else run.status
