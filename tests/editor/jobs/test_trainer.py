"""A training in every state, told on the thread of the window, with a stand-in for the training package."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from editor.edits.background import InlineBackground
from editor.jobs.importing import INSTALL
from editor.jobs.trainer import Trainer
from editor.jobs.trainer_state import TrainerState
from editor.jobs.training_plan import Wish
from inference.store import ModelStore
from tests.tiny_package import write_tiny_package

FAKE = (sys.executable, str(Path(__file__).with_name("fake_trainer.py")))
PATIENCE = 20_000
WISH = Wish("starter", "starter", "duotone")


class Watched:
    """A `Trainer` with what it told: states in order, and the threads that it told them on."""

    def __init__(self, tmp_path: Path, qtbot: QtBot) -> None:
        self.folder, self.qtbot = tmp_path / "runs", qtbot
        self.missing = False
        self.store = ModelStore(tmp_path / "user", tmp_path / "bundled")
        self.trainer = self.another()
        self.told: list[TrainerState] = []
        self.threads: set[int] = set()
        self.trainer.on("state", self._note)

    def another(self) -> Trainer:
        """As after a new start of the program."""
        return Trainer(
            self.folder,
            self.folder.parent / "pairs",
            lambda: self.store,
            FAKE,
            InlineBackground(),
            lambda: self.missing,
        )

    @property
    def state(self) -> TrainerState:
        return self.trainer.state

    @property
    def phases(self) -> list[str]:
        return list(dict.fromkeys(state.phase for state in self.told))

    def until(self, *phases: str) -> TrainerState:
        self.qtbot.waitUntil(lambda: self.state.phase in phases, timeout=PATIENCE)
        return self.state

    def wait(self, test: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(test, timeout=PATIENCE)

    def train(self, name: str = "duotone") -> TrainerState:
        self.trainer.start(Wish("starter", "starter", name))
        return self.until("done", "failed", "stopped")

    def checked(self) -> TrainerState:
        self.train()
        self.trainer.check()
        self.wait(lambda: not self.state.busy)
        return self.state

    def _note(self) -> None:
        self.told.append(self.trainer.state)
        self.threads.add(threading.get_ident())


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every training of the stand-in makes."""
    return write_tiny_package(tmp_path_factory.mktemp("finished") / "package", name="finished", text_length=18)


