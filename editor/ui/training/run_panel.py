"""A training that goes on, or has ended: how far it is, how well it does, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from editor.edits.times import about
from editor.jobs.trainer import Trainer
from editor.jobs.trainer_state import TrainerState
from editor.ui import theme
from editor.ui.training.facts import room
from editor.ui.training.loss_chart import LossChart
from editor.ui.training.pictures import Pictures
from editor.ui.training.strips import Strips
from editor.ui.widgets.labels import ElidedLabel, secondary

ENDS = {
    "stopped": "Stopped. It can go on from here whenever you like.",
    "done": "Done: now see what it has learnt.",
    "failed": "It ended before its time.",
    "installed": "Done and installed.",
}


class RunPanel(QWidget):
    """see: the user wants to look at the result."""

    see = Signal()

    def __init__(self, trainer: Trainer, pictures: Pictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trainer = trainer
        self.title, self.base = ElidedLabel("", self), secondary("", self)
        self.stage, self.left = ElidedLabel("", self), secondary("", self)
        self.bar = QProgressBar(self)
        self.chart = LossChart(self)
        self.strips = Strips(pictures, self)
        self.says = QLabel(self)
        self.pause, self.stop = QPushButton("Pause", self), QPushButton("Stop", self)
        self.go_on, self.result = QPushButton("Resume", self), QPushButton("See the result", self)
        self._set_up()
        self._lay_out()
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """What the trainer tells."""
        state = self._trainer.state
        self.title.setText(state.name)
        self.base.setText(f"from {state.base}" if state.base else "")
        self.stage.setText(_stage(state))
        self.left.setText(_left(state))
        unknown = state.training and state.fraction is None and state.phase != "paused"
        self.bar.setRange(0, 0 if unknown else 1000)
        self.bar.setValue(round(_fraction(state) * 1000))
        self.chart.show_points(state.losses, state.steps)
        self.strips.show_samples(state.samples, state.sample_step)
        theme.set_role(self.says, "error" if state.error else "secondary")
        self.says.setText(state.error or state.note)
        self._show_buttons(state)

    def _show_buttons(self, state: TrainerState) -> None:
        self.pause.setVisible(state.training)
        self.pause.setText("Resume" if state.phase == "paused" else "Pause")
        self.pause.setEnabled(state.phase in ("running", "paused"))
        self.stop.setVisible(state.training)
        self.stop.setEnabled(state.phase in ("running", "paused"))
        self.go_on.setVisible(not state.training)
        self.go_on.setEnabled(state.can_go_on)
        theme.set_role(self.go_on, "main" if state.can_go_on else "")
        theme.set_role(self.result, "" if state.can_go_on else "main")
        self.result.setVisible(not state.training)
        self.result.setEnabled(state.can_check or state.busy)

    def _set_up(self) -> None:
        theme.set_role(self.title, "title")
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the training")
        self.says.setWordWrap(True)
        self.says.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.says.setMinimumHeight(2 * self.fontMetrics().lineSpacing())  # nothing jumps when it says something
        self.stop.setToolTip("Saves what it has learnt; it can go on later")
        self.pause.setToolTip("Holds at the next step; the memory stays in use")

    def _lay_out(self) -> None:
        head, progress, buttons = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.base)
        progress.addWidget(self.stage, 1)
        progress.addWidget(self.left)
        for row in (head, progress, buttons):
            row.setSpacing(8)
        buttons.addStretch(1)
        for button in (self.pause, self.stop, self.go_on, self.result):
            buttons.addWidget(button)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.strips)
        area.setMinimumWidth(self.strips.minimumSizeHint().width() + area.verticalScrollBar().sizeHint().width())
        area.setAccessibleName("Pictures that the training does not see")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addLayout(progress)
        column.addWidget(self.bar)
        column.addSpacing(8)
        column.addWidget(self.chart, 2)
        column.addSpacing(8)
        column.addWidget(area, 3)
        column.addWidget(self.says)
        column.addLayout(buttons)

    def _connect(self) -> None:
        self.pause.clicked.connect(self._pause)
        self.stop.clicked.connect(self._trainer.stop)
        self.go_on.clicked.connect(self._trainer.resume)
        self.result.clicked.connect(self.see)
        end = self._trainer.on("state", self.refresh)
        self.destroyed.connect(lambda: end())

    def _pause(self) -> None:
        if self._trainer.state.phase == "paused":
            self._trainer.go_on()
        else:
            self._trainer.pause()


def _stage(state: TrainerState) -> str:
    steps = f"step {state.step:,} of {state.steps:,}" if state.steps else ""
    what = state.stage if state.training else ENDS.get(state.phase, state.stage)
    if not state.training:
        return f"{what} Step {state.step:,} of {state.steps:,}." if steps and state.can_go_on else what
    return f"{what}, {steps}" if steps else what


def _left(state: TrainerState) -> str:
    """How long it takes from here, and what it holds."""
    if not state.training:
        return ""
    time = f"{about(state.seconds_left)} left" if state.seconds_left is not None and state.phase == "running" else ""
    memory = f"{room(state.memory_bytes)} of memory" if state.memory_bytes else ""
    return ", ".join(filter(None, (time, memory)))


def _fraction(state: TrainerState) -> float:
    """Of the whole where steps are known, else of the stage."""
    if state.steps:
        return state.step / state.steps
    return state.fraction or 0.0
