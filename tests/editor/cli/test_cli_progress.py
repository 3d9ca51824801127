"""The progress bar: on a terminal only."""

from __future__ import annotations

import io
import sys

import pytest

from editor.cli.progress import bar, edit_bar
from inference.types import Progress


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")


def run() -> None:
    with edit_bar(2) as show:
        show(Progress(0, "load", 0, 4))
        show(Progress(1, "denoise", 2, 4, 7.4))
    with bar() as share:
        share(0.5, "verifying a model")
    with bar() as share:
        share(-1.0, "getting it ready")


def test_nothing_is_printed_where_stderr_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    run()
    assert stderr.getvalue() == ""


def test_a_terminal_shows_share_stage_variant_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run()
    shown = terminal.getvalue()
    assert "75 %" in shown
    assert "editing, variant 2 of 2, 7 s left" in shown
    assert "50 %" in shown
    assert "verifying a model" in shown
    assert "getting it ready" in shown and "%" not in shown.split("verifying a model")[-1]
    assert capsys.readouterr().out == ""
