"""The bar that says one sentence, or shows how far something is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from editor.ui.panels import message_bar
from editor.ui.panels.message_bar import SECONDS, MessageBar

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def bar(qtbot: QtBot, bench: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[MessageBar]:
    monkeypatch.setattr(message_bar, "TASK_DELAY_MS", 10)
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    bar = MessageBar(bench.desk, bench.trigger, window)
    column.addWidget(bar)
    column.addStretch(1)
    window.resize(520, 300)
    window.show()
    bar.show_document(bench.opened)
    yield bar
    bar.show_document(None)


def buttons(bar: MessageBar) -> dict[str, QPushButton]:
    return {button.text(): button for button in bar.findChildren(QPushButton) if button.isVisible()}


def test_it_is_there_only_with_something_to_say(bar: MessageBar, bench: Any) -> None:
    assert not bar.isVisible()
    bench.desk.say("The variant was kept as a layer.", "info", ("Undo", "edit.undo"))
    assert bar.isVisible()
    assert bar.text.text() == "The variant was kept as a layer."
    assert list(buttons(bar)) == ["Undo"]


def test_a_button_runs_its_action_and_the_bar_goes(bar: MessageBar, bench: Any) -> None:
    bench.desk.say("Kept.", "info", ("Undo", "edit.undo"))
    buttons(bar)["Undo"].click()
    assert bench.ids == ["edit.undo"]
    assert not bar.isVisible() and bench.session.message is None


def test_the_buttons_of_an_older_sentence_are_gone_at_once(bar: MessageBar, bench: Any) -> None:
    bench.desk.say("One.", "info", ("Undo", "edit.undo"), ("Redo", "edit.redo"))
    bench.desk.say("Two.", "error", ("Start again", "engine.restart"))
    assert list(buttons(bar)) == ["Start again"]


@pytest.mark.parametrize("kind", ["info", "warning"])
def test_news_goes_by_itself(
    bar: MessageBar, bench: Any, kind: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.desk.say("Before.", kind)
    assert bar._timer.interval() == SECONDS[kind] * 1000
    monkeypatch.setitem(SECONDS, kind, 0)
    bench.desk.say("Done.", kind)
    qtbot.waitUntil(lambda: not bar.isVisible(), timeout=1000)
    assert bench.session.message is None
    assert SECONDS.get("error") is None


def test_an_error_stays_until_it_is_closed(bar: MessageBar, bench: Any, qtbot: QtBot) -> None:
    bench.desk.say("Saved.")
    bench.desk.say("The disk is full; free some room.", "error")
    assert not bar._timer.isActive()
    bar.close_button.click()
    assert not bar.isVisible()


def test_info_stays_eight_seconds() -> None:
    assert SECONDS["info"] == 8


def test_work_shows_how_far_it_is_and_can_be_cancelled(bar: MessageBar, bench: Any, qtbot: QtBot) -> None:
    bench.desk.say("The disk is full.", "error", ("Save as", "file.save_as"))
    ended: list[bool] = []
    task = bench.desk.begin("Opening harbour.ora")
    task.cancelled = lambda: ended.append(True)
    qtbot.waitUntil(lambda: bar.progress.isVisible(), timeout=1000)
    assert bar.text.text() == "Opening harbour.ora ..."
    bench.desk.advance(task, 0.4)
    assert bar.progress.value() == 400
    assert list(buttons(bar)) == ["Cancel"]
    buttons(bar)["Cancel"].click()
    assert ended == [True] and bench.desk.tasks == ()
    assert not bar.progress.isVisible() and "Cancel" not in buttons(bar)


def test_what_was_said_comes_back_after_the_work(bar: MessageBar, bench: Any, qtbot: QtBot) -> None:
    bench.desk.say("The disk is full.", "error", ("Save as", "file.save_as"))
    task = bench.desk.begin("Opening harbour.ora")
    qtbot.waitUntil(lambda: bar.progress.isVisible(), timeout=1000)
    bench.desk.end(task)
    assert bar.text.text() == "The disk is full."
    assert list(buttons(bar)) == ["Save as"] and not bar.progress.isVisible()


def test_short_work_is_not_shown(bar: MessageBar, bench: Any, qtbot: QtBot) -> None:
    task = bench.desk.begin("Saving")
    assert not bar.isVisible()
    bench.desk.end(task)
    qtbot.wait(60)
    assert not bar.isVisible()


def test_a_long_sentence_gets_the_lines_it_needs(bar: MessageBar, bench: Any, qtbot: QtBot) -> None:
    bench.desk.say("Short.", "error")
    qtbot.wait(1)
    low = bar.height()
    bench.desk.say("The file cannot be written because the disk is full: free some room. " * 3, "error")
    qtbot.waitUntil(lambda: bar.height() > low, timeout=1000)
    assert bar.text.height() >= bar.text.heightForWidth(bar.text.width())


def test_every_tab_has_its_own_sentence(bar: MessageBar, bench: Any) -> None:
    bench.desk.say("Of the first tab.", "error")
    other = bench.new("other.png")
    bar.show_document(other)
    assert not bar.isVisible()
    bar.show_document(bench.opened)
    assert bar.text.text() == "Of the first tab."
    other.close()


def test_without_a_document_the_desk_speaks(bar: MessageBar, bench: Any) -> None:
    bench.desk.close()
    bar.show_document(None)
    bench.desk.show(None)
    bench.desk.say("No such file.", "error")
    assert bar.isVisible() and bar.text.text() == "No such file."
    bar.dismiss()
    assert bench.desk.message is None and not bar.isVisible()
