"""The program as a whole, off the screen; tests/e2e does the main job in a real window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from editor import app
from editor.app import Program
from editor.core import settings as store
from editor.core.paths import HOME_VARIABLE, log_file
from editor.ui import theme


@pytest.fixture
def program(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(app, "SAVE_SECONDS", 0.05)
    made = Program(qapp)
    made.start([])
    yield made
    qapp.aboutToQuit.disconnect(made.close)
    made.close()
    made.window.close_now()
    made.window.deleteLater()


def test_a_changed_setting_takes_effect_and_is_on_the_disk_soon(program: Program, qtbot: QtBot) -> None:
    program.window.commands.trigger("view.theme")
    assert theme.current().name == "light"
    qtbot.waitUntil(lambda: store.load(program.settings_file).theme == "light", timeout=5000)
    program.window.commands.trigger("view.theme")
    assert theme.current().name == "dark"


def test_the_window_comes_back_as_it_was_left(program: Program) -> None:
    program.desk.tools.size = 77.0
    program.desk.settings = replace(program.desk.settings, instructions=("make it night",))
    program.close()
    kept = store.load(program.settings_file)
    assert (kept.tools["size"], kept.instructions) == (77.0, ("make it night",))
    assert kept.geometry and kept.layout


def test_an_unexpected_error_is_told_once_written_down_and_loses_nothing(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: told.append(box.informativeText()))
    app._log_to(log_file())
    try:
        raise RuntimeError("a bug")
    except RuntimeError as error:
        app._Unexpected(program).show(RuntimeError, error, error.__traceback__)
    assert told == [f"It was written to {log_file()}."]
    assert "RuntimeError: a bug" in log_file().read_text(encoding="utf-8")
