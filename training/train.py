"""The training loop: read it from top to bottom.

A step takes `accumulation` micro-batches on each of `ranks` ranks. Which samples those are, with their noise, timestep
and dropout, follows from (seed, step) alone (`draws`), so the same training comes out of one process or several, at
once or with breaks, and of a batch that was halved because memory ran out.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from training.averages import Average
from training.checkpointing import Checkpoint, newest_loadable, save_checkpoint
from training.control import Control
from training.devices import is_out_of_memory, memory_held
from training.draws import sample_indices
from training.events import Say
from training.examples import Batch, Examples
from training.libraries import torch
from training.loss import Noising, weighted_loss
from training.network import Network
from training.optimizer import make_optimizer, optimizer_state, rate_at, restore_optimizer
from training.probe import fitting, smaller
from training.runs import Run, RunSheet, RunState
from training.samples import Samples, write_png
from training.tensorboard import Board
from training.train_errors import TrainError

Ending = Literal["done", "stopped"]

SAMPLED, SAVED = 5, 10
"""How often in a training, where a recipe does not say."""


@dataclass(frozen=True, eq=False)
class Material:
    """What a training is made of. parameters: those that learn, by name, float32; the rest of the network is frozen.

    belongs: what a checkpoint has to belong to, to be gone on from. fits: says beforehand whether a micro-batch will
    fit, where trying would end the process; None to try. teacher: the base, where a recipe keeps what it answers.
    """

    network: Network
    parameters: dict[str, Any]
    noising: Noising
    examples: Examples
    samples: Samples
    belongs: dict[str, str]
    fits: Callable[[int], bool] | None = None
    teacher: Network | None = None


class Training:
    """One training, from its start or its newest checkpoint to its end."""

    def __init__(self, run: Run, sheet: RunSheet, material: Material, accelerator: Any, say: Say, board: Board) -> None:
        self.run, self.sheet, self.recipe, self.material = run, sheet, sheet.recipe, material
        self.accelerator, self.say, self.board = accelerator, say, board
        self.device, self.main = accelerator.device, bool(accelerator.is_main_process)
        self.step, self.seconds, self.saved, self.last_loss = 0, 0.0, -1, None
        self.micro = self.recipe.batch  # pictures at a time; halved where memory is short

        self.sample_every = every(self.recipe.sample_every, sheet.steps, SAMPLED)
        self.save_every = every(self.recipe.save_every, sheet.steps, SAVED)
        optimizer, note = make_optimizer(material.parameters.values(), self.recipe, self.device.type)
        self._note(note)
        self.network, self.optimizer = accelerator.prepare(material.network, optimizer)
        self.average = Average(material.parameters, self.recipe.ema_decay, on_cpu=self.recipe.ema_on_cpu)

    # -- the whole of it

    def train(self, control: Control) -> Ending:
        """Steps until there are enough, or `control` stops it; what was learnt by then is saved either way."""
        self._probe()
        self._restore()
        self._stage("training", self.step / self.sheet.steps)
        if self.step == 0:
            self._sample(control)
        while self.step < self.sheet.steps:
            if self._told_to_stop(control):
                self._save("stopped")
                return "stopped"
            started = time.monotonic()
            loss = self._update()
            self.step += 1
            self.average.update(self.step)
            self._report(loss, time.monotonic() - started)
            if self.step % self.save_every == 0 and self.step < self.sheet.steps:
                self._save("running")
            if self.step % self.sample_every == 0 or self.step == self.sheet.steps:
                self._sample(control)
        self._save("done")
        return "done"

    # -- one step

    def _update(self) -> float:
        """One step of the optimizer; the loss of its samples, over all ranks."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.step, self.sheet.steps, self.recipe)
        loss = self._gradients()
        while loss is None:  # memory ran out: the same samples again, fewer at a time
            self._empty()
            self.micro = smaller(self.micro, self.recipe.batch, self._note)
            loss = self._gradients()
        if self.recipe.clip:
            self.accelerator.clip_grad_norm_(self.material.parameters.values(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(self.accelerator.reduce(loss, "mean"))

    def _gradients(self) -> Any:
        """Leaves the gradient of a step in the parameters and returns its loss; None where memory ran out."""
        ranks, rank = int(self.accelerator.num_processes), int(self.accelerator.process_index)
        rounds = self.recipe.accumulation * self.recipe.batch // self.micro
        total: Any = torch.zeros((), device=self.device)
        try:
            for number in range(rounds):
                index = sample_indices(self.step, number, rank, ranks, rounds, self.micro)
                batch = self.material.examples.batch(index).to(self.device)
                last = number == rounds - 1
                with nullcontext() if last else self.accelerator.no_sync(self.network):
                    loss = self._loss(batch) / rounds
                    self.accelerator.backward(loss)
                total += loss.detach()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or ranks > 1:
                raise
            return None
        return total

    def _loss(self, batch: Batch) -> Any:
        noising = self.material.noising
        noisy = noising.noisy(batch.clean, batch.noise, batch.timestep)
        wanted = self._kept(noising.wanted(batch.clean, batch.noise, batch.timestep), noisy, batch)
        predicted = self.network(noisy, batch.source, batch.timestep, batch.text)
        return weighted_loss(predicted, wanted, noising.weights(batch.timestep, self.recipe.min_snr), batch.inside)

    def _kept(self, wanted: Any, noisy: Any, batch: Batch) -> Any:
        """`wanted`, and the base's own answers for samples under which nothing is to change (arXiv 1606.09282).

        Those without text are among them: guidance starts from what they give, for every instruction. Were they to
        learn the new pairs, all other edits would lean towards them. The base sees the whole batch, so that it says the
        same to the bit as a network that has learnt nothing: Adam would turn the least difference into whole steps.
        """
        teacher, kept = self.material.teacher, batch.kept
        if teacher is None or kept is None or not bool(kept.any()):
            return wanted
        with torch.no_grad(), self.accelerator.autocast():
            answers = teacher(noisy, batch.source, batch.timestep, batch.text)
        return torch.where(kept[:, None, None, None], answers.to(wanted.dtype), wanted)

    # -- memory

    def _probe(self) -> None:
        """Finds out, before anything has been learnt, how many pictures at a time there is memory for."""
        self._stage("probing", 0.0)
        fits = self.material.fits or self._fits
        if self.material.fits is not None or self.device.type == "cuda":
            self.micro = fitting(self.micro, self.recipe.batch, fits, self._note)
        if self.accelerator.num_processes > 1:  # all ranks take what the least of them can
            self.micro = min(self.accelerator.gather(torch.tensor([self.micro], device=self.device)).tolist())
        self._stage("probing", 1.0)

    def _fits(self, micro: int) -> bool:
        """One step at the largest bucket, with all that the optimizer keeps, that changes nothing."""
        batch = self.material.examples.largest_batch(micro).to(self.device)
        try:
            self.accelerator.backward(self._loss(batch))
            for parameter in self.material.parameters.values():
                if parameter.grad is not None:
                    parameter.grad.zero_()
            for group in self.optimizer.param_groups:
                group["lr"] = 0.0
            self.optimizer.step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        finally:
            self.optimizer.optimizer.state.clear()
            self._empty()
        return True

    def _empty(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    # -- checkpoints

    def _restore(self) -> None:
        """Goes on from the newest checkpoint that can be read; from the start where there is none."""
        checkpoint, notes = newest_loadable(self.run)
        for note in notes:
            self._note(note)
        if self.main:
            self.run.cut_log(checkpoint.step if checkpoint else 0)
        if checkpoint is None:
            return
        if dict(checkpoint.belongs) != self.material.belongs:
            raise TrainError(f"The checkpoints in {self.run.folder} belong to another training: start a new one.")
        with torch.no_grad():
            for name, parameter in self.material.parameters.items():
                parameter.copy_(checkpoint.weights[name])
        self.average.load(checkpoint.ema)
        restore_optimizer(self.optimizer, checkpoint.optimizer, checkpoint.numbers)
        if self.accelerator.scaler is not None and checkpoint.scaler:
            self.accelerator.scaler.load_state_dict(dict(checkpoint.scaler))
        self.step = self.saved = checkpoint.step
        self.seconds = checkpoint.seconds
        self.micro = min(self.micro, checkpoint.micro) or self.micro

    def _save(self, status: str) -> None:
        """A checkpoint, unless there is one of this step."""
        if self.main and self.saved != self.step:
            self._stage("saving", 0.0)
            tensors, numbers = optimizer_state(self.optimizer)
            scaler = self.accelerator.scaler
            path = save_checkpoint(
                self.run,
                Checkpoint(
                    step=self.step,
                    weights={name: parameter.detach() for name, parameter in self.material.parameters.items()},
                    ema=self.average.values,
                    optimizer=tensors,
                    numbers=numbers,
                    scaler={} if scaler is None else scaler.state_dict(),
                    micro=self.micro,
                    seconds=self.seconds,
                    belongs=self.material.belongs,
                ),
            )
            self.say({"event": "checkpoint", "step": self.step, "path": str(path)})
        self.saved = self.step
        self._write_state(status)
        self.accelerator.wait_for_everyone()

    # -- what is told and shown

    def _told_to_stop(self, control: Control) -> bool:
        """What the first rank was told goes for all; waits here while paused."""
        paused = False
        while True:
            stop, wait = self._agreed(control)
            if paused and not wait:
                self.say({"event": "resumed", "step": self.step})
            if not wait:
                return stop
            if not paused:
                paused = True
                self.say({"event": "paused", "step": self.step})
            if self.main:
                control.wait(1.0)

    def _agreed(self, control: Control) -> tuple[bool, bool]:
        if self.accelerator.num_processes == 1:
            return control.stopping, control.paused
        told: Any = torch.tensor([control.stopping, control.paused], device=self.device, dtype=torch.float32)
        told = self.accelerator.reduce(told * self.main, "sum").tolist()
        return bool(told[0]), bool(told[1])

    def _report(self, loss: float, seconds: float) -> None:
        self.seconds += seconds
        self.last_loss = loss
        pace = self.seconds / self.step
        event = {
            "event": "step",
            "step": self.step,
            "steps": self.sheet.steps,
            "loss": loss,
            "lr": self.optimizer.param_groups[0]["lr"],
            "seconds_per_step": pace,
            "seconds_left": pace * (self.sheet.steps - self.step),
            "memory_bytes": memory_held(self.device),
        }
        self.say(event)
        if self.main:
            self.run.add_to_log(event)
            self.board.add(event)

    def _sample(self, control: Control) -> None:
        """The held-out pairs, edited by the averaged weights; those that are done when it is to stop."""
        if self.main and self.material.samples.subjects:
            self._stage("sampling", 0.0)
            with self.average.in_use(), self.accelerator.autocast():
                network = self.accelerator.unwrap_model(self.network)
                pictures = self.material.samples.made(network, self.device, lambda: control.stopping)
            folder = self.run.sample_folder(self.step)
            images: list[dict[str, str]] = []
            for number, (subject, picture) in enumerate(zip(self.material.samples.subjects, pictures, strict=False)):
                path = folder / f"{number:02d}.png"
                write_png(path, picture)
                images.append(subject.told(path))
                self.board.show(f"{number:02d} {subject.item.instruction}", picture, self.step)
            self.say({"event": "samples", "step": self.step, "images": images})
        self.accelerator.wait_for_everyone()

    def _write_state(self, status: str) -> None:
        if self.main:
            self.run.write_state(RunState(self.step, self.sheet.steps, status, self.last_loss, self.seconds))

    def _stage(self, stage: str, fraction: float) -> None:
        self.say({"event": "stage", "stage": stage, "fraction": fraction})

    def _note(self, text: str) -> None:
        if text:
            self.say({"event": "note", "text": text})


def every(asked: int, steps: int, parts: int) -> int:
    """After how many steps again: as asked, else so that there are `parts` of them."""
    return asked or max(1, steps // parts)