@pytest.fixture
def watched(tmp_path: Path, qtbot: QtBot, finished: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setenv("FAKE_PACKAGE", str(finished))
    made = Watched(tmp_path, qtbot)
    yield made
    made.trainer.close(5.0)


def test_recipes_and_plan(watched: Watched) -> None:
    trainer = watched.trainer
    trainer.ask_recipes("starter")
    assert [recipe.name for recipe in trainer.recipes] == ["starter", "8gb"] and trainer.recipe == "starter"
    trainer.ask(Wish("starter", "starter"))
    plan = trainer.offer.plan
    assert plan is not None and plan.can_start and not trainer.offer.planning and trainer.offer.install == ""
    assert (plan.pairs, plan.held_out, plan.seconds, plan.device) == (36, 4, 480.0, "cpu")


def test_a_plan_that_does_not_fit_says_why(watched: Watched) -> None:
    watched.trainer.ask(Wish("tight", "starter"))
    plan = watched.trainer.offer.plan
    assert plan is not None and not plan.can_start and plan.seconds is None and "14.2 GB" in plan.why
    watched.trainer.ask(Wish("unreadable", "starter"))
    assert watched.trainer.offer.plan is None and "train another one" in watched.trainer.offer.error


def test_without_the_training_packages_the_command_is_named(watched: Watched) -> None:
    watched.missing = True
    watched.trainer.ask(Wish("starter", "starter"))
    assert watched.trainer.offer.install == INSTALL and watched.trainer.offer.plan is not None


def test_from_the_start_to_the_end(watched: Watched) -> None:
    state = watched.train()
    assert state.phase == "done" and (state.step, state.steps) == (40, 40) and state.saved and state.error == ""
    assert watched.phases == ["running", "done"]
    assert [step for step, _ in state.losses] == list(range(1, 41)) and state.losses[0][1] > state.losses[-1][1]
    assert state.sample_step == 40 and len(state.samples) == 3
    sample = state.samples[0]
    assert sample.start is not None and sample.start != sample.now and "duotone" in sample.instruction
    assert all(path.is_file() for path in (sample.source, sample.start, sample.now, sample.target))
    assert state.note.startswith("Memory ran out") and "Preparing the pairs" in {told.stage for told in watched.told}
    lengths = [len(told.losses) for told in watched.told]
    assert lengths == sorted(lengths) and watched.threads == {threading.get_ident()}
    assert [(run.name, run.status, run.pairs) for run in watched.trainer.runs] == [("duotone", "done", 32)]


def test_pause_and_resume(watched: Watched) -> None:
    watched.trainer.start(Wish("starter", "starter", "slow"))
    watched.wait(lambda: watched.state.step > 0)
    watched.trainer.pause()
    assert watched.state.stage == "Pausing after this step"
    paused = watched.until("paused")
    time.sleep(0.3)
    assert watched.state.step == paused.step
    watched.trainer.go_on()
    watched.until("running")
    watched.wait(lambda: watched.state.step > paused.step)
    watched.trainer.stop()
    watched.until("stopped")


def test_stop_saves_and_it_goes_on(watched: Watched) -> None:
    watched.trainer.start(Wish("starter", "starter", "slow"))
    watched.wait(lambda: watched.state.step >= 2)
    watched.trainer.stop()
    assert watched.state.phase == "stopping"
    state = watched.until("stopped")
    assert state.can_go_on and state.saved and watched.trainer.runs[0].can_go_on and state.error == ""
    before = state.step
    watched.trainer.resume()
    watched.wait(lambda: watched.state.phase == "running" and watched.state.step > before)
    assert [step for step, _ in watched.state.losses][:2] == [1, 2]  # what was drawn stays
    watched.trainer.pause()
    watched.until("paused")
    watched.trainer.stop()  # also from a pause
    watched.until("stopped")


@pytest.mark.parametrize("name", ["crash", "killed"])
def test_a_fault_costs_one_sentence_and_it_goes_on(watched: Watched, name: str) -> None:
    state = watched.train(name)
    assert state.phase == "failed" and state.error.startswith("The training ended unexpectedly (")
    assert state.error.endswith("It can go on from where it was saved last.") and "\n" not in state.error
    assert state.can_go_on and not state.busy
    watched.trainer.resume()
    assert watched.state.error == ""
    assert watched.until("done", "failed").phase == "done"
    assert len(watched.state.losses) == 40


def test_how_a_process_ends_after_its_last_word_does_not_matter(watched: Watched) -> None:
    state = watched.train("untidy")
    assert (state.phase, state.error) == ("stopped", "")


def test_an_error_is_the_processs_own_sentence(watched: Watched) -> None:
    state = watched.train("broken")
    assert state.error == "The pairs cannot be read: look at them in the list." and not state.can_go_on


def test_a_bad_name_is_said_before_anything_begins(watched: Watched) -> None:
    watched.train()
    watched.trainer.start(WISH)
    assert watched.state.phase == "idle" and "already" in watched.state.error
    for name in ("", "a b", "../x"):
        assert watched.trainer.name_problem(name)
    assert watched.trainer.suggested_name(["x", "Duotone", "Duotone"]) == "Duotone-2"
    assert watched.trainer.suggested_name([]) == "training"


def test_what_an_old_process_tells_is_dropped(watched: Watched) -> None:
    tell = watched.trainer._tell_of(watched.trainer._control)
    watched.train()
    before = watched.state
    tell(lambda state: TrainerState("running", "old"))
    watched.qtbot.wait(50)
    assert watched.state is before


def test_closing_lets_it_save(watched: Watched) -> None:
    watched.trainer.start(Wish("starter", "starter", "slow"))
    watched.wait(lambda: watched.state.step >= 2)
    told = len(watched.told)
    watched.trainer.close(15.0)
    assert watched.trainer._thread is not None and not watched.trainer._thread.is_alive()
    watched.qtbot.wait(50)
    assert len(watched.told) == told  # nothing is told afterwards
    later = watched.another()
    later.refresh()
    assert later.runs[0].can_go_on
    later.open("slow")
    assert later.state.phase == "stopped" and len(later.state.samples) == 3 and len(later.state.losses) >= 2
    later.close()


def test_closing_does_not_wait_for_ever(watched: Watched) -> None:
    watched.trainer.start(Wish("starter", "starter", "deaf"))
    watched.wait(lambda: watched.state.step >= 1)
    began = time.monotonic()
    watched.trainer.close(0.3)
    assert time.monotonic() - began < 2.0
    watched.trainer._cancel.cancel()  # the process of the test is not left behind


def test_a_training_whose_program_died_can_go_on(watched: Watched) -> None:
    watched.train("crash")
    (watched.folder / "crash/state.json").write_text('{"step": 20, "steps": 40, "status": "running"}')
    later = watched.another()
    later.refresh()
    assert [(run.status, run.can_go_on) for run in later.runs] == [("stopped", True)]
    later.open("crash")
    assert later.state.phase == "stopped" and later.state.can_go_on and later.state.step == 20


def test_check_install_and_after_a_new_start(watched: Watched) -> None:
    state = watched.checked()
    assert state.phase == "done" and state.report is not None and state.error == "" and state.can_install
    report = state.report
    assert report.verdict.startswith("Much better") and (report.base, report.new) == ("starter", "duotone")
    psnr, _, colour = report.held_out.rows
    assert report.notes == ("Each edit was made with 1 seed.",)
    assert (psnr.base, psnr.new, psnr.unit, psnr.better) == (14.2, 23.9, "dB", True) and colour.better is True
    assert report.general.rows[0].better is False and report.general.count == 24
    assert report.held_out.picture is not None and report.held_out.picture.is_file()
    assert [phase for phase in watched.phases if phase.endswith("ing")][1:] == ["packaging", "reporting"]
    watched.trainer.install("my-duotone")
    assert watched.until("installed", "done").model == "my-duotone"
    assert [package.name for package in watched.store.list()] == ["my-duotone"]
    later = watched.another()
    later.open("duotone")
    assert later.state.phase == "installed" and later.state.model == "my-duotone" and later.state.report is not None


def test_installing_under_the_trainings_own_name(watched: Watched) -> None:
    watched.checked()
    watched.trainer.install("duotone")
    assert watched.until("installed", "done").model == "duotone"


def test_a_name_that_is_taken_is_said_and_nothing_is_left(watched: Watched, tmp_path: Path) -> None:
    write_tiny_package(tmp_path / "user" / "taken", name="taken", text_length=20)
    watched.checked()
    watched.trainer.install("taken")
    watched.wait(lambda: not watched.state.busy)
    assert watched.state.phase == "done" and "installed already" in watched.state.error
    assert {path.name for path in (tmp_path / "user").iterdir()} - {".lock"} == {"taken"}


def test_a_check_that_fails_or_is_cancelled_leaves_the_training(watched: Watched) -> None:
    watched.train("unpackable")
    watched.trainer.check()
    watched.wait(lambda: not watched.state.busy)
    assert watched.state.phase == "done" and watched.state.error.startswith("The disk is full")
    watched.trainer.forget()
    watched.train("slowpackage")
    watched.trainer.check()
    watched.wait(lambda: watched.state.phase == "packaging")
    watched.trainer.cancel()
    watched.wait(lambda: not watched.state.busy)
    assert watched.state.phase == "done" and watched.state.error == "" and watched.state.can_check


def test_deleting(watched: Watched) -> None:
    watched.train()
    watched.trainer.delete("duotone")
    assert watched.trainer.runs == () and watched.state.phase == "idle" and not (watched.folder / "duotone").exists()
    watched.trainer.delete("duotone")
    assert "cannot be deleted" in watched.trainer.message
