"""The toolbar: one button a tool, and the two colours at its foot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from editor.tools.settings import ToolSettings
from editor.tools.tool import Tool
from editor.ui import theme
from editor.ui.panels.colours import Colours
from editor.ui.widgets.icon_button import IconButton, with_key
from editor.ui.widgets.labels import line

WIDTH = 40


class Toolbar(QWidget):
    """40 px wide. A click runs the action "tool.<id>"; `set_active` shows which tool is at work."""

    def __init__(
        self,
        tools: Sequence[Tool],
        settings: ToolSettings,
        trigger: Callable[..., object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Tools")
        self._titles = {tool.id: tool.title for tool in tools}
        self.buttons: dict[str, IconButton] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        for tool in tools:
            self.buttons[tool.id] = self._button(tool, trigger)
        self.colours = Colours(settings, trigger, self)
        self._lay_out()

    def set_active(self, tool_id: str) -> None:
        """Raises KeyError for an unknown tool."""
        self.buttons[tool_id].setChecked(True)

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """keys: {tool id: shortcut as Qt writes it}, after they were bound otherwise."""
        for id, key in keys.items():
            self.buttons[id].setToolTip(with_key(self._titles[id], key))

    def _button(self, tool: Tool, trigger: Callable[..., object]) -> IconButton:
        button = IconButton(tool.icon, tool.title, tool.key, checkable=True, parent=self)
        button.setFixedSize(32, 32)
        button.setIconSize(QSize(theme.ICON, theme.ICON))
        button.setStatusTip(tool.help)
        button.clicked.connect(lambda _=False, id=tool.id: trigger(f"tool.{id}"))
        self._group.addButton(button)
        return button

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 8)
        column.setSpacing(2)
        for button in self.buttons.values():
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        column.addWidget(line(parent=self))
        column.addSpacing(4)
        column.addWidget(self.colours, 0, Qt.AlignmentFlag.AlignHCenter)
