"""Actions as Qt knows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QMenu, QWidget

from editor.actions import ACTIONS, MENUS
from editor.ui.commands import HELD, Commands


@pytest.fixture
def window(bench: Any, qapp: QApplication) -> Iterator[QMainWindow]:
    window = QMainWindow()
    window.resize(300, 200)
    yield window
    window.close()
    window.deleteLater()
    QApplication.sendPostedEvents(None, 52)


@pytest.fixture
def commands(bench: Any, window: QMainWindow) -> Commands:
    commands = Commands(bench.desk, window)
    commands.refresh()
    return commands


def shown(window: QMainWindow, qapp: QApplication) -> None:
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowActive(window, 2000)
    qapp.processEvents()


def test_every_action_has_its_title_keys_and_icon(commands: Commands) -> None:
    assert list(commands.actions) == [action.id for action in ACTIONS]
    for action in ACTIONS:
        made = commands.actions[action.id]
        keys = action.shortcuts[1:] if action.id in HELD else action.shortcuts
        assert [key.toString() for key in made.shortcuts()] == [QKeySequence(key).toString() for key in keys]
        assert made.text() == action.title and made.icon().isNull() == (action.icon == "")


def test_menus_hold_what_the_listing_says(commands: Commands, window: QMainWindow) -> None:
    added: list[QMenu] = []
    commands.fill(window.menuBar(), {"File": added.append})
    titles = [action.text() for action in window.menuBar().actions()]
    assert titles == [f"&{name}" for name in MENUS]
    for title, entry in zip(MENUS, window.menuBar().actions(), strict=True):
        menu = entry.menu()
        texts = [each.text() for each in menu.actions() if not each.isSeparator()]
        assert sorted(texts) == sorted(action.title for action in ACTIONS if action.menu == title)
        separators = [each.isSeparator() for each in menu.actions()]
        assert not separators[0] and (title == "File" or not separators[-1])
    assert len(added) == 1


def test_what_cannot_be_done_is_grey_and_ticks_follow(commands: Commands, bench: Any, qapp: QApplication) -> None:
    assert not commands.actions["edit.undo"].isEnabled() and commands.actions["layer.new"].isEnabled()
    bench.desk.current.history.do(_change(bench))
    bench.desk.tool = "brush"
    qapp.processEvents()
    assert commands.actions["edit.undo"].isEnabled()
    assert commands.actions["tool.brush"].isChecked() and not commands.actions["tool.move"].isChecked()
    bench.desk.remove(bench.opened)
    qapp.processEvents()
    assert not commands.actions["edit.undo"].isEnabled() and not commands.actions["file.save"].isEnabled()


def test_it_follows_the_tab_in_front_and_no_other(commands: Commands, bench: Any, qapp: QApplication) -> None:
    first = bench.opened
    change = _change(bench)
    bench.desk.add(bench.new("second"))
    qapp.processEvents()
    first.history.do(change)
    qapp.processEvents()
    assert not commands.actions["edit.undo"].isEnabled()
    bench.desk.show(first)
    qapp.processEvents()
    assert commands.actions["edit.undo"].isEnabled()


def test_trigger_runs_only_what_is_enabled_and_tells_what_went_wrong(commands: Commands, bench: Any) -> None:
    commands.trigger("edit.undo")
    commands.trigger("layer.new")
    assert len(bench.opened.document.layers) == 2
    commands.trigger("layer.lock")
    commands.trigger("edit.fill")
    assert "locked" in bench.session.message.text
    with pytest.raises(KeyError):
        commands.trigger("layer.nothing")


def test_keys_of_the_user_take_the_place_of_the_defaults(commands: Commands, bench: Any) -> None:
    bench.desk.settings = replace(bench.desk.settings, shortcuts={"edit.undo": "F5", "edit.redo": ""})
    assert [key.toString() for key in commands.actions["edit.undo"].shortcuts()] == ["F5"]
    assert commands.actions["edit.redo"].shortcuts() == []
    bench.desk.settings = replace(bench.desk.settings, shortcuts={})
    assert commands.actions["edit.redo"].shortcuts()


def test_keys_of_the_canvas_mean_something_else_in_a_list(
    commands: Commands, bench: Any, window: QMainWindow, qapp: QApplication
) -> None:
    middle = QWidget()
    canvas, panel = QWidget(middle), QLineEdit(middle)
    canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    window.setCentralWidget(middle)
    commands.bind_canvas(canvas)
    shown(window, qapp)
    before = bench.opened.document
    panel.setText("abc")
    panel.setFocus()
    QTest.keyClick(panel, Qt.Key.Key_Delete)
    assert bench.opened.document is before
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert bench.opened.document is not before
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert bench.opened.document is before


def test_letters_typed_into_a_field_take_no_tool(
    commands: Commands, bench: Any, window: QMainWindow, qapp: QApplication
) -> None:
    field = QLineEdit()
    window.setCentralWidget(field)
    shown(window, qapp)
    field.setFocus()
    QTest.keyClicks(field, "bvx/[")
    assert field.text() == "bvx/[" and bench.desk.tool == "move"


def test_tabs_are_turned_with_the_keyboard(
    commands: Commands, bench: Any, window: QMainWindow, qapp: QApplication
) -> None:
    middle = QWidget()
    middle.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    window.setCentralWidget(middle)
    first = bench.opened
    bench.desk.add(bench.new("second"))
    second = bench.opened
    shown(window, qapp)
    middle.setFocus()
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    for key, modifiers, expected in (
        (Qt.Key.Key_Tab, control, first),
        (Qt.Key.Key_Backtab, control | shift, second),
        (Qt.Key.Key_PageDown, control, first),
        (Qt.Key.Key_PageUp, control, second),
    ):
        QTest.keyClick(middle, key, modifiers)
        assert bench.opened is expected


def test_paste_is_enabled_once_another_program_copies_a_picture(
    bench: Any, window: QMainWindow, qapp: QApplication
) -> None:
    commands = Commands(bench.desk, window)
    qapp.processEvents()
    assert not commands.actions["edit.paste"].isEnabled()
    bench.desk.ports.clipboard.copy(np.zeros((1, 1, 4), np.uint8))
    QGuiApplication.clipboard().setImage(QImage(2, 2, QImage.Format.Format_RGBA8888))
    qapp.processEvents()
    assert commands.actions["edit.paste"].isEnabled()


def _change(bench: Any) -> Any:
    from editor.core.changes import Fill

    return Fill(bench.opened.document.active, (1, 2, 3, 255))


def test_what_is_grey_says_why(commands: Commands, bench: Any) -> None:
    action = commands.actions["variant.use_for_training"]
    assert not action.isEnabled() and "choose one in the strip" in action.toolTip()
    bench.session.variants = (bench.item(0),)
    bench.session.chosen = ("v0",)
    commands.refresh()
    assert action.isEnabled() and action.toolTip() == action.text()
