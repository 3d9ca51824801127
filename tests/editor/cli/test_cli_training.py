"""Commands that are handed over to `python -m training`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from editor.cli.commands import COMMANDS, TRAINING_COMMANDS
from main import main

ROOT = Path(__file__).parents[3]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
PATIENCE = 60.0


class Calls:
    """Stands in for `subprocess.Popen`."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self.code = 7

    def __call__(self, command: list[str], *, env: dict[str, str]) -> Calls:
        self.commands.append(command)
        self.environments.append(env)
        return self

    def wait(self) -> int:
        return self.code


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls()
    monkeypatch.setattr(subprocess, "Popen", calls)
    return calls


@pytest.mark.parametrize(
    ("words", "handed"),
    [
        (["train"], ["train"]),
        (["train", "--help"], ["train", "--help"]),
        (["train", "run", "--resume"], ["train", "run", "--resume"]),
        (["pairs", "add", "a b", "--json"], ["pairs", "add", "a b", "--json"]),
        (["package", "run", "-o", "out"], ["package", "run", "-o", "out"]),
        (["report", "run"], ["report", "run"]),
        (["evaluate", "model", "--json", "-n", "3"], ["evaluate", "model", "--json", "-n", "3"]),
        (["generate", "--seed=4", "-x", "a b"], ["generate", "--seed=4", "-x", "a b"]),
        (["models", "export", "in", "-o", "out", "--fp16"], ["export", "in", "-o", "out", "--fp16"]),
        (["models", "export", "--help"], ["export", "--help"]),
    ],
)
def test_every_word_and_the_exit_code_pass_through(words: list[str], handed: list[str], calls: Calls) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert main(words) == 7
    assert calls.commands == [[sys.executable, "-P", "-m", "training", *handed]]
    assert calls.environments[0]["PYTHONPATH"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("code", "ours"), [(0, 0), (130, 130), (-2, 130), (-9, 137), (4, 4)])
def test_the_end_of_the_other_process_is_ours_and_nothing_is_added(
    code: int, ours: int, calls: Calls, capfd: pytest.CaptureFixture[str]
) -> None:
    calls.code = code
    assert main(["train", "run"]) == ours
    assert capfd.readouterr() == ("", "")


def test_the_help_lists_them(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = [line.split() for line in capfd.readouterr().out.splitlines()]
    listed = {words[0] for words in lines if words}
    made = {name for name in COMMANDS if TRAINING_COMMANDS.get(name, name)}
    assert made <= listed and not (set(COMMANDS) - made) & listed
    assert {"train", "evaluate", "generate", "pairs"} <= set(TRAINING_COMMANDS)


def palimpsest(*words: str, home: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PALIMPSEST_HOME": str(home), **changes}
    command = [sys.executable, str(ROOT / "main.py"), *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_generate_says_what_there_is(tmp_path: Path) -> None:
    done = palimpsest("generate", "--help", home=tmp_path)
    assert done.returncode in (0, 2) and "Traceback" not in done.stderr
    assert "usage:" in done.stdout + done.stderr


def without_torch(folder: Path) -> str:
    """A folder for PYTHONPATH in which the training packages cannot be imported."""
    for name in ("torch", "diffusers", "transformers", "accelerate", "peft"):
        (folder / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module named {name}', name='{name}')\n")
    return str(folder)


def test_pairs_work_without_the_training_packages_and_in_the_home_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "no").mkdir()
    done = palimpsest("pairs", "list", "--json", home=tmp_path / "home", PYTHONPATH=without_torch(tmp_path / "no"))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["pairs"] == []
    missing = palimpsest("pairs", "show", "nobody", home=tmp_path / "home")
    assert missing.returncode not in (0, 130) and len(missing.stderr.splitlines()) == 1


def test_training_without_its_packages_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "no").mkdir()
    done = palimpsest("train", "--name", "mine", home=tmp_path / "home", PYTHONPATH=without_torch(tmp_path / "no"))
    assert (done.returncode, done.stdout) == (4, "")
    assert len(done.stderr.splitlines()) == 1 and "pip install 'palimpsest[train]'" in done.stderr


FAKE = """
import signal, sys, time
count = 0
def came(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, came)
signal.signal(signal.SIGTERM, came)
print("ready", flush=True)
while not count:
    time.sleep(0.02)
time.sleep(0.5)  # a second signal would be counted too
print("saved", count, flush=True)
sys.exit(130)
"""
PARENT = """
import sys
from editor.cli import training
training.child.command = lambda module, words: [sys.executable, "-c", words[1]]
from main import main
code = main(["train", sys.argv[1]])
print("code", code, flush=True)
sys.exit(code)
"""


def start(**options: Any) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", PARENT, FAKE], env=env, **options)


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_for_us_alone_is_passed_on_once(number: int) -> None:
    process = start(stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert out.splitlines() == [b"saved 1", b"code 130"] and err == b""
    assert process.returncode == 130


TERMINAL = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
"""


@POSIX
def test_control_c_in_a_terminal_reaches_the_other_process_once() -> None:
    import pty

    near, far = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TERMINAL + PARENT, FAKE]
    process = subprocess.Popen(command, env=env, stdin=far, stdout=far, stderr=far, start_new_session=True)
    os.close(far)
    seen = read(near, b"ready")
    os.write(near, b"\x03")
    seen += read(near, b"code 130")
    assert process.wait(PATIENCE) == 130
    os.close(near)
    assert b"saved 1" in seen and b"Traceback" not in seen


def read(terminal: int, until: bytes) -> bytes:
    seen, deadline = b"", time.monotonic() + PATIENCE
    while until not in seen and time.monotonic() < deadline:
        try:
            seen += os.read(terminal, 1000)
        except OSError:  # the other end is closed
            break
    return seen
