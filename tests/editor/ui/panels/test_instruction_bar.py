"""The instruction bar: what it says, what its keys do, and what they leave to the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from editor.core import selection
from editor.core.changes import SetSelection
from editor.core.geometry import Rect
from editor.edits.values import Running
from editor.ui.panels.instruction_bar import InstructionBar

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]


class Window(QWidget):
    """The bar at the foot of a window that has shortcuts of its own."""

    def __init__(self, bench: Any) -> None:
        super().__init__()
        self.bench, self.pressed = bench, list[str]()
        self.bar = InstructionBar(bench.trigger, lambda: bench.desk.models.names, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(1)
        column.addWidget(self.bar)
        self.resize(760, 400)
        for key in ("B", "/", "\\", "Esc", "Ctrl+Return", "1", "Shift+M"):
            action = QAction(key, self)
            action.setShortcut(QKeySequence(key))
            action.triggered.connect(lambda _=False, key=key: self.pressed.append(key))
            self.addAction(action)
        self.bar.show_document(bench.opened)

    @property
    def text(self) -> str:
        return self.bar.field.toPlainText()

    @property
    def offered(self) -> list[str]:
        listed = self.bar.field.suggestions
        return [listed.item(row).text() for row in range(listed.count())] if listed.isVisible() else []

    def key(self, key: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.bar.field, key, held)


@pytest.fixture
def window(qtbot: QtBot, bench: Any) -> Iterator[Window]:
    window = Window(bench)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    window.bar.focus()
    yield window
    window.bar.show_document(None)


def test_typing_writes_into_the_session_and_triggers_no_shortcut(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "B a/b\\ M1")
    assert window.bench.session.instruction == "B a/b\\ M1"
    assert window.pressed == []


def test_ctrl_return_is_left_to_the_window(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "fog")
    window.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert window.pressed == ["Ctrl+Return"]
    assert window.bench.ids == []


def test_return_begins_an_edit_and_never_cancels_one(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "fog")
    window.key(Qt.Key.Key_Return)
    assert window.bench.ids == ["edit.generate"]
    assert len(window.bench.session.variants) == window.bench.session.count
    window.bench.session.running = Running(0, 4, "edit", 1, 20)
    window.key(Qt.Key.Key_Return)
    assert window.bench.ids == ["edit.generate"]
    assert window.text == "fog"


def test_suggestions_come_with_typing_and_escape_closes_only_them(window: Window) -> None:
    window.key(Qt.Key.Key_Escape)
    assert window.pressed == ["Esc"]
    QTest.keyClicks(window.bar.field, "ma")
    assert window.offered == ["make it autumn", "make it snow", "make it night"]
    assert window.rect().contains(window.bar.field.suggestions.geometry())
    window.key(Qt.Key.Key_Escape)
    assert (window.offered, window.pressed, window.text) == ([], ["Esc"], "ma")
    window.key(Qt.Key.Key_Escape)
    assert window.pressed == ["Esc", "Esc"]


def test_a_marked_suggestion_is_taken_by_return_and_the_first_by_tab(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "ma")
    window.key(Qt.Key.Key_Down)
    window.key(Qt.Key.Key_Down)
    window.key(Qt.Key.Key_Return)
    assert (window.text, window.offered, window.bench.ids) == ("make it snow", [], [])
    window.bar.field.replace("")
    QTest.keyClicks(window.bar.field, "ad")
    window.key(Qt.Key.Key_Tab)
    assert window.text == "add rain"
    assert window.bar.field.hasFocus()


def test_a_suggestion_is_taken_by_the_pointer(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "ma")
    listed = window.bar.field.suggestions
    at = listed.visualItemRect(listed.item(2)).center()
    QTest.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert (window.text, window.offered) == ("make it night", [])
    assert window.bar.field.hasFocus()


def test_return_without_a_mark_submits_what_was_typed(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "ma")
    window.key(Qt.Key.Key_Return)
    assert window.bench.triggered[0] == ("edit.generate",)
    assert window.bench.session.settings.instruction == "ma"


def test_generate_is_one_click_also_while_suggestions_are_open(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "ma")
    QTest.mouseClick(window.bar.generate, Qt.MouseButton.LeftButton)
    assert window.bench.ids == ["edit.generate"]


def test_a_double_click_does_not_cancel_at_once(window: Window) -> None:
    QTest.keyClicks(window.bar.field, "fog")
    QTest.mouseClick(window.bar.generate, Qt.MouseButton.LeftButton)
    QTest.mouseDClick(window.bar.generate, Qt.MouseButton.LeftButton)
    assert window.bench.ids == ["edit.generate"]
    QTest.mouseClick(window.bar.generate, Qt.MouseButton.LeftButton)
    assert window.bench.ids == ["edit.generate", "edit.generate"]


def test_up_and_down_walk_through_own_instructions(window: Window) -> None:
    window.bench.session.own_instructions = ("make it autumn", "add rain")
    window.bench.session.instruction = "my draft"
    seen = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down):
        window.key(key)
        seen.append(window.text)
    assert seen == ["make it autumn", "add rain", "add rain", "make it autumn", "my draft", "my draft"]


def test_in_several_lines_up_moves_the_cursor_first(window: Window) -> None:
    window.bar.field.replace("a very long instruction " * 6)
    window.key(Qt.Key.Key_Up)
    assert window.text.startswith("a very long")
    while window.text.startswith("a very long"):
        window.key(Qt.Key.Key_Up)
    assert window.text == "make it autumn"


def test_it_grows_to_three_lines(window: Window, qtbot: QtBot) -> None:
    one = window.bar.field.height()
    window.bar.field.replace("word " * 20)
    two = window.bar.field.height()
    window.bar.field.replace("word " * 200)
    three = window.bar.field.height()
    assert one == 28 and one < two <= three <= 3 * window.fontMetrics().lineSpacing() + 14
    window.bar.field.replace("")
    assert window.bar.field.height() == one


def test_pasted_text_becomes_one_line(window: Window) -> None:
    data = QMimeData()
    data.setText("make\n  it\tsnow\n")
    window.bar.field.insertFromMimeData(data)
    assert window.text == "make it snow"


def test_one_goes_on_at_the_end_of_a_text_from_elsewhere(window: Window) -> None:
    window.bench.session.instruction = "make it"
    QTest.keyClicks(window.bar.field, " snow")
    assert window.bench.session.instruction == "make it snow"


def test_it_says_where_the_edit_goes(window: Window) -> None:
    assert window.bar.scope.text() == "whole picture"
    document = window.bench.opened.document
    window.bench.opened.do(SetSelection(selection.rectangle(Rect(10, 10, 40, 40)), "Select"))
    assert window.bar.scope.text() == "in the selection"
    window.bench.session.again = document.active
    assert window.bar.scope.text() == "again"


def test_generate_becomes_cancel_with_the_time_left_of_all_variants(window: Window) -> None:
    session, bar = window.bench.session, window.bar
    assert not bar.generate.isEnabled()
    session.instruction = "fog"
    assert (bar.generate.isEnabled(), bar.generate.text(), bar.generate.property("role")) == (True, "Generate", "main")
    place = bar.generate.geometry()
    session.running = Running(1, 4, "edit", 10, 20, 5.0)
    assert (bar.generate.text(), bar.generate.property("role")) == ("Cancel (about 25 s)", "")
    assert bar.stage.text() == "variant 2 of 4, step 10 of 20"
    assert bar.progress.value() / bar.progress.maximum() == pytest.approx(1.5 / 4)
    session.variants = (window.bench.item(0, seconds=7.0),)
    session.running = Running(1, 4, "edit", 20, 20, 0.0)
    assert bar.generate.text() == "Cancel (about 14 s)"
    assert bar.generate.geometry() == place
    session.running = Running(0, 4, "load", 0, 0)
    assert (bar.generate.text(), bar.stage.text()) == ("Cancel", "starting the model")
    session.running = None
    assert (bar.generate.text(), bar.stage.text()) == ("Generate", "")


def test_the_engine_may_start_while_one_types(window: Window) -> None:
    window.bench.session.engine = "starting"
    assert window.bar.stage.text() == "the model is starting"
    QTest.keyClicks(window.bar.field, "fog")
    assert window.bar.generate.isEnabled()


def test_another_tab_has_its_own_text(window: Window) -> None:
    first, second = window.bench.opened, window.bench.new("other.png")
    window.bar.field.replace("snow")
    window.bar.show_document(second)
    assert window.text == ""
    window.bar.field.replace("rain")
    assert (first.edit.instruction, second.edit.instruction) == ("snow", "rain")
    window.bar.show_document(None)
    assert not window.bar.isEnabled()
    second.close()


def test_the_number_of_variants_is_that_of_the_session(window: Window) -> None:
    window.bar.count.setCurrentIndex(window.bar.count.findData(9))
    assert window.bench.session.count == 9
    window.bench.session.count = 7
    assert window.bar.count.currentText() == "7 variants"


def test_a_step_of_another_variant_costs_no_new_style(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    window.bench.session.running = Running(0, 4, "edit", 1, 20)
    monkeypatch.setattr("editor.ui.theme.set_role", lambda *_: pytest.fail("the stylesheet was looked up"))
    window.bench.session.running = Running(0, 4, "edit", 2, 20)
    assert window.bar.stage.text() == "variant 1 of 4, step 2 of 20"


def test_a_second_model_is_named_in_the_bar(window: Window, bench: Any) -> None:
    session = bench.session
    session.also = replace(session.facts, name="photographer")
    assert window.bar.scope.text() == "whole picture, also with photographer"
    session.instruction = "fog"
    assert window.bar.generate.toolTip() == "Make the variants with both models (Ctrl+Return)"
    session.running = Running(2, 4, "load", 0, 20, None, "photographer")
    assert window.bar.stage.text() == "starting photographer"
    session.running = Running(2, 4, "denoise", 3, 20, None, "photographer")
    assert window.bar.stage.text() == "variant 3 of 4, photographer, step 3 of 20"
    session.running = Running(0, 1, "load", 0, 20)
    assert window.bar.stage.text() == "starting the model"
    session.running = session.also = None
    assert window.bar.scope.text() == "whole picture"
