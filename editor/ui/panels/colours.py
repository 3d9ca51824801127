"""The two colours of the tools, with swap and default."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from editor.tools.settings import ToolSettings
from editor.ui.bind import bind
from editor.ui.widgets.colour_button import ColourButton
from editor.ui.widgets.icon_button import IconButton

SMALL = 20


class Colours(QWidget):
    """The foreground lies over the background, as everywhere; X swaps them, D brings black and white."""

    def __init__(self, settings: ToolSettings, trigger: Callable[..., object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        pair = QWidget(self)
        pair.setFixedSize(36, 36)
        self.background = ColourButton("Background colour", 24, pair)
        self.foreground = ColourButton("Foreground colour", 24, pair)
        self.background.move(12, 12)
        self.swap = IconButton("arrow-right-left", "Swap colours", "X", parent=self)
        self.default = IconButton("contrast", "Black and white", "D", parent=self)
        bind(settings, "background", self.background)
        bind(settings, "foreground", self.foreground)
        self.swap.clicked.connect(lambda: trigger("colour.swap"))
        self.default.clicked.connect(lambda: trigger("colour.default"))
        self._lay_out(pair)

    def _lay_out(self, pair: QWidget) -> None:
        row = QHBoxLayout()
        row.setSpacing(0)
        for button in (self.swap, self.default):
            button.setFixedSize(SMALL, SMALL)
            button.setIconSize(QSize(14, 14))
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(pair)
