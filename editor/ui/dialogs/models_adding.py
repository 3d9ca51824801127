"""The lower part of the models' window: what is being added, from the drop to the finished model."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from editor.jobs.adding import Adding, AddingState
from editor.jobs.importing import HEAVIEST, WITHOUT_VOCABULARY, Wishes, gigabytes
from editor.ui import theme
from editor.ui.dialogs.models_details import percent
from editor.ui.widgets.labels import secondary
from editor.ui.widgets.number_slider import NumberSlider

VOCABULARY = (
    "One file holds no vocabulary: it is looked for beside the file and among the models here. Where there is none, "
    "choose a folder with vocab.json and merges.txt, such as the tokenizer folder of any Stable Diffusion 1 model."
)
HEIGHT = 232
"""Of the whole panel in pixels, whatever it shows: nothing jumps. More where a line of text is higher than LINE."""
LINE = 17
DROP = "Drop a model here: its folder, a .safetensors or .ckpt file, or a LoRA."


class AddingPanel(QStackedWidget):
    """Shows `adding`. use: the name of the model that was added and shall be used."""

    use = Signal(str)

    def __init__(self, adding: Adding, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._adding = adding
        self._shown: AddingState | None = None
        self.setFixedHeight(max(HEIGHT, HEIGHT * self.fontMetrics().lineSpacing() // LINE))
        self.idle = DropHint(DROP, self)
        self.found = FoundPage(self)
        self.working = WorkingPage(self)
        self.ended = EndedPage(self)
        for page in (self.idle, self.found, self.working, self.ended):
            self.addWidget(page)
        self.found.add.clicked.connect(self._start)
        self.found.cancel.clicked.connect(adding.forget)
        self.found.base.clicked.connect(self._choose_base)
        self.found.vocabulary.clicked.connect(self._choose_vocabulary)
        self.working.cancel.clicked.connect(adding.cancel)
        self.ended.dismiss.clicked.connect(adding.forget)
        self.ended.use_button.clicked.connect(self._use)
        end = adding.on("state", self.refresh)
        self.destroyed.connect(lambda: end())
        self.refresh()

    def refresh(self) -> None:
        state = self._adding.state
        before, self._shown = self._shown, state
        match state.phase:
            case "idle":
                self.setCurrentWidget(self.idle)
            case "looking" | "working":
                self.working.show_state(state)
                self.setCurrentWidget(self.working)
            case "found":
                fresh = before is None or before.phase != "working" or before.found is not state.found
                self.found.show_state(state, fresh)
                self.setCurrentWidget(self.found)
            case "failed" | "done":
                self.ended.show_state(state)
                self.setCurrentWidget(self.ended)

    def _start(self) -> None:
        page = self.found
        self._adding.start(page.wishes(self._adding.state), page.weight.value())

    def _choose_base(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The folder of the model that the LoRA changes")
        if folder:
            self._adding.look(Path(folder))

    def _choose_vocabulary(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A folder with vocab.json and merges.txt")
        if folder:
            self.found.use_vocabulary(Path(folder))

    def _use(self) -> None:
        name = self._adding.state.name
        self._adding.forget()
        self.use.emit(name)


class DropHint(QLabel):
    """A sentence in a frame that looks like a place to drop something."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        theme.set_role(self, "secondary")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().colour("edge"), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 8, 8)


class FoundPage(QWidget):
    """What was found, and what the user may say to it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what = QLabel(self)
        self.what.setWordWrap(True)
        self.what.setTextFormat(Qt.TextFormat.PlainText)
        self.room = secondary("", self)
        self.room.setWordWrap(True)
        self.name, self.licence = QLineEdit(self), QLineEdit(self)
        self.licence.setPlaceholderText("not stated in its files")
        self.base = QPushButton("Choose its model's folder...", self)
        self.vocabulary = QPushButton(self)
        self.vocabulary.setToolTip(VOCABULARY)
        self._config: Path | None = None
        self.weight = NumberSlider(
            "Weight", 0.0, HEAVIEST, decimals=2, help="How strongly the LoRA changes the model: 1 as it was trained"
        )
        self.weight.setValue(1.0)
        self.few_steps = QCheckBox("It is for edits of a few steps (LCM)", self)
        self.problem = Problem(self)
        self.add, self.cancel = QPushButton("Add", self), QPushButton("Cancel", self)
        theme.set_role(self.add, "main")
        self._lay_out()

    def wishes(self, state: AddingState) -> Wishes:
        """What the user wants of what was found."""
        few_steps = self.few_steps.isChecked() if state.lora is not None else None
        return Wishes(self.name.text().strip(), self.licence.text().strip(), few_steps=few_steps, config=self._config)

    def use_vocabulary(self, folder: Path | None) -> None:
        """None: it is looked for near the file."""
        self._config = folder
        self.vocabulary.setText("Vocabulary..." if folder is None else f"Vocabulary: {folder.name}")

    def show_state(self, state: AddingState, fresh: bool) -> None:
        """fresh: the fields begin anew."""
        model, lora = state.found, state.lora
        self.what.setText(_what(state))
        self.room.setText(_room(state))
        finished = model is not None and model.kind == "package"
        if fresh and model is not None:
            self.name.setText(model.name if lora is None else f"{model.name}-{lora.name}")
            self.licence.setText(model.licence)
            self.use_vocabulary(None)
            self.few_steps.setChecked(lora is not None and lora.few_steps)
        self.names.setVisible(model is not None and not finished)
        self.merging.setVisible(lora is not None and model is not None)
        self.base.setVisible(lora is not None and model is None)
        self.vocabulary.setVisible(model is not None and model.kind in WITHOUT_VOCABULARY)
        self.problem.show_text(state.error or _install(state), state.install)
        self.add.setEnabled(state.can_start and not (state.error and model is not None and bool(model.problem)))
        self.add.setVisible(model is not None)

    def _lay_out(self) -> None:
        self.names = _fields(("Name", self.name), ("Licence", self.licence), behind=self.vocabulary)
        self.use_vocabulary(None)
        self.merging = _fields(("Weight", self.weight), ("", self.few_steps))
        column = _column(self)
        column.addWidget(self.what)
        column.addWidget(self.room)
        column.addWidget(self.names)
        column.addWidget(self.merging)
        column.addWidget(self.base, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        column.addWidget(self.problem)
        column.addLayout(_row(self.add, self.cancel))


class WorkingPage(QWidget):
    """A stage in words, a bar, and the way out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what, self.stage = QLabel(self), secondary("", self)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.cancel = QPushButton("Cancel", self)
        column = _column(self)
        column.addWidget(self.what)
        column.addWidget(self.bar)
        column.addWidget(self.stage)
        column.addStretch(1)
        column.addLayout(_row(self.cancel))

    def show_state(self, state: AddingState) -> None:
        looking = state.phase == "looking"
        untold = looking or state.fraction < 0
        name = state.source.name if state.source is not None and looking else state.found.name if state.found else ""
        self.what.setText(f"Looking at {name}" if looking else f"Adding {name}")
        share = "" if untold else f", {state.fraction * 100:.0f} %"
        self.stage.setText("" if looking else f"{state.stage}{share}")
        self.bar.setRange(0, 0 if untold else 1000)
        self.bar.setValue(round(state.fraction * 1000))
        self.cancel.setEnabled(state.stage != "Cancelling")


