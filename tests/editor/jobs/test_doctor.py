"""The examination and the measuring as jobs of the window."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from editor.edits.checkup import Checkup
from editor.jobs import doctor
from editor.jobs.doctor import ProcessDoctor
from inference.errors import PackageError

SECONDS = 20_000


@pytest.fixture
def made(qtbot: QtBot, tmp_path: Path, tiny_package: Path) -> Iterator[ProcessDoctor]:
    def find(name: str) -> Path:
        if name != "tiny":
            raise PackageError(f"There is no model named {name}.")
        return tiny_package

    result = ProcessDoctor(tmp_path / "none", tiny_package.parent, find, "1.2", "cpu")
    yield result
    result.close()


def refuse(problem: str) -> None:
    raise AssertionError(problem)


def test_it_tells_more_and_more_and_says_when_it_is_done(made: ProcessDoctor, qtbot: QtBot) -> None:
    found: list[Checkup] = []
    made.examine(found.append, refuse)
    qtbot.waitUntil(lambda: bool(found) and found[-1].done, timeout=SECONDS)
    assert list(found[0].sections) == ["Devices", "Ways to compute", "Models", "Memory"]
    assert not found[0].done and len(found) > 2
    last = found[-1]
    assert (last.models, last.used) == (("tiny",), "CPU")
    assert last.text.startswith("Palimpsest 1.2, Python ")
    assert "tiny" in last.text and "  cpu: works" in last.text


def test_nothing_comes_after_a_cancel(made: ProcessDoctor, qtbot: QtBot) -> None:
    found: list[Checkup] = []
    job = made.examine(found.append, refuse)
    job.cancel()
    qtbot.wait(300)
    assert found == []


def test_a_child_that_dies_is_told(made: ProcessDoctor, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[str] = []
    monkeypatch.setattr(doctor, "CHILD", "inference.no_such_module")
    made.examine(lambda found: refuse("found something"), problems.append)
    qtbot.waitUntil(lambda: bool(problems), timeout=SECONDS)
    assert problems == ["The examination ended by itself (exit code 1): look again."]


def test_a_model_is_measured(made: ProcessDoctor, qtbot: QtBot) -> None:
    said: list[str] = []
    shares: list[float] = []
    made.measure("tiny", lambda share, text: shares.append(share), said.append, refuse)
    qtbot.waitUntil(lambda: bool(said), timeout=SECONDS)
    assert "a step on CPU" in said[0] and "an edit of 4 steps takes about" in said[0]
    assert shares == sorted(shares)


def test_a_measurement_is_cancelled_and_its_process_ends(made: ProcessDoctor, qtbot: QtBot) -> None:
    shares: list[float] = []
    job = made.measure("tiny", lambda share, text: shares.append(share), refuse, refuse)
    qtbot.waitUntil(lambda: bool(shares), timeout=SECONDS)
    job.cancel()
    count = len(shares)
    start = time.monotonic()
    made.close()
    assert time.monotonic() - start < 4
    qtbot.wait(50)
    assert len(shares) == count


def test_what_fails_is_one_sentence(made: ProcessDoctor, qtbot: QtBot) -> None:
    problems: list[str] = []
    made.measure("none", lambda share, text: None, refuse, problems.append)
    qtbot.waitUntil(lambda: bool(problems), timeout=SECONDS)
    assert problems == ["There is no model named none."]
