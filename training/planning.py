"""`python -m training plan`: what a training would take, before it begins. Without PyTorch, in less than a second."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.device_memory import cuda_memory
from inference.memory import available_memory, readable
from training.base_facts import BaseFacts, find_base
from training.choosing import Choice, choose, enabled_pairs, problems, store_at
from training.estimating import Needs, needs_of, runs_in, seconds_of
from training.places import pairs_folder, runs_folder
from training.recipe import TrainingRecipe
from training.train_command import add_choices, recipe_asked
from training.train_errors import TrainError


@dataclass(frozen=True)
class TrainingPlan:
    """pairs, held_out: how many are learnt and how many are kept for judging. problems: sentences. size: the long side
    in pixels. seconds: None where nothing is known. *_bytes, memory_free: on `device`, and on disk. fits: it can begin;
    why: a sentence where it cannot, or will be slower than the recipe means it.
    """

    model: str
    recipe: str
    pairs: int
    held_out: int
    problems: tuple[str, ...]
    steps: int
    batch: int
    size: int
    seconds: float | None
    disk_bytes: int
    memory_bytes: int
    memory_free: int
    device: str
    fits: bool
    why: str


def main(argv: Sequence[str]) -> int:
    """Exit codes: 0 done (also where it would not fit), 2 usage, 3 pairs unreadable, 4 the model."""
    parser = argparse.ArgumentParser(prog="python -m training plan", description="What a training would take.")
    add_choices(parser)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    try:
        recipe = recipe_asked(arguments)
        plan = plan_of(find_base(arguments.model), recipe, arguments.store or pairs_folder(), arguments.device)
    except TrainError as error:
        print(error, file=sys.stderr)
        return error.code
    print(json.dumps(asdict(plan)) if arguments.json else as_text(plan))
    return 0


def plan_of(base: BaseFacts, recipe: TrainingRecipe, store: Path, device: str = "auto") -> TrainingPlan:
    """Raises `TrainError` for a store that cannot be read and a model that cannot be trained."""
    choice, found = _choice(store, recipe)
    device, free = _device(device)
    needs = needs_of(base, recipe, device=device, pairs=len(choice.train))
    steps = recipe.steps_for(len(choice.train))
    fits, why = _fits(needs, recipe, device, free)
    return TrainingPlan(
        model=base.name,
        recipe=recipe.name,
        pairs=len(choice.train),
        held_out=len(choice.held_out),
        problems=found,
        steps=steps,
        batch=recipe.batch * recipe.accumulation,
        size=recipe.size or base.dials.size,
        seconds=seconds_of(needs, recipe, steps, device, runs_in(runs_folder())) if choice.train else None,
        disk_bytes=needs.disk,
        memory_bytes=needs.memory(recipe.batch),
        memory_free=free,
        device=device,
        fits=fits and bool(choice.train),
        why=why if choice.train else found[0],
    )


def as_text(plan: TrainingPlan) -> str:
    """For a person, one line each."""
    time = "unknown" if plan.seconds is None else f"about {max(1, round(plan.seconds / 60))} min"
    lines = [
        f"{plan.model} with {plan.recipe}: {plan.pairs} pairs, {plan.held_out} kept for judging",
        f"{plan.steps} steps of {plan.batch} at {plan.size} pixels on {plan.device}, {time}",
        f"memory: {readable(plan.memory_bytes)} of {readable(plan.memory_free)} free; "
        f"disk: {readable(plan.disk_bytes)}",
    ]
    return "\n".join([*lines, *plan.problems, *([plan.why] if plan.why else [])])


def _choice(store: Path, recipe: TrainingRecipe) -> tuple[Choice, tuple[str, ...]]:
    """A store without pairs is a problem to show, and no fault."""
    if not (store / "pairs.db").is_file():
        return Choice((), (), ()), (_NONE,)
    opened = store_at(store)
    if not enabled_pairs(opened):
        return Choice((), (), ()), (_NONE,)
    choice = choose(opened, recipe.held_out)
    return choice, problems(choice)


_NONE = "There are no pairs yet: use a kept edit for training, or add pairs from a folder."


def _device(asked: str) -> tuple[str, int]:
    card = cuda_memory() if asked != "cpu" else None
    if card is not None:
        return "cuda", card.free
    if asked == "cuda":
        raise TrainError("There is no graphics card that CUDA can use: choose another device with --device cpu.")
    return "cpu", available_memory()


def _fits(needs: Needs, recipe: TrainingRecipe, device: str, free: int) -> tuple[bool, str]:
    micro = needs.fitting(recipe.batch, recipe.batch, free)
    where = "The graphics card" if device == "cuda" else "This computer"
    if not micro:
        return False, (
            f"{where} has {readable(free)} of memory free where this needs about {readable(needs.memory(1))}: choose a "
            "recipe for less memory or a smaller size, and close other programs."
        )
    if micro < recipe.batch:
        return True, f"{where} has memory for {micro} pictures at a time, so a step takes longer than the recipe means."
    return True, ""
