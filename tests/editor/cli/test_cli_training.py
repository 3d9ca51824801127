"""Commands that are handed over to `python -m training`."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from main import main


class Calls:
    """Stands in for `subprocess.run`."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []

    def __call__(self, command: list[str], *, env: dict[str, str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(command)
        self.environments.append(env)
        return subprocess.CompletedProcess(command, 7)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls()
    monkeypatch.setattr(subprocess, "run", calls)
    return calls


@pytest.mark.parametrize(
    ("words", "handed"),
    [
        (["train"], ["train"]),
        (["train", "--help"], ["train", "--help"]),
        (["evaluate", "model", "--json", "-n", "3"], ["evaluate", "model", "--json", "-n", "3"]),
        (["generate", "--seed=4", "-x", "a b"], ["generate", "--seed=4", "-x", "a b"]),
        (["models", "export", "in", "-o", "out", "--fp16"], ["export", "in", "-o", "out", "--fp16"]),
        (["models", "export", "--help"], ["export", "--help"]),
    ],
)
def test_every_word_and_the_exit_code_pass_through(words: list[str], handed: list[str], calls: Calls) -> None:
    assert main(words) == 7
    assert calls.commands == [[sys.executable, "-P", "-m", "training", *handed]]
    assert calls.environments[0]["PYTHONPATH"]


def test_training_answers(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--help"]) in (0, 2)
    _, err = capfd.readouterr()
    assert "Traceback" not in err
