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
    """One slim row; where the window is too narrow it is turned over like pages, and only whole options show."""

    def __init__(self, settings: ToolSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.controls: dict[str, QWidget] = {}
        self._labels: dict[str, QWidget] = {}
        self._first = 0  # of the options that show
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
        """The wheel moves the row by one option."""
        turned = event.angleDelta().y() + event.angleDelta().x()
        self._begin_at(self._first + (1 if turned < 0 else -1) if turned else self._first)

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
        self.controls, self._labels, self._first = {}, {}, 0
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
        if needed:
            self._begin_at(self._first)
        else:
            self._first = 0
            self.setViewportMargins(0, 0, 0, 0)

    def _show_more(self) -> None:
        """The next part of the row; from its end back to its beginning."""
        last = self._last(self._first)
        self._begin_at(0 if last >= len(self.controls) else last)

    def _begin_at(self, first: int) -> None:
        """Show the options from this one on, as many as there is room for."""
        row = self.widget()
        if row is None or not self._more.isVisibleTo(self):
            return
        row.resize(row.minimumSizeHint().width(), row.height())
        if (layout := row.layout()) is not None:
            layout.activate()
        while first > 0 and self._last(first - 1) >= len(self.controls):
            first -= 1  # the last ones fill the room there is
        self._first = max(0, first)
        shown = self._edges()[self._last(self._first) - 1 : self._last(self._first)]
        room = shown[0][1] - self._left(self._first) + 4 if shown else self._room
        self.setViewportMargins(0, 0, max(self._more.width(), self.width() - room), 0)
        self.horizontalScrollBar().setValue(self._left(self._first))

    def _last(self, first: int) -> int:
        """One past the last option that shows where `first` is the first; one shows at least."""
        end = self._left(first) + self._room
        fitting = [at for at, (_, right) in enumerate(self._edges()) if right <= end]
        return max(fitting[-1] + 1 if fitting else 0, min(first + 1, len(self.controls)))

    def _left(self, first: int) -> int:
        """Where the row is scrolled to; the title belongs to the first option."""
        return max(0, self._edges()[first][0] - theme.GRID) if first else 0

    @property
    def _room(self) -> int:
        return self.width() - self._more.width() - 4

    def _edges(self) -> list[tuple[int, int]]:
        """Left and right of every option in the row, its label included."""
        return [
            (self._labels.get(name, control).x(), control.x() + control.width())
            for name, control in self.controls.items()
        ]

    def _add(self, layout: QHBoxLayout, option: ToolOption, row: QWidget) -> None:
        control = self._control(option, row)
        control.setToolTip(option.help)
        control.setAccessibleName(option.title)
        self.controls[option.name] = control
        if option.kind != "bool":
            label = secondary(option.title, row)
            label.setMinimumWidth(label.sizeHint().width())
            layout.addWidget(label)
            self._labels[option.name] = label
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
