"""Titles with what is said of them, in two columns whose lines keep their place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from editor.ui import theme
from editor.ui.widgets.labels import secondary


def room(size: int) -> str:
    """ "220 MB", "1.9 GB": of memory or disk."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


class Facts(QWidget):
    """titles: of the rows, which are there from the beginning."""

    def __init__(self, titles: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.values: dict[str, QLabel] = {}
        for row, title in enumerate(titles):
            value = QLabel(self)
            value.setWordWrap(True)
            value.setTextFormat(Qt.TextFormat.PlainText)
            self.values[title] = value
            grid.addWidget(secondary(title, self), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)

    def show_values(self, values: Sequence[tuple[str, str, str]]) -> None:
        """(title, text, role of the text)"""
        for title, text, role in values:
            self.values[title].setText(text)
            theme.set_role(self.values[title], role)
