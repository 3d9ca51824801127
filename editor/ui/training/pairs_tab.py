"""The first part of the training page: the pairs, what is wrong with them, and the ways in and out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from editor.jobs.pairs import PairsShelf
from editor.jobs.trainer import Trainer
from editor.ui import theme
from editor.ui.training.pairs_list import PairsList
from editor.ui.training.pairs_model import PairsModel
from editor.ui.training.pictures import Pictures
from editor.ui.widgets.labels import ElidedLabel, secondary

EMPTY = (
    "No pairs yet. A pair is a picture before, the same picture after, and the instruction that leads from one to the "
    "other."
)
HOW = (
    "Right click a variant or a layer and choose \u201cUse for training\u201d; or add a folder of pairs that you have "
    "already."
)
DROP = "You may also drop a folder here."
FORMATS = (
    ("folder", "Plain folder: before, after and text files"),
    ("imagefolder", "Image folder with a table (imagefolder)"),
    ("webdataset", "Archives for large trainings (WebDataset)"),
)
FILES = "Pairs (*.tar *.parquet *.json *.jsonl);;All files (*)"


class PairsTab(QWidget):
    """next: the user wants to train with these."""

    next = Signal()

    def __init__(self, shelf: PairsShelf, trainer: Trainer, pictures: Pictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shelf, self._trainer = shelf, trainer
        self.model = PairsModel(shelf.edit, self)
        self.list = PairsList(self.model, pictures, self)
        self.summary = QLabel(self)
        self.problems = QLabel(self)
        self.empty = _Empty(self)
        self.stack = QStackedWidget(self)
        self.says = ElidedLabel("", self)
        self.which, self.undo = QPushButton("Which?", self), QPushButton("Undo", self)
        self.bar = QProgressBar(self)
        self.add_folder, self.add_file = QPushButton("Add folder...", self), QPushButton("Add file...", self)
        self.remove, self.export = QPushButton("Remove", self), QPushButton("Export", self)
        self.train = QPushButton("Train with these", self)
        self.setAcceptDrops(True)
        self._set_up()
        self._lay_out()
        self._connect()
        self._fill()
        self._tell()

    def add(self, paths: Sequence[Path]) -> None:
        """Take in whatever pairs are there."""
        for path in paths:
            self._shelf.add_path(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.add([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def _set_up(self) -> None:
        self.problems.setWordWrap(True)
        theme.set_role(self.problems, "warning")
        theme.set_role(self.train, "main")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress")
        menu = QMenu(self.export)
        for name, title in FORMATS:
            menu.addAction(title, lambda name=name: self._export(name))
        self.export.setMenu(menu)
        self.stack.addWidget(self.list)
        self.stack.addWidget(self.empty)

    def _lay_out(self) -> None:
        says = QHBoxLayout()
        says.setSpacing(8)
        says.addWidget(self.says, 1)
        says.addWidget(self.which)
        says.addWidget(self.undo)
        place = self.undo.sizePolicy()
        place.setRetainSizeWhenHidden(True)  # nothing jumps when there is something to undo
        self.undo.setSizePolicy(place)
        held = QWidget(self)
        held.setFixedHeight(4)
        inside = QVBoxLayout(held)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.bar)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.add_folder, self.add_file, self.remove, self.export):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.train)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 16, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.summary)
        column.addWidget(self.problems)
        column.addWidget(self.stack, 1)
        column.addWidget(held)
        column.addLayout(says)
        column.addLayout(buttons)

    def _connect(self) -> None:
        self.add_folder.clicked.connect(self._choose_folder)
        self.empty.button.clicked.connect(self._choose_folder)
        self.add_file.clicked.connect(self._choose_file)
        self.remove.clicked.connect(self._remove)
        self.list.delete_pressed.connect(self._remove)
        self.list.selectionModel().selectionChanged.connect(lambda: self._enable())
        self.which.clicked.connect(self._show_refused)
        self.undo.clicked.connect(self._shelf.restore)
        self.train.clicked.connect(self.next)
        ends = [self._shelf.changed.connect(self._shelf_changed), self._trainer.on("offer", self._sum_up)]
        self.destroyed.connect(lambda: [end() for end in ends])

    def _shelf_changed(self, name: str) -> None:
        if name in ("entries", "problems"):
            self._fill()
        self._tell()

    def _fill(self) -> None:
        entries = self._shelf.entries
        chosen = set(self.list.selected())
        self.model.show(entries)
        for id in chosen:
            row = self.model.row_of(id)
            if row >= 0:
                self.list.selectionModel().select(
                    self.model.index(row), self.list.selectionModel().SelectionFlag.Select
                )
        self.stack.setCurrentWidget(self.list if entries else self.empty)
        problems = self._shelf.problems
        self.problems.setVisible(bool(problems))
        more = f" There are {len(problems) - 1} more of this kind." if len(problems) > 1 else ""
        self.problems.setText(f"{problems[0]}{more}" if problems else "")
        self._sum_up()
        self._enable()

    def _sum_up(self) -> None:
        entries = self._shelf.entries
        self.summary.setVisible(bool(entries))
        plan = self._trainer.offer.plan
        self.summary.setText(summed_up(entries_of(self._shelf), plan.held_out if plan is not None else 0))

    def _tell(self) -> None:
        shelf = self._shelf
        self.bar.setVisible(shelf.busy)
        self.bar.setRange(0, 1000 if shelf.fraction > 0 else 0)
        self.bar.setValue(round(shelf.fraction * 1000))
        theme.set_role(self.says, "error" if shelf.failed else "secondary")
        self.says.setText(shelf.message)
        self.which.setVisible(bool(shelf.refused) and not shelf.busy)
        self.undo.setVisible(bool(shelf.removed) and not shelf.busy)

    def refused_text(self) -> str:
        """What the last addition could not take, a line each."""
        return "\n".join(f"{refused.where}: {refused.why}" for refused in self._shelf.refused)

    def _show_refused(self) -> None:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setWindowTitle("Refused pairs")
        box.setText(f"{count(len(self._shelf.refused), 'pair')} could not be taken. The others were added.")
        box.setDetailedText(self.refused_text())
        box.exec()

    def _enable(self) -> None:
        some = bool(self._shelf.entries)
        self.remove.setEnabled(some and bool(self.list.selected()))
        self.export.setEnabled(some)
        self.train.setEnabled(some)

    def _remove(self) -> None:
        chosen = self.list.selected()
        if chosen:
            self._shelf.remove(chosen)

    def _export(self, format: str) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export your pairs into a new folder", "pairs")
        if name:
            self._shelf.export(Path(name), format)

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Add a folder of pairs")
        if name:
            self.add([Path(name)])

    def _choose_file(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Add pairs", "", FILES)
        self.add([Path(name) for name in names])


class _Empty(QWidget):
    """What a pair is, how it is made, and a first step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QPushButton("Add a folder...", self)
        column = QVBoxLayout(self)
        column.setSpacing(16)
        column.addStretch(1)
        for text in (EMPTY, HOW):
            label = secondary(text, self) if text != EMPTY else QLabel(text, self)
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        drop = secondary(DROP, self)
        drop.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(drop)
        column.addStretch(1)


def entries_of(shelf: PairsShelf) -> tuple[tuple[str, bool], ...]:
    """(photo, takes part) of each pair."""
    return tuple((entry.group, entry.enabled) for entry in shelf.entries)


def summed_up(pairs: Sequence[tuple[str, bool]], held_out: int) -> str:
    """ "36 pairs of 12 photos. 2 are left out. 4 are kept for judging: the training never sees them."."""
    taking = [group for group, enabled in pairs if enabled]
    photos = len(set(taking))
    lines = [f"{count(len(taking), 'pair')} of {count(photos, 'photo')}."] if taking else ["No pair takes part."]
    left = len(pairs) - len(taking)
    lines += [f"{left} {'is' if left == 1 else 'are'} left out."] if left else []
    if held_out and taking:
        one = held_out == 1
        kept = ("is", "it") if one else ("are", "them")
        lines.append(f"{held_out} {kept[0]} kept for judging: the training never sees {kept[1]}.")
    return " ".join(lines)


def count(number: int, what: str) -> str:
    """ "1 pair", "3 pairs"."""
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"
