"""What is asked of a training before it starts: the recipes there are, and what it will take. Without Qt."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from editor.jobs import loose, training
from editor.jobs.importing import INSTALL
from inference.types import CancelToken

TRAINING_PACKAGES = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors", "onnx")
NEEDS_TRAIN = f"Training needs the training packages, which are not installed: {INSTALL}"
FAULT = training.Fault("Looking at what a training takes", "try again")


@dataclass(frozen=True)
class RecipeEntry:
    """A configuration that can be chosen. about: one sentence on what it is for."""

    name: str
    about: str


@dataclass(frozen=True)
class Wish:
    """What the user wants to train: a model by its name, a recipe by its name, and what to call the training."""

    base: str = ""
    recipe: str = ""
    name: str = ""

    @property
    def same_plan(self) -> tuple[str, str]:
        """Wishes that agree in this have the same plan."""
        return self.base, self.recipe


@dataclass(frozen=True)
class Plan:
    """What a training will take. pairs: to learn from; held_out: those that are kept for judging. problems: sentences
    on what could be better.

    size: long side in pixels. seconds: None where it is not known. memory_free: bytes; None where it is not known.
    device: "cpu", "cuda". fits: whether the memory suffices; why: the sentence where it does not.
    """

    pairs: int = 0
    held_out: int = 0
    problems: tuple[str, ...] = ()
    steps: int = 0
    batch: int = 0
    size: int = 0
    seconds: float | None = None
    disk_bytes: int = 0
    memory_bytes: int = 0
    memory_free: int | None = None
    device: str = ""
    fits: bool = True
    why: str = ""

    @property
    def can_start(self) -> bool:
        return self.fits and self.pairs > 0

    @property
    def too_large(self) -> bool:
        """It needs more memory than there is."""
        return not self.fits and self.memory_free is not None and self.memory_bytes > self.memory_free


def recipes(base: str, cancel: CancelToken, start: Sequence[str] | None = None) -> tuple[tuple[RecipeEntry, ...], str]:
    """(all of them, the name of the one for this model). Raises as `training.run`."""
    words = ["recipes", "--json", *(["--model", base] if base else [])]
    answer = training.run(words, _ignore, cancel, start, fault=FAULT)
    found = tuple(
        RecipeEntry(loose.text(each, "name"), loose.text(each, "about")) for each in loose.objects(answer, "recipes")
    )
    default = loose.text(answer, "default")
    return found, default or (found[0].name if found else "")


def plan(wish: Wish, store: Path, cancel: CancelToken, start: Sequence[str] | None = None) -> Plan:
    """Quick: nothing is loaded for it. Raises as `training.run`."""
    words = ["plan", "--model", wish.base, "--store", str(store), "--recipe", wish.recipe, "--json"]
    return plan_of(training.run(words, _ignore, cancel, start, fault=FAULT))


def plan_of(values: loose.Object) -> Plan:
    """From the answer of `python -m training plan --json`."""
    free = loose.number(values, "memory_free")
    return Plan(
        pairs=loose.whole(values, "pairs"),
        held_out=loose.whole(values, "held_out"),
        problems=loose.texts(values, "problems"),
        steps=loose.whole(values, "steps"),
        batch=loose.whole(values, "batch"),
        size=loose.whole(values, "size"),
        seconds=loose.number(values, "seconds"),
        disk_bytes=loose.whole(values, "disk_bytes"),
        memory_bytes=loose.whole(values, "memory_bytes"),
        memory_free=round(free) if free is not None else None,
        device=loose.text(values, "device"),
        fits=values.get("fits") is not False,
        why=loose.text(values, "why"),
    )


def missing_training() -> bool:
    """True where what a training needs is not installed beside this program."""
    return any(importlib.util.find_spec(name) is None for name in TRAINING_PACKAGES)


def _ignore(event: training.Message) -> None:
    del event
