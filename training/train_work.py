"""Carries out `train_command.Wishes`: from the first look at the pairs to the last event, on every rank."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from inference.memory import available_memory, readable
from training.base_facts import find_base
from training.bases import Base, open_base
from training.choosing import Choice, choose, chosen_before, problems, store_at
from training.control import Control, Stopped, standard_control
from training.devices import accelerator_for, is_out_of_memory, precision_of
from training.estimating import needs_of
from training.events import Say, quiet, standard
from training.export.quiet import quiet as quietly
from training.items import Item
from training.model import frozen_type
from training.pairs.store import PairStore
from training.preparing import prepare
from training.recipe import TrainingRecipe
from training.runs import Run, RunSheet, RunState
from training.taking import take_pairs
from training.tensorboard import Board
from training.train import Ending, Training
from training.train_command import INTERRUPTED, Wishes, failed
from training.train_errors import TrainError, TrainInputError, TrainTargetError, TrainUsageError

LIBRARIES = ("torch", "diffusers", "transformers", "peft", "accelerate", "numpy")
"""What decides a result besides recipe, pairs and base."""


def work(wishes: Wishes) -> int:
    """Returns the exit code. Raises `TrainError`."""
    recipe = wishes.recipe or wishes.run.sheet().recipe
    notes: list[str] = []
    accelerator = accelerator_for(wishes.device, recipe.precision, notes.append)
    say = standard(wishes.events) if accelerator.is_main_process else quiet
    control = standard_control(wishes.events and accelerator.is_main_process)
    for note in notes:
        say({"event": "note", "text": note})
    say({"event": "stage", "stage": "loading", "fraction": 0.0})
    with quietly(), _only_one(wishes.run, accelerator), _kept_if_begun(wishes, accelerator):
        ending = _Work(wishes, recipe, accelerator, say, control).done()
    if control.interrupted:
        return failed("The training was interrupted; go on with --resume.", INTERRUPTED)
    state = wishes.run.state() or RunState(0, 0, ending)
    done = {"run": str(wishes.run.folder), "step": state.step, "seconds": state.seconds}
    say({"event": "done", **done} if ending == "done" else {"event": "stopped", "step": state.step})
    return 0


@dataclass(frozen=True, eq=False)
class _Work:
    wishes: Wishes
    recipe: TrainingRecipe
    accelerator: Any
    say: Say
    control: Control

    def done(self) -> Ending:
        run = self.wishes.run
        choice = self._choice() if self.accelerator.is_main_process else None
        room = self._room()
        base = self._base()
        if choice is not None and not self.wishes.resume:
            self._begin(choice, base)
        self.accelerator.wait_for_everyone()
        sheet = run.sheet()
        if base.sha256 != sheet.base_sha256:
            raise TrainUsageError(
                f"{sheet.base_name} is not the model any more that this training began from: start a new one."
            )
        choice = choice or chosen_before(store_at(Path(sheet.store)), sheet)
        board = Board(run.tensorboard if self.accelerator.is_main_process else None)
        try:
            with self.control.signals():
                material = prepare(run, sheet, choice, base, self.accelerator, self.say, room, self._check)
                return Training(run, sheet, material, self.accelerator, self.say, board).train(self.control)
        except Stopped:
            _mark(run, "stopped", resumed=True)
            return "stopped"
        finally:
            board.close()

    def _check(self) -> None:
        """Ends the preparations where a stop is wanted; not one process of several, for which the others would wait."""
        if self.accelerator.num_processes == 1:
            self.control.check()

    def _choice(self) -> Choice:
        """Reads the store, or takes pairs into one of the run's own."""
        if self.wishes.resume:
            sheet = self.wishes.run.sheet()
            return chosen_before(store_at(Path(sheet.store)), sheet)
        choice = choose(self._store(), self.recipe.held_out)
        self._tell_of(choice)
        for problem in problems(choice):
            self.say({"event": "note", "text": problem})
        return choice

    def _tell_of(self, choice: Choice) -> None:
        """What begins, to somebody at a terminal; a program that reads events has asked for the plan."""
        if not self.wishes.events:
            steps = self.recipe.steps_for(len(choice.train), int(self.accelerator.num_processes))
            told = f"{len(choice.train)} pairs to learn from, {len(choice.held_out)} kept for judging; {steps} steps."
            self.say({"event": "note", "text": f"{told} Ctrl-C saves and ends; --resume goes on."})

    def _store(self) -> PairStore:
        if self.wishes.store is not None:
            return store_at(self.wishes.store)
        store = PairStore(self.wishes.run.folder / "pairs")
        take_pairs(self.wishes.taken, store, self.say)
        if not store.entries():
            given = ", ".join(str(path) for path in self.wishes.taken)
            raise TrainInputError(f"There is no pair to learn from in {given}: none could be taken.")
        return store

    def _base(self) -> Base:
        return open_base(self._model, dtype=frozen_type(self._computed))

    @property
    def _computed(self) -> TrainingRecipe:
        """The recipe in the precision that the device has."""
        return replace(self.recipe, precision=precision_of(self.accelerator))

    @property
    def _model(self) -> str:
        return self.wishes.run.sheet().base_path if self.wishes.resume else self.wishes.model

    def _room(self) -> Callable[[int], bool] | None:
        """On a processor, whether so many pictures at a time will fit: the system ends a process that takes too much,
        and says nothing. A graphics card says so itself. Raises `TrainError` where not even one fits.
        """
        if self.accelerator.device.type != "cpu":
            return None
        needs = needs_of(find_base(self._model), self._computed, device="cpu", pairs=0)
        free = available_memory() // int(self.accelerator.num_processes)
        if not needs.fitting(self.recipe.batch, self.recipe.batch, free):
            raise TrainError(
                f"This training needs about {readable(needs.memory(1))} of memory and {readable(free)} are free: "
                "choose a recipe for less memory, or a smaller size with --set size=..., and close other programs."
            )
        return lambda micro: needs.memory(micro) <= free

    def _begin(self, choice: Choice, base: Base) -> None:
        """Writes down what this training is; from here on it can be resumed."""
        run, store = self.wishes.run, self.wishes.store or self.wishes.run.folder / "pairs"
        ranks = int(self.accelerator.num_processes)
        run.write_held_out(choice.held_out)
        sheet = RunSheet(
            name=self.wishes.name,
            base_name=base.name,
            base_path=str(base.folder_or_file.absolute()),
            base_sha256=base.sha256,
            recipe=self.recipe,
            store=str(store.absolute()),
            train=_ids(choice.train),
            held_out=_ids(choice.held_out),
            earlier=_ids(choice.earlier),
            pairs_sha256=choice.sha256,
            instructions=choice.instructions,
            steps=self.recipe.steps_for(len(choice.train), ranks),
            device=str(self.accelerator.device),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=_versions(),
        )
        run.write_state(RunState(0, sheet.steps, "running"))
        run.write_sheet(sheet)


