"""The command palette."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from editor.actions import ACTIONS
from editor.ui.palette import CommandPalette
from editor.ui.widgets.rows import DETAIL

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def palette(qtbot: QtBot, bench: Any) -> Iterator[CommandPalette]:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 600)
    window.show()
    palette = CommandPalette(bench.desk, {"edit.preferences": "Ctrl+P"}, bench.trigger, window)
    palette.open_over(window)
    yield palette
    window.close()


def titles(palette: CommandPalette) -> list[str]:
    return [palette.list.item(row).text() for row in range(palette.list.count())]


def chosen(palette: CommandPalette) -> str:
    return palette.list.currentItem().text() if palette.list.currentRow() >= 0 else ""


def test_it_offers_every_command_at_first(palette: CommandPalette) -> None:
    assert len(titles(palette)) == sum(action.palette for action in ACTIONS)


def test_titles_that_begin_with_the_words_come_first(palette: CommandPalette) -> None:
    QTest.keyClicks(palette.search, "fl")
    first = [title.partition(": ")[2].startswith("Fl") for title in titles(palette)]
    assert sum(first) >= 3 and all(first[: sum(first)])
    palette.search.setText("layer")
    places = [title.startswith("Layer: ") for title in titles(palette)]
    assert sum(places) > 10 and all(places[: sum(places)])
    palette.search.setText("mask layer")
    assert titles(palette) and all("mask" in t.casefold() and "layer" in t.casefold() for t in titles(palette))


def test_what_cannot_run_is_grey_and_passed_over(palette: CommandPalette, bench: Any) -> None:
    palette.search.setText("undo")
    assert chosen(palette) == ""
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible() and bench.ids == []
    item = palette.list.item(0)
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled


def test_the_user_sees_the_keys_that_hold(palette: CommandPalette) -> None:
    palette.search.setText("preferences")
    assert palette.list.item(0).data(DETAIL) == "Ctrl+P"


def test_enter_runs_and_closes(palette: CommandPalette, bench: Any) -> None:
    QTest.keyClicks(palette.search, "preferences")
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert bench.ids == ["edit.preferences"]
    assert bench.desk.ports.dialogs.shown == ["preferences"]


def test_up_and_down_go_around(palette: CommandPalette) -> None:
    palette.search.setText("select")
    first = chosen(palette)
    QTest.keyClick(palette.search, Qt.Key.Key_Down)
    second = chosen(palette)
    assert first and second and first != second
    QTest.keyClick(palette.search, Qt.Key.Key_Up)
    assert chosen(palette) == first
    QTest.keyClick(palette.search, Qt.Key.Key_Up)
    assert chosen(palette) not in (first, "")


def test_escape_closes_without_doing_anything(palette: CommandPalette, bench: Any) -> None:
    QTest.keyClick(palette.search, Qt.Key.Key_Escape)
    assert bench.ids == []
    with pytest.raises(RuntimeError):  # it is deleted once it is closed
        for _ in range(50):
            QTest.qWait(1)
            palette.isVisible()


def test_nothing_found_is_said(palette: CommandPalette) -> None:
    palette.search.setText("qqq")
    assert palette.nothing.isVisible() and not palette.list.isVisible()
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_a_click_runs(palette: CommandPalette, bench: Any) -> None:
    palette.search.setText("select all")
    at = palette.list.visualItemRect(palette.list.item(0)).center()
    QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert bench.ids == ["select.all"]
    assert bench.opened.document.selection is not None
