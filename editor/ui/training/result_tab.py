"""The third part of the training page: how good the result is, and whether it is to be used."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from editor.jobs.trainer import Trainer
from editor.jobs.trainer_state import CHECKING, TrainerState
from editor.jobs.training_report import Part, Report
from editor.ui import theme
from editor.ui.training.picture_view import PictureView
from editor.ui.training.pictures import Pictures
from editor.ui.training.report_table import ReportTable
from editor.ui.widgets.labels import secondary

NOTHING = (
    "There is no result yet. Train a model, or choose an earlier training in the list: its result is checked here "
    "before it is installed."
)
CHECK = (
    "Checking makes a model of the training and lets it edit pictures that it has not seen: with your instructions, "
    "and with everything else that it could do before. So you see what it has gained and what it has forgotten. It "
    "takes some minutes, and nothing is installed by it."
)
INSTALL = "Installing adds the model beside the others. Nothing is replaced, and you can go back at any time."
INSTALLED = "{name} is installed beside the others."
IN_USE = "{name} is in use. Your documents are edited with it from now on."


class ResultTab(QWidget):
    """in_use: the name of the model in use. choose: uses a model by its name."""

    def __init__(
        self,
        trainer: Trainer,
        pictures: Pictures,
        in_use: Callable[[], str],
        choose: Callable[[str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._trainer, self._pictures, self._in_use, self._choose = trainer, pictures, in_use, choose
        self._shown: TrainerState | None = None
        self.nothing = _sentences(NOTHING)
        self.ready = _Ready(self)
        self.working = _Working(self)
        self.judged = QWidget(self)
        self.stack = QStackedWidget(self)
        self.title, self.verdict = QLabel(self), QLabel(self)
        self.notes = secondary("", self)
        self.parts = QTabWidget(self)
        self.held_out = _Part(pictures, "Your edits", self)
        self.general = _Part(pictures, "Everything else", self)
        self.says, self.explains = QLabel(self), secondary(INSTALL, self)
        self.name = QLineEdit(self)
        self.name_title = QLabel("Name", self)
        self.install, self.use = QPushButton("Install", self), QPushButton("Use it now", self)
        self.back, self.again = QPushButton("Go back", self), QPushButton("Check again", self)
        self._set_up()
        self._lay_out()
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """What the trainer tells, and which model is in use."""
        state = self._trainer.state
        before, self._shown = self._shown, state
        page = self._page(state)
        self.stack.setCurrentWidget(page)
        if page is self.working:
            self.working.show_state(state)
        elif page is self.ready:
            self.ready.show_state(state)
        elif page is self.judged:
            self._show_report(state, before)
            self._show_buttons(state)

    def _page(self, state: TrainerState) -> QWidget:
        if state.phase in (*CHECKING, "installing"):
            return self.working
        if state.report is not None:
            return self.judged
        return self.ready if state.can_check else self.nothing

    def _show_report(self, state: TrainerState, before: TrainerState | None) -> None:
        report = state.report
        if report is None or (before is not None and before.report is report):
            return
        self.title.setText(f"{report.new or state.name}, made from {report.base or state.base}")
        self.verdict.setText(report.verdict)
        self.notes.setText(" ".join(report.notes))
        self.notes.setVisible(bool(report.notes))
        for place, part in enumerate((report.held_out, report.general)):
            (self.held_out, self.general)[place].show_part(report, part)
            self.parts.setTabVisible(place, bool(part.rows or part.picture))
            self.parts.setTabToolTip(place, f"{part.title}: {part.about}")
        self.name.setText(self._trainer.model_name())
        self.name.setCursorPosition(0)

    def _show_buttons(self, state: TrainerState) -> None:
        installed, used = state.phase == "installed", bool(state.model) and self._in_use() == state.model
        for widget in (self.name, self.name_title, self.install):
            widget.setVisible(not installed)
        self.install.setEnabled(state.can_install and bool(self.name.text().strip()))
        self.use.setVisible(installed)
        self.use.setEnabled(installed and not used)
        former = self._former(state)
        self.back.setVisible(installed and used and bool(former))
        self.back.setText(f"Go back to {former}")
        self.again.setVisible(not installed)
        text = IN_USE if used else INSTALLED if installed else ""
        theme.set_role(self.says, "error" if state.error else "done")
        self.says.setText(state.error or text.format(name=state.model))
        self.says.setVisible(bool(self.says.text()))
        self.explains.setVisible(self.says.isHidden())  # one of them, so that the pictures have the room

    def _former(self, state: TrainerState) -> str:
        """The model to go back to: the one that was in use before, else the one that this one was made from."""
        return self._trainer.former or state.base

    def _set_up(self) -> None:
        theme.set_role(self.title, "secondary")
        theme.set_role(self.verdict, "title")
        for button in (self.install, self.use):
            theme.set_role(button, "main")
        self.verdict.setWordWrap(True)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.says.setWordWrap(True)
        self.notes.setWordWrap(True)
        self.explains.setWordWrap(True)
        self.name.setAccessibleName("Name of the new model")
        self.name.setMinimumWidth(40 * self.fontMetrics().averageCharWidth())
        self.name_title.setBuddy(self.name)
        self.parts.addTab(self.held_out, "Your edits")
        self.parts.addTab(self.general, "Everything else")
        self.parts.setAccessibleName("What was measured, and the pictures that it was measured on")

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.again)
        buttons.addStretch(1)
        for widget in (self.name_title, self.name, self.install, self.back, self.use):
            buttons.addWidget(widget)
        column = QVBoxLayout(self.judged)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self.title, self.verdict):
            column.addWidget(widget)
        column.addWidget(self.parts, 1)
        for widget in (self.notes, self.explains, self.says):
            column.addWidget(widget)
        column.addLayout(buttons)
        for page in (self.nothing, self.ready, self.working, self.judged):
            self.stack.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 16, 0, 0)
        outer.addWidget(self.stack)

    def _connect(self) -> None:
        self.ready.check.clicked.connect(self._trainer.check)
        self.again.clicked.connect(self._trainer.check)
        self.working.cancel.clicked.connect(self._trainer.cancel)
        self.install.clicked.connect(self._install)
        self.name.returnPressed.connect(self._install)
        self.name.textChanged.connect(lambda: self.refresh())
        self.use.clicked.connect(self._use)
        self.back.clicked.connect(self._go_back)
        end = self._trainer.on("state", self.refresh)
        self.destroyed.connect(lambda: end())

    def _install(self) -> None:
        self._trainer.install(self.name.text().strip())

    def _use(self) -> None:
        self._trainer.former = self._in_use()
        self._choose(self._trainer.state.model)
        self.refresh()
        self.back.setFocus()

    def _go_back(self) -> None:
        former, self._trainer.former = self._former(self._trainer.state), ""
        self._choose(former)
        self.refresh()
        self.use.setFocus()


class _Part(QWidget):
    """The measures of one part above its pictures, which have all the room that is left."""

    def __init__(self, pictures: Pictures, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures = pictures
        self.table, self.view = ReportTable(self), PictureView(pictures, title, self)
        self.view.setMinimumHeight(176)
        self.view.setAccessibleDescription("Before, with the model before, with the new one, and as wanted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table)
        column.addWidget(self.view, 1)

    def show_part(self, report: Report, part: Part) -> None:
        """part: of `report`."""
        self.table.show_part(report, part)
        if part.picture is not None:
            self._pictures.forget(part.picture)
        self.view.show_path(part.picture)
        self.view.setEnabled(part.picture is not None)


class _Ready(QWidget):
    """There is something to check."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.error = QLabel(self), QLabel(self)
        self.check = QPushButton("Check the result", self)
        explains = secondary(CHECK, self)
        theme.set_role(self.title, "title")
        theme.set_role(self.check, "main")
        theme.set_role(self.error, "error")
        for label in (explains, self.error):
            label.setWordWrap(True)
        self.error.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        for widget in (self.title, explains):
            column.addWidget(widget)
        column.addWidget(self.check, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.error)
        column.addStretch(1)

    def show_state(self, state: TrainerState) -> None:
        done = "has learnt all it was given" if state.phase == "done" else f"was stopped at step {state.step:,}"
        self.title.setText(f"{state.name} {done}")
        self.error.setText(state.error if state.phase != "failed" else "")


class _Working(QWidget):
    """A stage in words, a bar, and the way out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.stage = QLabel(self), secondary("", self)
        self.bar = QProgressBar(self)
        self.cancel = QPushButton("Cancel", self)
        theme.set_role(self.title, "title")
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        for widget in (self.title, self.bar, self.stage):
            column.addWidget(widget)
        column.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)

    def show_state(self, state: TrainerState) -> None:
        what = "Installing" if state.phase == "installing" else "Checking"
        self.title.setText(f"{what} {state.name}")
        share = f", {state.fraction * 100:.0f} %" if state.fraction is not None else ""
        self.stage.setText(f"{state.stage}{share}")
        self.bar.setRange(0, 0 if state.fraction is None else 1000)
        self.bar.setValue(round((state.fraction or 0.0) * 1000))
        self.cancel.setEnabled(state.stage != "Cancelling")


def _sentences(text: str) -> QWidget:
    label = secondary(text)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
