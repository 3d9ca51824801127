"""A training for the window: planned, driven, judged and installed in processes, told of on the window's thread."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from editor.core.errors import PalimpsestError
from editor.core.observe import Observed
from editor.edits.background import Background
from editor.jobs import background, training
from editor.jobs.background import Post
from editor.jobs.importing import INSTALL
from editor.jobs.trainer_state import CHECKING, Offer, Phase, TrainerState
from editor.jobs.training_follow import INTERVAL, PAUSING, Change, Follower, throttled
from editor.jobs.training_install import install, installed_as
from editor.jobs.training_plan import Plan, RecipeEntry, Wish, missing_training, plan, recipes
from editor.jobs.training_report import read_report
from editor.jobs.training_runs import (
    RunEntry,
    delete_run,
    free_name,
    is_saved,
    last_samples,
    losses,
    name_problem,
    read_run,
    runs,
)
from editor.jobs.training_stages import in_words
from inference.errors import Cancelled, EngineError, PackageError
from inference.store import ModelStore
from inference.types import CancelToken

CLOSE_SECONDS = 15.0
"""How long the program waits for a training to save before it ends; the process goes on saving without it."""
TRAIN_FAULT = training.Fault("The training", "what it had saved is still there")
CHECK_FAULT = training.Fault("Checking the result", "the training is as it was")
CHECKS: tuple[tuple[Phase, str], ...] = (("packaging", "package"), ("reporting", "report"))
"""What checking a result runs, in this order."""
LEFT_OUT = (
    "make", "turn", "it", "its", "a", "an", "the", "into", "to", "look", "like", "as", "this", "photo", "picture",
    "image", "please",
)  # fmt: skip
"""Words of an instruction that say little in a name."""
NAMED_BY_TIME = re.compile(r"-\d{8}-\d{6}(-\d+)?$")
"""A training that the terminal named: "starter-20261121-154934"."""
Work = Callable[[CancelToken], Callable[[], None]]
"""Done in a thread; what it returns is called on the window's."""


