"""What was measured, the model before against the new one, in a small table."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from editor.jobs.training_report import Part, Report, Row
from editor.ui import theme
from editor.ui.widgets.labels import secondary

LONGEST = 24
"""Letters of a model's name."""
MOST = 3
"""Rows of one part; the report's own file has all."""


class ReportTable(QWidget):
    """One part of a report: the user's edits, or everything else."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: list[QLabel] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(4, 1)

    def show_part(self, report: Report, part: Part) -> None:
        """part: of `report`, which names the models."""
        self._clear()
        self._put(0, ["", shortened(report.base or "before"), shortened(report.new or "new"), "change"])
        for row, measure in enumerate(part.rows[:MOST], 1):
            self._measure(row, measure)
        self.setVisible(bool(part.rows))

    def texts(self) -> list[str]:
        """All that it says, for whoever reads it."""
        return [label.text() for label in self._labels if label.text()]

    def _measure(self, row: int, measure: Row) -> None:
        base, unit = measure.base, measure.unit
        largest = max(abs(base or 0.0), abs(measure.new))
        change = measure.new - base if base is not None else None
        texts = [
            measure.title,
            written(base, unit, largest),
            written(measure.new, unit, largest),
            ("+" if change is not None and change > 0 else "") + written(change, unit, largest),
        ]
        label = self._put(row, texts)
        if measure.better is not None:
            theme.set_role(label, "done" if measure.better else "warning")
            word = "better" if measure.better else "worse"
            label.setAccessibleName(f"{word}: {texts[3]}")

    def _put(self, row: int, texts: list[str]) -> QLabel:
        """A row of labels; returns the last one."""
        for column, text in enumerate(texts):
            label = secondary(text, self) if column == 0 or row == 0 else QLabel(text, self)
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            self._labels.append(label)
            self._grid.addWidget(label, row, column, side | Qt.AlignmentFlag.AlignVCenter)
        return self._labels[-1]

    def _clear(self) -> None:
        for label in self._labels:
            self._grid.removeWidget(label)
            label.hide()
            label.deleteLater()
        self._labels.clear()


def written(value: float | None, unit: str, largest: float) -> str:
    """ "23.9 dB", "0.0123", "-" for none; largest: of the numbers beside it, which have as many places."""
    if value is None:
        return "-"
    places = 1 if unit == "dB" or largest >= 10 else 2 if largest >= 1 else 3 if largest >= 0.1 else 4
    text = f"{value:.{places}f}"
    return f"{text} {unit}" if unit else text


def shortened(name: str) -> str:
    """A long name of a model, cut in its middle."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}\u2026{name[-LONGEST // 2 + 1 :]}"
