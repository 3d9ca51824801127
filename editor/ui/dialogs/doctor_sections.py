"""The sections of the doctor's page: rows of findings, and the measuring of speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from editor.edits.background import Job
from editor.edits.checkup import Doctor, Line
from editor.ui import icons, theme
from editor.ui.widgets.labels import line, secondary

ICONS: dict[str, tuple[str, icons.Tone]] = {
    "good": ("check", "done"),
    "warning": ("triangle-alert", "warning"),
    "bad": ("circle-alert", "error"),
    "open": ("circle-dashed", "secondary"),
}
TITLE_WIDTH = 184
MARK = 16
"""The side of a row's icon, as high as a line of text."""


class Section(QWidget):
    """A title and a row for each line: an icon, what it is about, and what was found with what to do."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[object, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID, 0, 0)
        column.setSpacing(theme.GRID // 2)
        heading = QLabel(title, self)
        heading.setFont(theme.sized(heading.font(), theme.NORMAL, bold=True))
        column.addWidget(heading)
        column.addWidget(line(parent=self))
        self.rows = QWidget(self)
        column.addWidget(self.rows)
        self.setAccessibleName(title)

    def show_lines(self, lines: Sequence[Line], waiting: bool = False) -> None:
        """waiting: more may come."""
        shown = (tuple(lines), waiting, theme.current().name)
        if shown == self._shown:
            return
        self._shown = shown
        rows = QWidget(self)
        column = QVBoxLayout(rows)
        column.setContentsMargins(0, theme.GRID // 2, 0, 0)
        column.setSpacing(theme.GRID)
        if not lines:
            column.addWidget(secondary("..." if waiting else "Not known.", rows))
        for each in lines:
            column.addLayout(_row(each, rows))
        self._replace(rows)

    def _replace(self, rows: QWidget) -> None:
        layout = self.layout()
        if layout is not None:
            layout.replaceWidget(self.rows, rows)
        self.rows.hide()
        self.rows.deleteLater()
        self.rows = rows


class SpeedSection(Section):
    """Measures one model at a time, when asked to. result: the last one, in words; "" before."""

    def __init__(self, doctor: Doctor, chosen: Callable[[], str], parent: QWidget | None = None) -> None:
        super().__init__("Speed", parent)
        self._doctor, self._chosen = doctor, chosen
        self._job: Job | None = None
        self.result = ""
        self.models = QComboBox(self.rows)
        self.models.setAccessibleName("Model")
        self.models.setMinimumWidth(TITLE_WIDTH)
        self.button = QPushButton("Measure", self.rows)
        self.progress = QProgressBar(self.rows)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(4)
        self.said = text_label("", self.rows)
        self.button.clicked.connect(self._clicked)
        self._assemble()
        self._say("Measures one step of an edit, and how near that is to the best this machine could do.")

    def show_models(self, names: Sequence[str]) -> None:
        """Those that can be measured."""
        before = [self.models.itemText(index) for index in range(self.models.count())]
        if list(names) != before and names:
            wanted = self.models.currentText() or self._chosen()
            self.models.clear()
            self.models.addItems(list(names))
            self.models.setCurrentIndex(max(0, self.models.findText(wanted)))
        self.button.setEnabled(self.models.count() > 0)
        self.models.setEnabled(self.models.count() > 0 and self._job is None)

    def stop(self) -> None:
        """End a measurement that runs."""
        if self._job is not None:
            self._job.cancel()
            self._end("The measurement was cancelled.")

    def _assemble(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(theme.GRID)
        row.addWidget(self.models)
        row.addWidget(self.button)
        row.addWidget(self.progress, 1)
        column = QVBoxLayout(self.rows)
        column.setContentsMargins(0, theme.GRID // 2, 0, theme.GRID)
        column.setSpacing(theme.GRID)
        column.addLayout(row)
        column.addWidget(self.said)
        keep = self.progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(keep)
        self.progress.hide()

    def _clicked(self) -> None:
        if self._job is not None:
            self.stop()
            return
        self.progress.setValue(0)
        self.progress.show()
        self.button.setText("Cancel")
        self.models.setEnabled(False)
        self._say("Starting...")
        model = self.models.currentText()
        self._job = self._doctor.measure(model, self._advance, lambda text: self._measured(model, text), self._failed)

    def _advance(self, share: float, text: str) -> None:
        self.progress.setValue(round(share * 1000))
        self._say(f"{text[:1].upper()}{text[1:]}...")

    def _measured(self, model: str, text: str) -> None:
        self.result = f"{model}: {text}"
        self._end(text, "result")

    def _failed(self, problem: str) -> None:
        self._end(problem, "error")

    def _end(self, text: str, role: str = "") -> None:
        self._job = None
        self.progress.hide()
        self.button.setText("Measure")
        self.models.setEnabled(True)
        self._say(text, role)

    def _say(self, text: str, role: str = "") -> None:
        theme.set_role(self.said, role or "secondary")
        self.said.setText(text)


def text_label(text: str, parent: QWidget | None = None) -> QLabel:
    """Wrapped plain text that can be selected."""
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label


def show_icon(label: QLabel, kind: str, side: int = theme.ICON) -> None:
    """One of `ICONS`, in the colours of the theme; what is no news has none."""
    label.setFixedSize(theme.ICON, side)
    if kind in ICONS:
        name, tone = ICONS[kind]
        label.setPixmap(icons.pixmap(name, side, label.devicePixelRatioF(), tone))


def _row(each: Line, parent: QWidget) -> QHBoxLayout:
    mark, title = QLabel(parent), text_label(each.title, parent)
    show_icon(mark, each.state, MARK)
    mark.setAccessibleName(each.state)
    title.setFixedWidth(TITLE_WIDTH)
    cell = QVBoxLayout()
    cell.setSpacing(2)
    if each.text:
        text = text_label(each.text, parent)
        theme.set_role(text, "secondary")
        cell.addWidget(text)
    if each.advice:
        cell.addWidget(text_label(each.advice, parent))
    cell.addStretch(1)
    row = QHBoxLayout()
    row.setSpacing(theme.GRID)
    row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(title, 0, Qt.AlignmentFlag.AlignTop)
    row.addLayout(cell, 1)
    return row
