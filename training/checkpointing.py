"""Checkpoints of a run: written aside, brought to the disk, named; only then do older ones go."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.checkpoints import load_tensors, save_tensors
from training.runs import Run
from training.train_errors import TrainTargetError
from training.whole_files import sync_folder, write_json

if TYPE_CHECKING:
    from torch import Tensor

KEPT = 2
"""Checkpoints that stay: the newest, and the one before it in case that is damaged."""
_PART = ".part"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a training needs to go on as if it had never stopped.

    weights, ema: by the names of the parameters. optimizer, numbers: see `optimizer.optimizer_state`. micro: the
    micro-batch, which may have been halved. scaler: state of fp16's loss scale. meta: what it belongs to.
    """

    step: int
    weights: Mapping[str, Tensor]
    ema: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    scaler: Mapping[str, Any] = field(default_factory=dict[str, Any])
    micro: int = 0
    seconds: float = 0.0
    belongs: Mapping[str, str] = field(default_factory=dict[str, str])


def save_checkpoint(run: Run, checkpoint: Checkpoint) -> Path:
    """Writes it and removes all but the newest `KEPT`; a kill at any moment leaves what was there.

    Raises `TrainTargetError`.
    """
    target = run.checkpoint_folder(checkpoint.step)
    aside = target.with_name(f".{target.name}.{os.getpid()}{_PART}")
    try:
        _clear(target.parent)
        aside.mkdir(parents=True)
        _write(aside, checkpoint)
        sync_folder(aside)
        if target.exists():  # of the same step, from before a resume
            shutil.rmtree(target)
        aside.rename(target)
        sync_folder(target.parent)
        for _, old in run.checkpoints()[KEPT:]:
            shutil.rmtree(old)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise TrainTargetError(
            f"The checkpoint {target} could not be written ({error.strerror or error}): make room on the disk, then "
            "go on with --resume."
        ) from error
    return target


def load_checkpoint(folder: Path) -> Checkpoint:
    """Reads what `save_checkpoint` wrote. Raises `OSError`, `ValueError`, or safetensors' error for a damaged one."""
    (weights, _), (ema, _), (optimizer, numbers) = (
        load_tensors(folder / f"{name}.safetensors") for name in ("weights", "ema", "optimizer")
    )
    state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return Checkpoint(
        step=int(state["step"]),
        weights={key.removeprefix("model."): tensor for key, tensor in weights.items()},
        ema={key.removeprefix("ema."): tensor for key, tensor in ema.items()},
        optimizer=optimizer,
        numbers={key: value for key, value in numbers.items() if isinstance(value, int | float)},
        scaler=state["scaler"],
        micro=int(state["micro"]),
        seconds=float(state["seconds"]),
        belongs=state["belongs"],
    )


def newest_loadable(run: Run) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The newest checkpoint that can be read, and a sentence for each newer one that cannot."""
    notes: list[str] = []
    for _, folder in run.checkpoints():
        try:
            return load_checkpoint(folder), tuple(notes)
        except (OSError, ValueError, KeyError, _header_error()) as error:
            notes.append(
                f"The checkpoint {folder.name} is damaged ({_first_line(error)}), so the one before it is used."
            )
    return None, tuple(notes)


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    save_tensors(
        folder / "weights.safetensors",
        {f"model.{k}": v for k, v in checkpoint.weights.items()},
        {"step": checkpoint.step},
    )
    save_tensors(
        folder / "ema.safetensors", {f"ema.{k}": v for k, v in checkpoint.ema.items()}, {"step": checkpoint.step}
    )
    save_tensors(folder / "optimizer.safetensors", checkpoint.optimizer, checkpoint.numbers)
    state = {
        "step": checkpoint.step,
        "micro": checkpoint.micro,
        "seconds": checkpoint.seconds,
        "scaler": dict(checkpoint.scaler),
        "belongs": dict(checkpoint.belongs),
    }
    write_json(folder / "state.json", state)


def _clear(folder: Path) -> None:
    """Takes away what a save left that was killed; the run's lock says that nobody else is saving."""
    for left in folder.glob(f".step-*{_PART}"):
        shutil.rmtree(left, ignore_errors=True)


def _header_error() -> type[Exception]:
    from safetensors import SafetensorError

    return SafetensorError


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
