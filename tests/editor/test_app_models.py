"""The models page of the whole program: beside the window, open to drops, and heard when it is shut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from editor.app import Program
from editor.core.paths import HOME_VARIABLE
from editor.jobs.adding import AddingState
from tests.tiny_package import write_tiny_package


@pytest.fixture
def program(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    made = Program(qapp)
    made.start([])
    yield made
    qapp.aboutToQuit.disconnect(made.close)
    made.close()
    made.window.close_now()
    made.window.deleteLater()


def test_a_model_dropped_on_the_window_is_added_and_used(program: Program, tmp_path: Path, qtbot: QtBot) -> None:
    folder = write_tiny_package(tmp_path / "dropped", name="dropped")
    program.window.workspace._open([str(folder)])
    page = program._models_page
    assert page is not None and page.isVisible() and not page.isModal()
    qtbot.waitUntil(lambda: page.panel.currentWidget() is page.panel.found, timeout=20_000)
    assert page.panel.found.names.isHidden()  # it is finished: it has its name
    page.panel.found.add.click()
    qtbot.waitUntil(lambda: page.panel.currentWidget() is page.panel.ended, timeout=20_000)
    page.panel.ended.use_button.click()
    assert program.desk.settings.model == "dropped" and program._model_in_use() == "dropped"
    qtbot.waitUntil(lambda: page.details.title.text() == "dropped", timeout=20_000)
    assert page.details.use_button.text() == "In use"
    assert "dropped" in program.library.names


def test_what_a_shut_page_would_tell_is_told_in_the_window(program: Program) -> None:
    program.window.commands.trigger("model.show")
    page = program._models_page
    assert page is not None
    program.adding.state = AddingState("failed", error="seen on the page")
    assert program.desk.message is None
    page.close()
    program.adding.state = AddingState("failed", error="It was no model.")
    message = program.desk.message
    assert message is not None and (message.text, message.kind) == ("It was no model.", "error")
    assert message.buttons == (("Show", "model.show"),)
    program.adding.state = AddingState("done", name="mine")
    message = program.desk.message
    assert message is not None and message.text == "The model mine was added."
