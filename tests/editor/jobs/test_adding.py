"""A model on its way in: every state, told on the thread of the window, with a stand-in for the training package."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from editor.jobs import training
from editor.jobs.adding import Adding, AddingState
from editor.jobs.importing import INSTALL, Importer, Wishes
from inference.store import ModelStore

FAKE = (sys.executable, str(Path(__file__).with_name("fake_training.py")))
PATIENCE = 20_000


class Watched:
    """An `Adding` with what it told: phases in order, and the threads that it told them on."""

    def __init__(self, tmp_path: Path, start: tuple[str, ...] = FAKE) -> None:
        self.folder = tmp_path
        self.missing = False
        self.store = ModelStore(tmp_path / "user", tmp_path / "bundled")
        self.adding = Adding(lambda: Importer(self.store, start), lambda: self.missing)
        self.told: list[AddingState] = []
        self.threads: set[int] = set()
        self.adding.on("state", self._note)

    @property
    def state(self) -> AddingState:
        return self.adding.state

    @property
    def phases(self) -> list[str]:
        return list(dict.fromkeys(state.phase for state in self.told))

    @property
    def left(self) -> set[str]:
        return {path.name for path in (self.folder / "user").glob("*")} - {".lock"}

    def source(self, name: str) -> Path:
        folder = self.folder / "sources" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _note(self) -> None:
        self.told.append(self.adding.state)
        self.threads.add(threading.get_ident())


@pytest.fixture
def watched(tmp_path: Path, qtbot: QtBot) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.adding.close()


def look(watched: Watched, qtbot: QtBot, name: str) -> AddingState:
    watched.adding.look(watched.source(name))
    qtbot.waitUntil(lambda: not watched.state.busy, timeout=PATIENCE)
    return watched.state


def test_from_the_drop_to_the_model(watched: Watched, qtbot: QtBot) -> None:
    state = look(watched, qtbot, "photos")
    assert state.phase == "found" and state.can_start and state.found is not None and state.free > 0
    watched.adding.start(Wishes("mine"))
    qtbot.waitUntil(lambda: watched.state.phase == "done", timeout=PATIENCE)
    assert watched.state.name == "mine" and watched.state.report is not None and watched.left == {"mine"}
    assert watched.phases == ["looking", "found", "working", "done"]
    assert "Converting the part that edits" in {state.stage for state in watched.told}
    fractions = [state.fraction for state in watched.told if state.phase == "working"]
    assert fractions == sorted(fractions) and watched.threads == {threading.get_ident()}
    watched.adding.forget()
    assert watched.state == AddingState()


def test_what_is_no_model_is_told_and_put_away(watched: Watched, qtbot: QtBot) -> None:
    state = look(watched, qtbot, "unknown")
    assert state.phase == "failed" and "no model that is known" in state.error and not state.can_start
    watched.adding.forget()
    assert watched.state.phase == "idle"


def test_what_cannot_be_added_says_why_and_cannot_be_started(watched: Watched, qtbot: QtBot) -> None:
    state = look(watched, qtbot, "wrong")
    assert "text-to-image" in state.error and not state.can_start
    watched.adding.start(Wishes())
    assert watched.state is state


def test_a_failed_import_can_be_tried_again(watched: Watched, qtbot: QtBot) -> None:
    look(watched, qtbot, "broken")
    watched.adding.start(Wishes())
    qtbot.waitUntil(lambda: not watched.state.busy, timeout=PATIENCE)
    assert watched.state.phase == "found" and "damaged" in watched.state.error and watched.state.can_start
    assert watched.left == set()


def test_a_lora_waits_for_its_model(watched: Watched, qtbot: QtBot) -> None:
    state = look(watched, qtbot, "lora")
    assert state.found is None and state.lora is not None and not state.can_start
    state = look(watched, qtbot, "notes")
    assert state.can_start and state.lora is not None
    watched.adding.start(Wishes(), 0.5)
    qtbot.waitUntil(lambda: watched.state.phase == "done", timeout=PATIENCE)
    assert watched.state.report is not None
    assert watched.state.report.notes[0].endswith(f"--lora {watched.source('lora')}:0.5")


def test_a_lora_joins_a_model_that_waits_but_no_finished_one(
    watched: Watched, qtbot: QtBot, tiny_package: Path
) -> None:
    look(watched, qtbot, "photos")
    state = look(watched, qtbot, "lora")
    assert state.can_start and state.lora is not None and state.found is not None and state.found.name == "photos"
    watched.adding.forget()
    look(watched, qtbot, "lora")
    watched.adding.look(tiny_package)
    qtbot.waitUntil(lambda: not watched.state.busy, timeout=PATIENCE)
    assert "not a finished model" in watched.state.error


def test_missing_packages_come_with_the_command(watched: Watched, qtbot: QtBot) -> None:
    watched.missing = True
    state = look(watched, qtbot, "torch")
    assert state.install == INSTALL and not state.can_start
    watched.adding.forget()
    assert look(watched, qtbot, "photos").can_start  # this kind needs none of them


def test_cancelling_goes_back_and_leaves_nothing(watched: Watched, qtbot: QtBot) -> None:
    look(watched, qtbot, "slow")
    watched.adding.start(Wishes())
    qtbot.waitUntil(lambda: "Reading the weights" in watched.state.stage, timeout=PATIENCE)
    watched.adding.look(watched.source("photos"))  # one at a time
    assert watched.state.phase == "working"
    watched.adding.cancel()
    assert watched.state.stage == "Cancelling"
    qtbot.waitUntil(lambda: watched.state.phase == "found", timeout=PATIENCE)
    assert watched.state.error == "" and watched.left == set()


def test_closing_waits_until_nothing_is_left(watched: Watched, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "GRACE_SECONDS", 0.2)
    look(watched, qtbot, "slow deaf")
    watched.adding.start(Wishes("deaf"))
    qtbot.waitUntil(lambda: bool(watched.left), timeout=PATIENCE)
    start, count = time.monotonic(), len(watched.told)
    watched.adding.close()
    assert watched.left == set() and time.monotonic() - start < 10
    qtbot.wait(50)
    assert len(watched.told) == count
    watched.adding.look(watched.source("photos"))
    assert len(watched.told) == count


def test_a_fault_of_the_program_goes_where_such_faults_go(tmp_path: Path, qtbot: QtBot) -> None:
    def broken() -> Importer:
        raise RuntimeError("a bug")

    adding = Adding(broken)
    with qtbot.capture_exceptions() as caught:
        adding.look(tmp_path)
        qtbot.waitUntil(lambda: not adding.state.busy, timeout=PATIENCE)
    assert adding.state == AddingState() and str(caught[0][1]) == "a bug"
    adding.close()
