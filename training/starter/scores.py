"""How good one edit is: distance to the exact target, the nearest kind, the overlap of a recolouring."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from training.starter.grammar import all_instructions
from training.starter.instruction import Instruction
from training.starter.kinds import KINDS, FloatImage, colour_mask, target

CEILING = 99.0
"""PSNR in dB that stands for "no difference at all"."""
CHANGED = 10 / 255
"""A pixel counts as recoloured where a channel moved by more than this."""
_COMPARE_SIDE = 96


def psnr(a: FloatImage, b: FloatImage) -> float:
    """Peak signal-to-noise ratio in dB of two pictures in [0, 1], at most `CEILING`."""
    error = float(np.mean(np.square(a.astype(np.float64) - b)))
    return CEILING if error == 0 else min(CEILING, -10 * math.log10(error))


def rivals(instruction: Instruction) -> list[Instruction]:
    """The answers that an edit might be taken for: one of every other kind, and the same kind with other words.

    Amounts are no rivals of each other: "slightly darker" done strongly is the right kind in the wrong measure.
    """
    plain = dataclasses.replace(instruction, amount="")
    others = {one.kind: one for one in all_instructions() if one.kind != instruction.kind and not one.amount}
    same = [one for one in all_instructions() if one.kind == plain.kind and not one.amount and _close(one, plain)]
    return [*others.values(), *same]


def _close(one: Instruction, other: Instruction) -> bool:
    """Differs in one slot at most; further ones are never nearer."""
    slots = ("colour", "to_colour", "shape", "place")
    return one != other and sum(getattr(one, slot) != getattr(other, slot) for slot in slots) == 1


def nearest(result: FloatImage, source: FloatImage, instruction: Instruction, exact: FloatImage) -> Instruction:
    """The instruction whose target on `source` is nearest to `result` in RGB; equal targets count as right."""
    best, winner = _distance(result, exact), instruction
    for rival in rivals(instruction):
        answer = target(source, rival)
        if not np.allclose(answer, exact, atol=1 / 255) and (away := _distance(result, answer)) < best:
            best, winner = away, rival
    return winner


def _distance(a: FloatImage, b: FloatImage) -> float:
    return float(np.mean(np.square(a - b)))


def overlap(result: FloatImage, source: FloatImage, colour: str) -> float:
    """Intersection over union of the pixels that changed and the exact mask of `colour`; 1 where both are empty."""
    changed: NDArray[np.bool_] = np.abs(result - source).max(axis=2) > CHANGED
    exact = colour_mask(source, colour) > 0.5
    union = int((changed | exact).sum())
    return 1.0 if union == 0 else int((changed & exact).sum()) / union


def kinds_of(families: tuple[str, ...]) -> list[str]:
    """Names of the kinds of these families, in listing order."""
    return [kind.name for kind in KINDS if kind.family in families]
