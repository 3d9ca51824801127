"""What each saving saves and costs: time of the steps in one run, and the difference from the edit without it.

    python -m tests.benchmarks.savings [--model DIR] [--steps N] [--scales TEXT IMAGE] [--photos N] [--depth N]

Same photos, instructions and seeds. The time is that of the steps alone, each counted as the fastest of its kind on
that photo, so that a busy machine does not matter. PSNR is between pictures of the photo's own size; the same edit with
another seed is the last row, for comparison.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

import inference.models
from inference.engine import Engine
from inference.guidance import branches
from inference.package import ModelPackage, open_package
from inference.savings import StepKind, kinds
from inference.shallow import DEPTH, cut
from inference.types import CancelToken, EditRequest, Progress, Variant
from training.starter.photos import PHOTOS, photo

INSTRUCTIONS = ("make it night", "turn it into a watercolour", "make it sepia", "turn it into a pencil sketch")
SIZE = 512


@dataclass(frozen=True)
class Setting:
    """steps: as a share of the full number."""

    title: str
    interval: tuple[float, float] = (0.0, 1.0)
    reuse: int = 1
    steps: float = 1.0
    seed: int = 7


EXACT = Setting("exact")
SETTINGS = (
    EXACT,
    Setting("half the steps", steps=0.5),
    Setting("guidance 0 to 0.5", (0.0, 0.5)),
    Setting("guidance 0 to 0.7", (0.0, 0.7)),
    Setting("guidance 0.1 to 0.8", (0.1, 0.8)),
    Setting("guidance 0.3 to 1", (0.3, 1.0)),
    Setting("reuse 2", reuse=2),
    Setting("reuse 3", reuse=3),
    Setting("reuse 5", reuse=5),
    Setting("guidance 0 to 0.7, reuse 5", (0.0, 0.7), 5),
    Setting("guidance 0 to 0.5, reuse 3", (0.0, 0.5), 3),
    Setting("guidance 0 to 0.5, reuse 5", (0.0, 0.5), 5),
    Setting("another seed", seed=8),
)


@dataclass(frozen=True, eq=False)
class Made:
    """A setting's result on one photo, and how long each of its steps took, by kind."""

    image: np.ndarray
    kinds: tuple[StepKind, ...]
    seconds: tuple[float, ...]


def main() -> None:
    chosen = _arguments()
    inference.models.cut = functools.partial(cut, depth=chosen.depth)
    package = open_package(chosen.model)
    dials = package.dials
    steps, scales = chosen.steps or dials.steps, chosen.scales or (dials.text_scale, dials.image_scale)
    package = replace(package, dials=replace(dials, steps=steps, text_scale=scales[0], image_scale=scales[1]))
    engine = Engine.open(package, "cpu")
    rounds = [_round(engine, package, *each) for each in _cases(chosen.photos)]
    print(f"{package.name}, {package.dials}, {len(branches(*scales))} branches, cut at depth {chosen.depth}.\n")
    print("| setting | time | PSNR, median | PSNR, lowest |\n|---|---|---|---|")
    for index, setting in enumerate(SETTINGS):
        share = float(np.median([times[index] for _, times, _ in rounds]))
        levels = [levels[index] for *_, levels in rounds]
        print(f"| {setting.title} | {share:.0%} | {np.median(levels):.1f} dB | {min(levels):.1f} dB |", flush=True)
    print("\nFastest steps, by photo, in ms:")
    for kind in (StepKind(), StepKind(deep=False), StepKind(guided=False), StepKind(guided=False, deep=False)):
        times = " ".join(f"{1000 * best[kind]:.0f}" for best, *_ in rounds if kind in best)
        print(f"* {kind}: {times}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("resources/models/starter"))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--scales", type=float, nargs=2)
    parser.add_argument("--photos", type=int, default=len(PHOTOS))
    parser.add_argument("--depth", type=int, default=DEPTH, help="the cut for reuse, from the network's end")
    return parser.parse_args()


def _cases(count: int) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(PHOTOS[:count]):
        yield name, INSTRUCTIONS[index % len(INSTRUCTIONS)]


def _round(
    engine: Engine, package: ModelPackage, name: str, instruction: str
) -> tuple[dict[StepKind, float], list[float], list[float]]:
    """The fastest steps on one photo, and of every setting its time as a share of the first's, and the PSNR to that."""
    pixels = np.ascontiguousarray(photo(name, SIZE))
    made = [_edit(engine, package, pixels, instruction, setting) for setting in SETTINGS]
    best: dict[StepKind, float] = {}
    for one in made:
        for kind, seconds in zip(one.kinds, one.seconds, strict=True):
            best[kind] = min(seconds, best.get(kind, seconds))
    times = [sum(best[kind] for kind in one.kinds) for one in made]
    return best, [time / times[0] for time in times], [_psnr(one.image, made[0].image) for one in made]


def _edit(engine: Engine, package: ModelPackage, pixels: np.ndarray, instruction: str, setting: Setting) -> Made:
    dials = package.dials
    steps = max(1, round(dials.steps * setting.steps))
    request = EditRequest(
        pixels,
        instruction,
        steps,
        dials.text_scale,
        dials.image_scale,
        dials.sampler,
        dials.size,
        seeds=(setting.seed,),
        guidance_interval=setting.interval,
        reuse=setting.reuse,
    )
    image, at = pixels, [0.0]
    for event in engine.edit(request, CancelToken(), previews=False):
        if isinstance(event, Progress) and event.stage == "denoise":
            at = [time.perf_counter()] if event.step == 0 else [*at, time.perf_counter()]
        elif isinstance(event, Variant):
            image = event.image
    seconds = tuple(after - before for before, after in pairwise(at))
    return Made(image, kinds(steps, setting.interval, setting.reuse), seconds)


def _psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.square(one.astype(np.float64) - other).mean()
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


if __name__ == "__main__":
    main()