class EndedPage(QWidget):
    """It was added, or why it could not be."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what, self.report = QLabel(self), secondary("", self)
        self.what.setWordWrap(True)
        self.report.setWordWrap(True)
        self.problem = Problem(self)
        self.use_button, self.dismiss = QPushButton("Use", self), QPushButton("Close", self)
        theme.set_role(self.use_button, "main")
        column = _column(self)
        column.addWidget(self.what)
        column.addWidget(self.report)
        column.addWidget(self.problem)
        column.addStretch(1)
        column.addLayout(_row(self.use_button, self.dismiss))

    def show_state(self, state: AddingState) -> None:
        done = state.phase == "done"
        name = state.source.name if state.source is not None else ""
        self.what.setText(f"{state.name} was added and checked." if done else f"{name} was not added.")
        theme.set_role(self.what, "done" if done else "")
        self.report.setText(_report(state))
        self.report.setVisible(bool(self.report.text()))
        self.problem.show_text(state.error, state.install)
        self.use_button.setVisible(done)
        self.dismiss.setText("Not now" if done else "OK")


class Problem(QWidget):
    """One sentence, and the command that helps where there is one, to be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_role(self.text, "error")
        self.command = QLineEdit(self)
        self.command.setReadOnly(True)
        self.command.setAccessibleName("Command")
        self.copy = QPushButton("Copy", self)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.text()))
        self.line = QWidget(self)
        row = QHBoxLayout(self.line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.command, 1)
        row.addWidget(self.copy)
        column = _column(self)
        column.addWidget(self.text)
        column.addWidget(self.line)

    def show_text(self, text: str, command: str) -> None:
        self.text.setText(text.replace(" with --config", " with the button Vocabulary"))  # as the command line says it
        self.command.setText(command)
        self.line.setVisible(bool(command))
        self.setVisible(bool(text or command))


def _column(page: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    return column


def _fields(*fields: tuple[str, QWidget], behind: QWidget | None = None) -> QWidget:
    """Side by side, each behind its title; behind: comes after them."""
    held = QWidget()
    row = QHBoxLayout(held)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for place, (title, widget) in enumerate(fields):
        if place:
            row.addSpacing(8)
        if title:
            row.addWidget(QLabel(title, held))
            widget.setAccessibleName(title)
        row.addWidget(widget, 1)
    if behind is not None:
        row.addWidget(behind)
    return held


def _row(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addStretch(1)
    for button in buttons:
        row.addWidget(button)
    return row


def _what(state: AddingState) -> str:
    if state.found is None and state.lora is not None:
        return f"{state.lora.name} is a LoRA: it changes another model. Choose or drop that model's source folder."
    parts = list[str]()
    if state.found is not None:
        parts.append(f"{state.found.name}: {state.found.what}, {gigabytes(state.found.bytes)}")
    if state.lora is not None:
        parts.append(f"with the LoRA {state.lora.name} merged into it")
    return ", ".join(parts) + "."


def _room(state: AddingState) -> str:
    if state.found is None:
        return ""
    return f"Needs {gigabytes(state.found.needs_bytes)} of disk; {gigabytes(state.free)} are free."


def _install(state: AddingState) -> str:
    return "Converting it needs the training packages. Install them, then look again:" if state.install else ""


def _report(state: AddingState) -> str:
    if state.report is None:
        return ""
    worst = state.report.worst
    lines = [f"It differs from the original by {percent(worst)} at most."] if worst is not None else []
    return "\n".join([*lines, *state.report.notes])
