"""Scores: exact answers score as exact, and a wrong edit is recognised as what it is."""

from __future__ import annotations

import numpy as np
import pytest

from training.starter import scores
from training.starter.instruction import Instruction
from training.starter.kinds import KINDS, target
from training.starter.photos import PHOTOS, photo


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    return photo("chelsea.png", 64).astype(np.float32) / 255


def test_psnr_follows_its_formula() -> None:
    a = np.zeros((4, 4, 3), np.float32)
    assert scores.psnr(a, a + np.float32(0.1)) == pytest.approx(20.0, abs=1e-4)
    assert scores.psnr(a, a) == scores.CEILING


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if not kind.slots and not kind.random])
def test_the_exact_answer_is_recognised(kind: str, cat: np.ndarray) -> None:
    exact = target(cat, Instruction(kind))
    assert scores.nearest(exact, cat, Instruction(kind), exact) == Instruction(kind)


def test_a_wrong_edit_is_taken_for_what_it_is(cat: np.ndarray) -> None:
    asked, done = Instruction("night"), Instruction("invert")
    assert scores.nearest(target(cat, done), cat, asked, target(cat, asked)).kind == "invert"


def test_a_wrong_colour_is_a_wrong_answer(cat: np.ndarray) -> None:
    asked, done = Instruction("tint", colour="red"), Instruction("tint", colour="green")
    assert scores.nearest(target(cat, done), cat, asked, target(cat, asked)) == done


def test_overlap_of_the_exact_recolouring_is_nearly_one() -> None:
    source = np.full((20, 20, 3), 0.5, np.float32)
    source[5:15, 5:15] = (0.9, 0.1, 0.1)
    result = target(source, Instruction("recolour", colour="red", to_colour="blue"))
    assert scores.overlap(result, source, "red") > 0.95
    assert scores.overlap(source, source, "red") == 0.0
    assert scores.overlap(source, source, "green") == 1.0


def test_every_photo_of_the_list_is_in_the_wheel() -> None:
    assert all(max(photo(name, 50).shape[:2]) == 50 for name in PHOTOS)
