"""The row of options."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from editor.tools import TOOLS
from editor.tools.brush import BrushTool
from editor.tools.settings import TOOL_OPTIONS, ToolSettings
from editor.tools.wand import WandTool
from editor.ui.panels.tool_options import HEIGHT, ToolOptions
from editor.ui.widgets.number_slider import NumberSlider


@pytest.fixture
def settings() -> ToolSettings:
    return ToolSettings()


@pytest.fixture
def row(qtbot: QtBot, settings: ToolSettings) -> ToolOptions:
    row = ToolOptions(settings)
    qtbot.addWidget(row)
    row.resize(900, HEIGHT)
    row.show()
    return row


@pytest.mark.parametrize("make", TOOLS)
def test_every_tool_has_its_row(row: ToolOptions, make: type) -> None:
    tool = make()
    row.show_tool(tool)
    assert tuple(row.controls) == tuple(tool.options)
    assert all(control.accessibleName() and control.toolTip() for control in row.controls.values())
    if not tool.options:
        assert tool.help in [label.text() for label in row.findChildren(QLabel)]


def test_every_kind_of_control_follows_both_ways(row: ToolOptions, settings: ToolSettings) -> None:
    row.show_tool(BrushTool())
    size, smooth, pressure = (row.controls[name] for name in ("size", "smooth", "pressure"))
    assert isinstance(size, NumberSlider) and isinstance(smooth, QCheckBox) and isinstance(pressure, QComboBox)
    settings.size = 123
    assert size.value() == 123
    size.field.setValue(50)
    smooth.click()
    pressure.setCurrentIndex(pressure.findData("both"))
    assert (settings.size, settings.smooth, settings.pressure) == (50, False, "both")


def test_choices_with_icons_are_buttons(row: ToolOptions, settings: ToolSettings) -> None:
    row.show_tool(WandTool())
    buttons = {button.accessibleName(): button for button in row.controls["how"].findChildren(QToolButton)}
    assert buttons["New"].isChecked()
    buttons["Add"].click()
    assert settings.how == "add"
    settings.how = "subtract"
    assert [name for name, button in buttons.items() if button.isChecked()] == ["Subtract"]


def test_another_tool_lets_the_old_row_go(row: ToolOptions, settings: ToolSettings) -> None:
    before = len(settings.changed._slots)
    row.show_tool(BrushTool())
    old = row.controls["size"]
    assert len(settings.changed._slots) > before
    row.show_tool(None)
    QApplication.sendPostedEvents(None, 0)
    assert not isValid(old)
    assert len(settings.changed._slots) == before
    settings.size = 7


def test_a_row_that_is_too_long_can_be_reached(row: ToolOptions, qtbot: QtBot) -> None:
    row.show_tool(BrushTool())
    row.resize(400, HEIGHT)
    more, seen, turns = row._more, set[str](), 0
    assert more.isVisible()
    while turns == 0 or row._first > 0:
        whole = whole_options(row)
        assert whole and cut_options(row) == []
        seen.update(whole)
        more.click()
        turns += 1
        assert turns < 9
    assert seen == set(row.controls)
    here = QPointF(5, 5)
    wheel = QWheelEvent(
        here,
        here,
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    row.wheelEvent(wheel)
    assert row._first == 1 and "size" not in whole_options(row)
    row.resize(2400, HEIGHT)
    assert not more.isVisible() and whole_options(row) == list(row.controls)


def shown_part(row: ToolOptions, name: str) -> tuple[float, float]:
    """How much of an option's control shows, and how wide it is."""
    control, port = row.controls[name], row.viewport()
    left = control.mapTo(row, QPoint()).x() - port.x()
    return min(left + control.width(), port.width()) - max(left, 0), control.width()


def whole_options(row: ToolOptions) -> list[str]:
    return [name for name in row.controls if shown_part(row, name)[0] == shown_part(row, name)[1]]


def cut_options(row: ToolOptions) -> list[str]:
    return [name for name in row.controls if 0 < shown_part(row, name)[0] < shown_part(row, name)[1]]


def test_options_are_one_slim_row(row: ToolOptions) -> None:
    for make in TOOLS:
        row.show_tool(make())
        assert row.height() == HEIGHT
        assert all(isinstance(control, QWidget) and control.height() <= HEIGHT for control in row.controls.values())
    assert {option.kind for option in TOOL_OPTIONS} == {"slider", "choice", "bool"}
