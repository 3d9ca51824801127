"""The toolbar and its colours, with all tools."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog
from pytestqt.qtbot import QtBot

from editor.tools import TOOLS
from editor.tools.settings import ToolSettings
from editor.ui.panels.toolbar import WIDTH, Toolbar


@pytest.fixture
def triggered() -> list[str]:
    return []


@pytest.fixture
def settings() -> ToolSettings:
    return ToolSettings()


@pytest.fixture
def bar(qtbot: QtBot, settings: ToolSettings, triggered: list[str]) -> Toolbar:
    bar = Toolbar([tool() for tool in TOOLS], settings, triggered.append)
    qtbot.addWidget(bar)
    bar.show()
    return bar


def test_one_button_a_tool(bar: Toolbar, triggered: list[str]) -> None:
    assert list(bar.buttons) == [tool.id for tool in TOOLS]
    bar.buttons["brush"].click()
    assert triggered == ["tool.brush"]
    assert bar.buttons["brush"].toolTip() == "Brush (B)"
    assert bar.buttons["brush"].accessibleName() == "Brush"
    assert bar.width() == WIDTH


def test_one_tool_is_at_work(bar: Toolbar) -> None:
    for id in ("wand", "crop"):
        bar.set_active(id)
        assert [name for name, button in bar.buttons.items() if button.isChecked()] == [id]
    with pytest.raises(KeyError):
        bar.set_active("spoon")


def test_other_keys_show(bar: Toolbar) -> None:
    bar.set_keys({"brush": "P"})
    assert bar.buttons["brush"].toolTip() == "Brush (P)"


def test_it_fits_a_small_window(bar: Toolbar) -> None:
    assert bar.sizeHint().height() <= 600


def test_the_keyboard_reaches_every_tool(bar: Toolbar, triggered: list[str], qtbot: QtBot) -> None:
    """Tab comes to the tool at work, arrow keys go on from it."""
    bar.set_active("move")
    assert bar.buttons["move"].focusPolicy() & Qt.FocusPolicy.TabFocus
    bar.buttons["move"].setFocus()
    for id in list(bar.buttons)[:-1]:
        qtbot.keyClick(bar.buttons[id], Qt.Key.Key_Down)
    assert triggered == [f"tool.{id}" for id in list(bar.buttons)[1:]]


def test_colours_are_those_of_the_tools(bar: Toolbar, settings: ToolSettings, triggered: list[str]) -> None:
    settings.foreground = (10, 20, 30, 255)
    assert bar.colours.foreground.colour() == (10, 20, 30, 255)
    bar.colours.swap.click()
    bar.colours.default.click()
    assert triggered == ["colour.swap", "colour.default"]


def test_a_click_on_a_colour_opens_the_chooser(bar: Toolbar, settings: ToolSettings, qtbot: QtBot) -> None:
    before = settings.background
    bar.colours.background.click()
    dialog = bar.findChild(QColorDialog)
    assert dialog is not None and dialog.isVisible()
    dialog.setCurrentColor(QColor(1, 2, 3, 4))
    assert settings.background == (1, 2, 3, 4)
    dialog.reject()
    assert settings.background == before
