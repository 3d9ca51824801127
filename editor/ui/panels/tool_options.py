"""The row of options of the active tool."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QHBoxLayout, QLabel, QScrollArea, QWidget

from editor.tools.settings import ToolOption, ToolSettings, option_named
from editor.tools.tool import Tool
from editor.ui import theme
from editor.ui.bind import bind, watch
from editor.ui.widgets.icon_button import IconButton
from editor.ui.widgets.labels import line, secondary
from editor.ui.widgets.number_slider import NumberSlider

HEIGHT = theme.CONTROL + 2 * theme.GRID
SLIDER = 136


class ToolOptions(QScrollArea):
    """One slim row; it scrolls sideways where the window is too narrow."""

    def __init__(self, settings: ToolSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.controls: dict[str, QWidget] = {}
        self.setFixedHeight(HEIGHT)
        self.setWidgetResizable(True)
        self.setAccessibleName("Tool options")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._more = IconButton("chevron-right", "More options", parent=self)
        self._more.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab reaches the options themselves
        self._more.clicked.connect(self._show_more)
        self.show_tool(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel moves the row sideways."""
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - event.angleDelta().y() - event.angleDelta().x())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._more.move(self.width() - self._more.width(), (self.height() - self._more.height()) // 2)
        self._offer_more()

    def show_tool(self, tool: Tool | None) -> None:
        """The options of this tool; its help where it has none. Raises KeyError for an option that does not exist."""
        row = QWidget()
        theme.set_role(row, "panel")
        layout = QHBoxLayout(row)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(8)
        title = QLabel(tool.title if tool else "", row)
        title.setMinimumWidth(max(9 * theme.GRID, title.sizeHint().width()))
        layout.addWidget(title)
        layout.addWidget(line(upright=True, parent=row))
        self.controls = {}
        for name in tool.options if tool else ():
            self._add(layout, option_named(name), row)
        if tool is not None and not tool.options:
            layout.addWidget(secondary(tool.help, row))
        layout.addStretch(1)
        self.setWidget(row)
        self._offer_more()

    def _offer_more(self) -> None:
        row = self.widget()
        needed = row is not None and row.minimumSizeHint().width() > self.width()
        self._more.setVisible(needed)
        self.setViewportMargins(0, 0, self._more.width() if needed else 0, 0)

    def _show_more(self) -> None:
        """The next part of the row; from its end back to its beginning."""
        bar = self.horizontalScrollBar()
        bar.setValue(0 if bar.value() == bar.maximum() else bar.value() + self.width() // 2)

    def _add(self, layout: QHBoxLayout, option: ToolOption, row: QWidget) -> None:
        control = self._control(option, row)
        control.setToolTip(option.help)
        control.setAccessibleName(option.title)
        self.controls[option.name] = control
        if option.kind != "bool":
            label = secondary(option.title, row)
            label.setMinimumWidth(label.sizeHint().width())
            layout.addWidget(label)
        layout.addWidget(control)
        layout.addSpacing(8)

    def _control(self, option: ToolOption, row: QWidget) -> QWidget:
        if option.kind == "slider":
            return self._slider(option, row)
        if option.kind == "bool":
            box = QCheckBox(option.title, row)
            bind(self._settings, option.name, box)
            return box
        if all(icon for _, _, icon in option.choices):
            return self._buttons(option, row)
        return self._combo(option, row)

    def _slider(self, option: ToolOption, row: QWidget) -> NumberSlider:
        slider = NumberSlider(
            option.title,
            option.low,
            option.high,
            unit=option.unit,
            factor=option.factor,
            decimals=option.decimals,
            curve=option.curve,
            help=option.help,
            parent=row,
        )
        slider.setFixedWidth(SLIDER)
        bind(self._settings, option.name, slider)
        return slider

    def _combo(self, option: ToolOption, row: QWidget) -> QComboBox:
        combo = QComboBox(row)
        for value, title, _ in option.choices:
            combo.addItem(title, value)
        bind(self._settings, option.name, combo)
        return combo

    def _buttons(self, option: ToolOption, row: QWidget) -> QWidget:
        """Choices that all have an icon stand side by side."""
        holder = QWidget(row)
        layout = QHBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        group = QButtonGroup(holder)
        buttons: dict[str, IconButton] = {}
        for value, title, icon in option.choices:
            buttons[value] = button = IconButton(icon, title, checkable=True, parent=holder)
            button.clicked.connect(lambda _=False, value=value: setattr(self._settings, option.name, value))
            group.addButton(button)
            layout.addWidget(button)
        watch(self._settings, option.name, holder, lambda value: buttons[value].setChecked(True))
        return holder
