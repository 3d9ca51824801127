"""models add: looked at, fetched once somebody says yes, imported, cancelled; training is a stand-in."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from editor.cli import models, report
from editor.cli.models import AddOptions
from editor.core import paths
from main import main

FAKE = (sys.executable, str(Path(__file__).parents[1] / "jobs" / "fake_training.py"))
ROOT = Path(__file__).parents[3]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No models but those that the test adds."""
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "bundled_models", lambda: tmp_path / "bundled")
    return tmp_path / "home"


def source(tmp_path: Path, name: str) -> str:
    folder = tmp_path / "sources" / name
    folder.mkdir(parents=True)
    return str(folder)


def add(*values: Any, **named: Any) -> int:
    """The exit code, as main would end with it."""
    try:
        models.add(AddOptions(*values, **named), FAKE)
    except Exception as error:
        return report.fail(error)
    return 0


def test_an_import_says_what_it_is_and_how_it_compares(tmp_path: Path, home: Path, capsys: Capture) -> None:
    assert add(source(tmp_path, "photos")) == 0
    out, err = capsys.readouterr()
    assert err == ""
    first, added, *parity = out.splitlines()
    assert first.startswith("photos: a model as a diffusers folder, 0.1 MB, licence MIT; needs 0.0 MB of disk")
    assert added.endswith(str(home / "models" / "photos"))
    assert parity[0].strip().startswith("unet ") and parity[0].endswith("by 2e-05 of its range at most")
    assert main(["models", "list"]) == 0
    assert "within 2e-05 of the original" in capsys.readouterr().out


def test_the_same_again_is_told(tiny_package: Path, capsys: Capture) -> None:
    for words in ("Added tiny", "tiny is here already"):
        assert main(["models", "add", str(tiny_package)]) == 0
        assert capsys.readouterr().out.splitlines()[1].startswith(words)


def test_what_is_shared_is_shown_and_kept_when_the_other_goes(tmp_path: Path, capsys: Capture) -> None:
    assert add(source(tmp_path, "photos")) == add(source(tmp_path, "again"), "second") == 0
    assert "of it shared" in capsys.readouterr().out
    assert main(["models", "remove", "photos"]) == 0
    out = capsys.readouterr().out
    assert "freed 0.0 MB" in out and "stay for other models" in out
    assert main(["models", "verify", "second"]) == 0


@pytest.mark.parametrize(("name", "code"), [("broken", 4), ("disk", 5), ("crash", 4), ("lora", 2), ("huge", 4)])
def test_failures_have_their_codes_and_one_line(
    name: str, code: int, tmp_path: Path, home: Path, capsys: Capture
) -> None:
    assert add(source(tmp_path, name)) == code
    assert capsys.readouterr().err.count("\n") == 1
    assert {path.name for path in (home / "models").glob("*")} <= {".lock"}


def test_loras_have_files_and_weights(tmp_path: Path, capsys: Capture) -> None:
    lora = tmp_path / "a:b.safetensors"
    lora.write_bytes(b"")
    path = source(tmp_path, "notes")
    for text in (f"{lora}:3", f"{lora}:-1", f"{lora}:nan", str(tmp_path / "none"), f"{tmp_path / 'none'}:0.5"):
        assert add(path, loras=(text,)) == 2
    assert capsys.readouterr().err.count("\n") == 5
    assert add(path, loras=(str(lora), f"{lora}:0.5"), few_steps=True) == 0
    assert f"--lora {lora}:1 --lora {lora}:0.5 --few-steps" in capsys.readouterr().out


def test_nothing_is_fetched_before_somebody_says_yes(home: Path, capsys: Capture) -> None:
    assert add("hub:a/b") == 2
    assert "--yes" in capsys.readouterr().err and not (home / "downloads").exists()
    assert add("hub:a/b", yes=True) == 0
    out = capsys.readouterr().out
    assert "hub:a/b: 1 files, 0.0 MB, from example.com, licence MIT" in out and (home / "models" / "b").is_dir()
    assert list((home / "downloads").glob("*")) == []


def test_the_command_line_says_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[AddOptions] = []
    monkeypatch.setattr(models, "add", seen.append)
    words = ["--name", "n", "--licence", "l", "--lora", "a.safetensors:0.5", "--lora", "b.safetensors"]
    assert main(["models", "add", "hub:a/b", *words, "--config", str(tmp_path), "--no-few-steps", "--yes"]) == 0
    assert main(["models", "add", "some/folder"]) == 0
    loras = ("a.safetensors:0.5", "b.safetensors")
    assert seen == [AddOptions("hub:a/b", "n", "l", loras, False, tmp_path, True), AddOptions("some/folder")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answers", "code"), [("n\n", 130), ("\n", 130), ("y\nno\n", 130), ("y\nyes\n", 0)])
def test_a_terminal_is_asked_before_each_step(
    answers: str, code: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setattr(sys, "stdin", Terminal(answers))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert add("hub:a/b") == code
    err = capsys.readouterr().err
    assert "huggingface.co" in err and ("Fetch 0.0 MB from example.com?" in err) == answers.startswith("y")


def test_an_import_that_fails_keeps_what_was_fetched(home: Path, capsys: Capture) -> None:
    assert add("hub:a/broken", yes=True) == 4
    (kept,) = (home / "downloads").iterdir()
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    assert f"unfinished download in {kept}" in capsys.readouterr().out


CHILD = """
import sys
from editor.cli import models, report
try:
    models.add(models.AddOptions(sys.argv[1]), sys.argv[2:])
except Exception as error:
    sys.exit(report.fail(error))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_control_c_is_code_130_and_leaves_nothing(number: str, tmp_path: Path, home: Path) -> None:
    command = [sys.executable, "-c", CHILD, source(tmp_path, "slow"), *FAKE]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("slow: a model")
        _wait_for(home / "models")
        process.send_signal(getattr(signal, number))
        assert process.wait(30) == 130
        assert process.stderr.read() == "palimpsest: The import was cancelled; nothing was added.\n"
    assert {path.name for path in (home / "models").glob("*")} == {".lock"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_after_a_kill_the_next_start_leaves_nothing(tmp_path: Path, home: Path) -> None:
    command = [sys.executable, "-c", CHILD, source(tmp_path, "slow"), *FAKE]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("slow: a model")
        _wait_for(home / "models")
        os.kill(process.pid, signal.SIGKILL)
    assert len(list((home / "models").glob(".adding-*"))) == 1
    assert main(["models", "list"]) == 0
    assert {path.name for path in (home / "models").glob("*")} == {".lock"}


def _wait_for(folder: Path) -> None:
    import time

    end = time.monotonic() + 20
    while not list(folder.glob(".adding-*/.half.part")):
        assert time.monotonic() < end
        time.sleep(0.02)
