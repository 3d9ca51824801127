"""Judges a model package as the program runs it: per kind of instruction, on photos and scenes it never saw.

python -m training judge resources/models/starter [--json FILE] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.engine import Engine
from inference.package import Dials, ModelPackage, open_package
from inference.types import CancelToken, EditRequest, Pixels, Variant
from inference.view import model_view
from training.starter import scores
from training.starter.grammar import held_out_phrasings, sample_instruction
from training.starter.instruction import Instruction
from training.starter.kinds import KINDS, FloatImage, Kind, present_colours, target
from training.starter.photos import PHOTOS, photo
from training.starter.scenes import ByteImage, scene_at

SCENE_SEED = 90001
"""A series of scenes apart from the one that the recipes train on."""


@dataclass(frozen=True)
class Score:
    """One edit judged. overlap only for recolouring; nearest is the kind that the result looks most like."""

    picture: str
    kind: str
    family: str
    phrase: str
    psnr: float
    untouched: float
    nearest: str
    right: bool
    overlap: float | None


@dataclass(frozen=True, eq=False)
class Judge:
    """Edits pictures with one package at fixed dials."""

    engine: Engine
    package: ModelPackage
    dials: Dials
    full_res: bool = True

    def edit(self, image: ByteImage, phrase: str, seed: int = 0) -> FloatImage:
        """float32 (H, W, 3) in [0, 1]: the variant of `seed`."""
        d = self.dials
        request = EditRequest(
            image, phrase, steps=d.steps, text_scale=d.text_scale, image_scale=d.image_scale, sampler=d.sampler,
            size=d.size, seeds=(seed,), full_res=self.full_res,
        )  # fmt: skip
        events = self.engine.edit(request, CancelToken(), previews=False)
        variant = next(event for event in events if isinstance(event, Variant))
        return as_float(variant.image)

    def score(self, name: str, image: ByteImage, instruction: Instruction, phrase: str) -> Score:
        """Judges one phrase on one picture."""
        source = as_float(image)
        kind = next(kind for kind in KINDS if kind.name == instruction.kind)
        exact, result = target(source, instruction), self.edit(image, phrase)
        nearest = scores.nearest(result, source, instruction, exact)
        part = scores.overlap(result, source, instruction.colour) if kind.family == "recolour" else None
        return Score(name, kind.name, kind.family, phrase, scores.psnr(result, exact), scores.psnr(source, exact),
                     nearest.kind, nearest == instruction, part)  # fmt: skip

    def autoencoder(self, image: ByteImage) -> float:
        """PSNR in dB of encoding and decoding the model's view of `image`."""
        view = model_view(image, self.dials.size, self.package.multiple)
        before = self.engine.reconstruct(image, self.dials.size)
        return scores.psnr(before, view.uncrop(view.pixels))


def as_float(image: Pixels) -> FloatImage:
    """uint8 pixels as float32 in [0, 1]."""
    return np.asarray(image / np.float32(255), np.float32)


def pictures(long_side: int, scenes: int) -> Iterator[tuple[str, ByteImage]]:
    """The photos, then `scenes` scenes of the held-out series."""
    for name in PHOTOS:
        yield Path(name).stem, photo(name, long_side)
    for index in range(scenes):
        yield f"scene {index}", scene_at(SCENE_SEED, index, min(long_side, 256))


def instructions_for(kind: Kind, image: ByteImage, rng: np.random.Generator) -> Instruction:
    """A fitting instruction of this kind: colours that the picture has, a random amount, place and shape."""
    colours = present_colours(as_float(image))
    while True:
        drawn = sample_instruction(rng, colours)
        if drawn.kind == kind.name:
            return drawn


def evaluate(judge: Judge, *, long_side: int, scenes: int, each: int, seed: int = 0) -> list[Score]:
    """Every kind on every picture with `each` held-out phrasings."""
    done: list[Score] = []
    for number, (name, image) in enumerate(pictures(long_side, scenes)):
        for index, kind in enumerate(KINDS):
            rng = np.random.default_rng((seed, number, index))
            for _ in range(each):
                instruction = instructions_for(kind, image, rng)
                phrases = held_out_phrasings(instruction)
                done.append(judge.score(name, image, instruction, phrases[int(rng.integers(len(phrases)))]))
        print(f"{name}: {_summary(done)}", file=sys.stderr, flush=True)
    return done


def _summary(done: list[Score]) -> str:
    return f"{np.mean([s.psnr for s in done]):.1f} dB, {np.mean([s.right for s in done]):.0%} right"


def table(done: list[Score]) -> str:
    """Markdown: a row per kind, then a row per family."""
    rows = [
        "| kind | family | to target, dB | untouched, dB | recognised | overlap | most taken for |",
        "|---" * 7 + "|",
    ]
    for name in dict.fromkeys(score.kind for score in done):
        rows.append(_row(name, [score for score in done if score.kind == name]))
    for family in dict.fromkeys(score.family for score in done):
        rows.append(_row(f"**all {family}**", [score for score in done if score.family == family]))
    rows.append(_row("**all**", done))
    return "\n".join(rows) + "\n"


def _row(name: str, done: list[Score]) -> str:
    wrong = [score.nearest for score in done if not score.right]
    taken = max(set(wrong), key=wrong.count) if wrong else ""
    parts = [score.overlap for score in done if score.overlap is not None]
    share = f"{np.mean(parts):.2f}" if parts else ""
    family = done[0].family if len({score.family for score in done}) == 1 else ""
    return (f"| {name} | {family} | {np.mean([s.psnr for s in done]):.1f} | {np.mean([s.untouched for s in done]):.1f} "
            f"| {np.mean([s.right for s in done]):.0%} | {share} | {taken} |")  # fmt: skip


def main(arguments: list[str]) -> int:
    """The command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m training judge", description="Judges a model package.")
    parser.add_argument("package", type=Path)
    parser.add_argument("--long-side", type=int, default=512, help="size of the photos in pixels")
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--each", type=int, default=2, help="held-out phrasings a kind and picture")
    parser.add_argument("--no-full-res", action="store_true")
    for dial, kind in (("steps", int), ("text_scale", float), ("image_scale", float), ("sampler", str), ("size", int)):
        parser.add_argument(f"--{dial.replace('_', '-')}", type=kind, default=None)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return _judge(parser.parse_args(arguments))


def _judge(chosen: argparse.Namespace) -> int:
    package = open_package(chosen.package)
    changes = {f.name: getattr(chosen, f.name) for f in dataclasses.fields(Dials)}
    dials = dataclasses.replace(package.dials, **{name: value for name, value in changes.items() if value is not None})
    judge = Judge(Engine.open(package, "cpu"), package, dials, not chosen.no_full_res)
    coded = [judge.autoencoder(photo(name, chosen.long_side)) for name in PHOTOS]
    done = evaluate(judge, long_side=chosen.long_side, scenes=chosen.scenes, each=chosen.each)
    text = f"autoencoder on photos at {dials.size} px: {np.mean(coded):.1f} dB; {dials}\n\n{table(done)}"
    print(text)
    if chosen.markdown:
        chosen.markdown.write_text(text)
    if chosen.json:
        scored = [dataclasses.asdict(score) for score in done]
        report = {"model": package.sha256, "dials": dataclasses.asdict(dials), "autoencoder": coded, "scores": scored}
        chosen.json.write_text(json.dumps(report, indent=1))
    return 0