class Trainer(Observed):
    """One training at a time. Make it, and call it, on the thread of the window.

    state: of the training that is shown. offer: what a new one would take. runs: those that are on the disk; recipes,
    recipe: which there are, and the one that suits the model that was asked for. former: the model that was in use
    before the new one, or "". message: what deleting came to, where it failed.
    """

    def __init__(
        self,
        folder: Path,
        pairs: Path,
        store: Callable[[], ModelStore],
        start: Sequence[str] | None = None,
        aside: Background | None = None,
        missing: Callable[[], bool] = missing_training,
    ) -> None:
        """folder: where trainings are kept. pairs: the store of pairs. store: of the models. start: in place of what
        starts the training package. aside: in place of a thread for what is quick. missing: whether what training needs
        is not installed."""
        super().__init__()
        self.state = TrainerState()
        self.offer = Offer()
        self.runs: tuple[RunEntry, ...] = ()
        self.recipes: tuple[RecipeEntry, ...] = ()
        self.recipe: str = ""
        self.former: str = ""
        self.message: str = ""
        self._folder, self._pairs, self._store = folder, pairs, store
        self._own = background.Background(threads=1) if aside is None else None
        self._aside: Background = aside or cast("Background", self._own)
        self._start, self._missing = start, missing
        self._post = Post()
        self._control = training.Control()
        self._cancel = CancelToken()
        self._asking = CancelToken()
        self._thread: threading.Thread | None = None
        self._closed = False

    # -- before the start

    def refresh(self) -> None:
        """Look again which trainings there are."""
        self._aside.run(lambda progress: runs(self._folder), self._listed, self._say_failed)

    def ask_recipes(self, base: str) -> None:
        """Which recipes there are, and which suits this model."""
        self._aside.run(
            lambda progress: recipes(base, CancelToken(), self._start), self._know_recipes, self._not_offered
        )

    def ask(self, wish: Wish) -> None:
        """See what a training will take; a newer question cancels an older one."""
        self._asking.cancel()
        self._asking = cancel = CancelToken()
        known = self.offer if self.offer.wish.same_plan == wish.same_plan else Offer()
        self.offer = replace(known, wish=wish, planning=True, error="", install=self.offer.install)

        def looked(found: tuple[Plan, bool]) -> None:
            if cancel is self._asking:
                self.offer = Offer(wish, plan=found[0], install=INSTALL if found[1] else "")

        def failed(error: Exception) -> None:
            if cancel is self._asking:
                self._not_offered(error)

        self._aside.run(
            lambda progress: (plan(wish, self._pairs, cancel, self._start), self._missing()), looked, failed
        )

    def suggested_name(self, instructions: Sequence[str]) -> str:
        """A free name for a training on these, after the one that comes most often."""
        most = max(dict.fromkeys(instructions), key=instructions.count, default="")
        words = [word for word in most.split() if word.lower() not in LEFT_OUT][:4]
        return free_name("-".join(words) or "training", self._folder)

    def model_name(self) -> str:
        """A name for the model of the training that is shown: its own, or its pairs' where only time named it."""
        name = self.state.name
        run = next((run for run in self.runs if run.name == name and NAMED_BY_TIME.search(name)), None)
        return self.suggested_name(run.instructions) if run is not None and run.instructions else name

    def name_problem(self, name: str) -> str:
        """Why a training cannot be called so, as a sentence; "" where it can."""
        return name_problem(name, self._folder)

    # -- training

    def start(self, wish: Wish) -> None:
        """Begin; what is wrong with the wish is said in `state.error`."""
        if self.state.busy or self._closed:
            return
        problem = self.name_problem(wish.name)
        if problem:
            self.state = replace(TrainerState(), error=problem)
            return
        folder = self._folder / wish.name
        words = ["train", str(folder), "--model", wish.base, "--store", str(self._pairs), "--recipe", wish.recipe]
        state = TrainerState("running", wish.name, wish.base, folder, "Starting")
        self._train([*words, "--name", wish.name, "--events"], state)

    def resume(self) -> None:
        """Go on with the training that is shown, from where it was saved last."""
        state = self.state
        if not state.can_go_on or state.folder is None or self._closed:
            return
        words = ["train", str(state.folder), "--resume", "--events"]
        self._train(words, replace(state, phase="running", stage="Starting", fraction=None, error="", report=None))

    def pause(self) -> None:
        """Hold at the next step; nothing is given back."""
        if self.state.phase == "running":
            self._control.send("pause")
            self.state = replace(self.state, stage=PAUSING)

    def go_on(self) -> None:
        """After a pause."""
        if self.state.phase == "paused":
            self._control.send("resume")

    def stop(self) -> None:
        """Save and end; it can go on later."""
        if self.state.phase in ("running", "paused"):
            self.state = replace(self.state, phase="stopping", stage="Saving, so that it can go on later")
            self._control.send("stop")
            self._control.close()

    # -- after it

    def open(self, name: str) -> None:
        """Show an earlier training."""
        if self.state.busy or self._closed:
            return
        folder = self._folder / name
        self._aside.run(lambda progress: self._read(folder), self._opened, self._say_failed)

    def forget(self) -> None:
        """Show none, so that another one can be begun."""
        if not self.state.busy:
            self.state = TrainerState()

    def delete(self, name: str) -> None:
        """Delete an earlier training with all that it saved; what was installed of it stays."""
        if self.state.busy and self.state.name == name:
            return
        if self.state.name == name:
            self.forget()
        self.message = ""
        self._aside.run(
            lambda progress: delete_run(self._folder / name), lambda nothing: self.refresh(), self._say_failed
        )

    def check(self) -> None:
        """Make a model of what was saved, and compare it with the one that it began with."""
        state = self.state
        if not state.can_check or state.folder is None or self._closed:
            return
        folder = state.folder
        before = replace(state, error="")
        self.state = replace(before, phase="packaging", stage=in_words("package"), fraction=None, report=None)
        self._run(lambda cancel: self._checked(folder, before, cancel), before)

    def cancel(self) -> None:
        """Of a check or an installation: stop, with nothing changed."""
        if self.state.phase in (*CHECKING, "installing"):
            self.state = replace(self.state, stage="Cancelling")
            # A stopper may wait for a pipe: not on the thread of the window.
            threading.Thread(target=self._cancel.cancel, daemon=True).start()

    def install(self, name: str) -> None:
        """Add the checked model beside the others, under this name."""
        state = self.state
        if not state.can_install or state.folder is None or self._closed:
            return
        package = state.folder / "package"
        before = replace(state, error="")
        self.state = replace(before, phase="installing", stage="Adding the model", fraction=0.0)
        self._run(lambda cancel: self._installed(package, name, before, cancel), before)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Let a training save, end all else, and wait so long at most. Nothing is told afterwards."""
        if self._closed:
            return
        self._closed = True
        self._asking.cancel()
        if self.state.training:
            self._control.send("stop")
            self._control.close()
        else:
            self._cancel.cancel()
        if self._thread is not None:
            self._thread.join(seconds)
        if self._own is not None:
            self._own.close()

    # -- inside

    def _train(self, words: Sequence[str], state: TrainerState) -> None:
        self._control = training.Control()
        self.state = state
        follower = Follower(self._tell_of(self._control), state)
        control = self._control

        def work(cancel: CancelToken) -> Callable[[], None]:
            try:
                training.run(words, follower.hear, cancel, self._start, control, TRAIN_FAULT)
            except PackageError:
                if not follower.end:  # how it ends after its last word does not matter
                    raise
            follower.flush()
            phase: Phase = "done" if follower.end == "done" else "stopped"
            return lambda: self._ended(phase, "")

        self._run(work, None)

    def _run(self, work: Work, otherwise: TrainerState | None) -> None:
        """otherwise: the state to go back to where the work fails or is cancelled; None for a training."""
        self._cancel = CancelToken()
        self._thread = threading.Thread(
            target=self._work, args=(work, otherwise, self._cancel), name="trainer", daemon=True
        )
        self._thread.start()

    # What follows runs in the thread of the work, up to what it posts.

    def _work(self, work: Work, otherwise: TrainerState | None, cancel: CancelToken) -> None:
        try:
            show = work(cancel)
        except Cancelled:
            self._tell(lambda: self._back(otherwise, ""))
        except (EngineError, PalimpsestError) as error:
            sentence = str(error)
            self._tell(lambda: self._back(otherwise, sentence))
        except Exception as error:
            failure = error
            self._tell(lambda: self._broken(failure, otherwise))
        else:
            self._tell(show)

    def _checked(self, folder: Path, before: TrainerState, cancel: CancelToken) -> Callable[[], None]:
        for phase, command in CHECKS:
            self._tell(lambda phase=phase, command=command: self._at(phase, in_words(command), None))
            hear = throttled(lambda stage, share, phase=phase: self._tell(lambda: self._at(phase, stage, share)))
            training.run([command, str(folder), "--events"], hear, cancel, self._start, fault=CHECK_FAULT)
        report = read_report(folder)
        if report is None:
            raise PackageError("The result was checked but its report cannot be read: check it again.")
        model = installed_as(self._store(), folder / "package")
        return lambda: self._show_report(replace(before, report=report, model=model))

    def _installed(self, package: Path, name: str, before: TrainerState, cancel: CancelToken) -> Callable[[], None]:
        last = time.monotonic()

        def show(share: float) -> None:
            nonlocal last
            cancel.raise_if_cancelled()
            if time.monotonic() - last >= INTERVAL:
                last = time.monotonic()
                self._tell(lambda: self._at("installing", "Adding the model", share))

        store = self._store()
        added = install(store, package, name, show)
        store.list()  # opened here, it need not be on the thread of the window
        return lambda: self._show_installed(replace(before, phase="installed", model=added.name))

    def _read(self, folder: Path) -> TrainerState:
        run = read_run(folder)
        if run is None:
            raise PackageError(f"The training {folder.name} cannot be read: it is damaged or was deleted.")
        samples, at = last_samples(folder)
        model = installed_as(self._store(), folder / "package") if run.packaged else ""
        report = read_report(folder) if run.packaged else None
        return TrainerState(
            "installed" if model and report else run.status,
            run.name,
            run.base,
            folder,
            step=run.step,
            steps=run.steps,
            losses=losses(folder),
            samples=samples,
            sample_step=at,
            error="This training failed; it can go on from where it was saved." if run.status == "failed" else "",
            saved=run.saved,
            report=report,
            model=model,
        )

    def _tell(self, call: Callable[[], None]) -> None:
        self._post(lambda: None if self._closed else call())

    def _tell_of(self, control: training.Control) -> Callable[[Change], None]:
        """For what belongs to one process: dropped once another one has begun."""

        def apply(change: Change) -> None:
            if control is self._control and self.state.training:
                self.state = change(self.state)

        return lambda change: self._tell(lambda: apply(change))

    # On the thread of the window again.

    def _at(self, phase: Phase, stage: str, share: float | None) -> None:
        if self.state.busy and not self.state.training and not self._cancel.cancelled:
            self.state = replace(self.state, phase=phase, stage=stage, fraction=share)

    def _ended(self, phase: Phase, error: str) -> None:
        """A training's process is gone."""
        folder = self.state.folder
        saved = folder is not None and is_saved(folder)
        if error and saved:
            error = f"{error.rstrip('.')}. It can go on from where it was saved last."
        self.state = replace(self.state, phase=phase, stage="", fraction=None, error=error, saved=saved)
        self.refresh()

    def _show_report(self, state: TrainerState) -> None:
        self.state = replace(state, phase="installed" if state.model else state.phase, stage="", fraction=None)
        self.refresh()

    def _show_installed(self, state: TrainerState) -> None:
        self.state = replace(state, stage="", fraction=None)

    def _opened(self, state: TrainerState) -> None:
        if not self.state.busy:
            self.state = state

    def _back(self, otherwise: TrainerState | None, sentence: str) -> None:
        if otherwise is None:
            self._ended("failed" if sentence else "stopped", sentence)
        else:
            self.state = replace(otherwise, error=sentence)

    def _broken(self, error: Exception, otherwise: TrainerState | None) -> None:
        self._back(otherwise, "")
        raise error  # a fault of the program: it goes where such faults are shown

    def _listed(self, found: tuple[RunEntry, ...]) -> None:
        self.runs = found

    def _know_recipes(self, found: tuple[tuple[RecipeEntry, ...], str]) -> None:
        self.recipes, default = found
        self.recipe = default

    def _not_offered(self, error: Exception) -> None:
        sentence = _sentence(error)
        if sentence:
            self.offer = replace(self.offer, planning=False, plan=None, error=sentence)

    def _say_failed(self, error: Exception) -> None:
        self.message = _sentence(error)


def _sentence(error: Exception) -> str:
    """For the user; "" for what was cancelled."""
    if isinstance(error, Cancelled):
        return ""
    if not isinstance(error, EngineError | PalimpsestError):
        raise error  # a fault of the program: it goes where such faults are shown
    return str(error)
