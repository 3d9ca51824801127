"""What decides between window and command line, and how every command ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from editor.cli import app, report
from editor.cli.commands import COMMANDS
from editor.core.errors import InputUnreadable, OutputNotWritable, UsageError
from inference import errors
from main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


WINDOW_WORDS = [[], ["photo.jpg"], ["photo.jpg", "other.png"], ["./edit"], [""]]


@pytest.mark.parametrize("words", WINDOW_WORDS)
def test_without_a_screen_one_sentence_says_how_to_edit(
    words: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("main._has_screen", lambda: False)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "palimpsest edit photo.jpg" in err


@pytest.mark.parametrize("words", WINDOW_WORDS)
def test_without_a_command_the_window_gets_the_files(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = list[list[Path]]()
    monkeypatch.setattr("main._has_screen", lambda: True)
    monkeypatch.setattr("editor.app.run", lambda files: given.append(files) or 7)
    assert main(words) == 7
    assert given == [[Path(word) for word in words]]


def test_the_list_of_commands_is_that_of_the_command_line() -> None:
    command = typer.main.get_command(app.app)
    assert set(command.commands) == set(COMMANDS)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["edit", "--help"], ["models", "--help"], ["convert", "-h"]])
def test_help_goes_to_stdout(words: list[str], capsys: Capture) -> None:
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "Usage: palimpsest" in out
    assert err == ""


def test_the_version_is_told(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("palimpsest 0.")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--verbose"], "--verbose"),
        (["edit"], "IN"),
        (["edit", "a.png", "make it red"], "--out"),
        (["edit", "a.png", "make it red", "-o", "b.png", "--steps", "many"], "--steps"),
        (["edit", "a.png", "make it red", "-o", "b.png", "--steps", "0"], "--steps"),
        (["edit", "a.png", "make it red", "-o", "b.png", "--size", "0"], "--size"),
        (["edit", "a.png", "make it red", "-o", "b.png", "--variants", "-1"], "--variants"),
        (["edit", "a.png", "make it red", "-o", "b.png", "--seed", "-1"], "--seed"),
        (["edit", "a.png", "make it red", "-o", "b.png", "--colour", "red"], "--colour"),
        (["edit", "a.png", "make it red", "too much", "-o", "b.png"], "too much"),
        (["models"], "command"),
        (["models", "eat"], "eat"),
        (["convert", "a.png"], "OUT"),
        (["flatten", "a.png"], "--out"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(words: list[str], named: str, capsys: Capture) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert named in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (errors.RequestError("x"), 2),
        (InputUnreadable("x"), 3),
        (errors.PackageError("x"), 4),
        (errors.ProviderError("x"), 4),
        (errors.EngineMemoryError("x"), 4),
        (errors.EngineDied("x"), 4),
        (errors.EngineError("x"), 4),
        (OutputNotWritable("x"), 5),
        (errors.Cancelled(), 130),
    ],
)
def test_every_error_has_its_code_and_one_line(error: Exception, code: int, capsys: Capture) -> None:
    assert report.fail(error) == code
    assert capsys.readouterr().err == f"palimpsest: {error}\n"


def test_line_breaks_in_a_sentence_are_not_printed(capsys: Capture) -> None:
    assert report.fail(InputUnreadable("a\nb\r\n c.png is empty.")) == 3
    assert capsys.readouterr().err == "palimpsest: a b c.png is empty.\n"


def test_a_defect_goes_to_the_log_and_one_line(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("editor.cli.flat.show_info", broken)
    assert main(["info", "a.png"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "of all things" in err
    assert str(home / "palimpsest.log") in err
    assert "Traceback" in (home / "palimpsest.log").read_text()


def test_a_log_that_cannot_be_written_does_not_hide_the_defect(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_text("in the way")
    monkeypatch.setattr("editor.cli.flat.show_info", lambda *_: 1 // 0)
    assert main(["info", "a.png"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_an_interrupt_is_130(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("editor.cli.flat.show_info", interrupted)
    assert main(["info", "a.png"]) == 130
    assert capsys.readouterr().err == "palimpsest: The command was cancelled.\n"


@pytest.mark.parametrize("words", [["--version"], ["doctor", "--help"]])
@pytest.mark.skipif(sys.platform == "win32", reason="pipes end differently there")
def test_a_reader_that_went_away_is_no_defect(words: list[str]) -> None:
    command = [sys.executable, str(Path(app.__file__).parents[2] / "main.py"), *words]
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (5, b"")
