"""The doctor in the whole program: it opens beside the window, which goes on working."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from editor.app import Program
from editor.core.paths import HOME_VARIABLE
from editor.ui.dialogs.doctor import DoctorDialog


@pytest.fixture
def program(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    made = Program(qapp)
    yield made
    qapp.aboutToQuit.disconnect(made.close)
    made.close()
    made.window.close_now()
    made.window.deleteLater()


def pages(program: Program) -> list[DoctorDialog]:
    return [page for page in program.window.findChildren(DoctorDialog) if page.isVisible()]


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_page_opens_once_fills_in_and_blocks_nothing(program: Program, qtbot: QtBot) -> None:
    program.window.show()
    program.window.commands.trigger("help.doctor")
    program.window.commands.trigger("help.doctor")
    (page,) = pages(program)
    assert QApplication.activeModalWidget() is None
    qtbot.waitUntil(lambda: page.summary.text().startswith("Edits run on "), timeout=60_000)
    assert page.speed.models.currentText() == "starter"
    page.close()
    assert pages(program) == []
    program.window.commands.trigger("help.doctor")
    assert pages(program) == [page]  # and what it looks at now ends with the program
