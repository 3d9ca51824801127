"""Instructions whose right answer can be computed: what the bundled model learnt is known for every photo. No PyTorch.

A model knows them where its manifest lists them. They serve twice: against forgetting, as examples on the user's own
photos, and to find out what was forgotten.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np

from training.items import Pictures
from training.pairs.pair import Rgb
from training.starter.grammar import all_instructions, phrasings, suggestions
from training.starter.instruction import Instruction
from training.starter.kinds import target

LONG_SIDE = 512
"""Computed pictures are at most so long, in pixels: some answers take seconds at a camera's size."""


def known_answers(known: Sequence[str]) -> dict[str, Instruction]:
    """Those of the instructions `known` that have a computable answer, in their order."""
    answers = _short_forms()
    return {phrase: answers[phrase] for phrase in known if phrase in answers}


def answered(source: Rgb, instruction: Instruction) -> Pictures:
    """The picture, brought to `LONG_SIDE`, and the right answer on it."""
    small = _within(source, LONG_SIDE)
    exact = target(np.asarray(small / np.float32(255), np.float32), instruction)
    return Pictures(small, np.asarray(np.rint(exact * 255), np.uint8))


def _within(picture: Rgb, long_side: int) -> Rgb:
    scale = long_side / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


@functools.cache
def _short_forms() -> dict[str, Instruction]:
    """Every sentence of the manifest's list: the first phrasing of one instruction of each kind."""
    wanted = set(suggestions())
    return {short: one for one in all_instructions() if (short := phrasings(one)[0]) in wanted}