@contextlib.contextmanager
def _only_one(run: Run, accelerator: Any) -> Generator[None]:
    """Two trainings in one folder would write into each other's work. Raises `TrainUsageError`."""
    if not accelerator.is_main_process:
        yield
        return
    lock = run.lock()
    try:
        lock.__enter__()
    except TimeoutError:
        raise TrainUsageError(f"{run.folder} is being trained by another process: wait for it, or stop it.") from None
    except OSError as error:
        raise TrainTargetError(
            f"Nothing can be written in {run.folder} ({error.strerror or error}): choose another folder."
        ) from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


@contextlib.contextmanager
def _kept_if_begun(wishes: Wishes, accelerator: Any) -> Generator[None]:
    """What fails before it has begun leaves nothing; what fails later is marked so, and can be resumed."""
    try:
        yield
    except BaseException as error:
        if accelerator.is_main_process:
            _mark(wishes.run, "stopped" if isinstance(error, KeyboardInterrupt) else "failed", resumed=wishes.resume)
        if is_out_of_memory(error):
            raise TrainError(
                "There is not enough memory for this training: choose a recipe for less memory, or a smaller size with "
                "--set size=..., and close other programs."
            ) from error
        raise


def _mark(run: Run, status: str, *, resumed: bool) -> None:
    if not run.exists:
        if not resumed:
            shutil.rmtree(run.folder, ignore_errors=True)
        return
    with contextlib.suppress(TrainError):
        run.write_state(replace(run.state() or RunState(0, run.sheet().steps, status), status=status))


def _ids(items: Iterable[Item]) -> tuple[str, ...]:
    return tuple(item.id for item in items)


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for library in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
