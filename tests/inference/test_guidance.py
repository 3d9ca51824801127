from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.errors import RequestError
from inference.guidance import Branch, branches
from tests.inference.reference import guide

SCALES = st.floats(0, 30)


def kinds(text_scale: float, image_scale: float) -> list[tuple[bool, bool]]:
    return [(branch.text, branch.image) for branch in branches(text_scale, image_scale)]


BOTH, IMAGE, NEITHER = (True, True), (False, True), (False, False)


@pytest.mark.parametrize(
    ("text_scale", "image_scale", "expected"),
    [
        (7.5, 1.5, [BOTH, IMAGE, NEITHER]),
        (7.5, 0.5, [BOTH, IMAGE, NEITHER]),
        (0.5, 1.5, [BOTH, IMAGE, NEITHER]),
        (7.5, 0, [BOTH, IMAGE, NEITHER]),
        (1, 0, [BOTH, IMAGE, NEITHER]),
        (7.5, 1, [BOTH, IMAGE]),
        (1.5, 1.5, [BOTH, NEITHER]),
        (0.25, 0.25, [BOTH, NEITHER]),
        (0, 1.5, [IMAGE, NEITHER]),
        (1, 1, [BOTH]),
        (0, 1, [IMAGE]),
        (0, 0, [NEITHER]),
    ],
)
def test_only_branches_that_count_are_asked_in_order(
    text_scale: float, image_scale: float, expected: list[tuple[bool, bool]]
) -> None:
    assert kinds(text_scale, image_scale) == expected


@settings(deadline=None)
@given(SCALES, SCALES, st.integers(0, 2**32 - 1))
@example(7.5, 0.5, 0)  # diffusers drops all guidance for an image scale below 1
@example(1.0, 1.5, 0)  # and for a text scale of at most 1
@example(1.0, 1.0, 0)
@example(1.5, 1.5, 0)
@example(0.0, 0.0, 0)
@example(0.0, 1.0, 0)
@example(0.0, 5.0, 0)
def test_every_value_means_what_the_formula_says(text_scale: float, image_scale: float, seed: int) -> None:
    answers = dict(
        zip((BOTH, IMAGE, NEITHER), np.random.RandomState(seed).standard_normal((3, 4, 2, 3)).astype("f4"), strict=True)
    )
    both, image, neither = (answers[kind].astype(np.float64) for kind in (BOTH, IMAGE, NEITHER))
    formula = neither + image_scale * (image - neither) + text_scale * (both - image)
    used = branches(text_scale, image_scale)
    guided = guide(np.stack([answers[branch.text, branch.image] for branch in used]), used)
    np.testing.assert_allclose(guided, formula, rtol=1e-6, atol=1e-5)


@given(SCALES, SCALES)
def test_weights_add_up_to_one(text_scale: float, image_scale: float) -> None:
    assert sum(branch.weight for branch in branches(text_scale, image_scale)) == pytest.approx(1)


def test_one_branch_is_passed_on_bit_for_bit() -> None:
    answer = np.random.RandomState(0).standard_normal((1, 4, 5, 5)).astype("f4")
    np.testing.assert_array_equal(guide(answer, branches(1, 1)), answer[0])


def test_as_many_answers_as_branches() -> None:
    with pytest.raises(ValueError, match="longer"):
        guide(np.zeros((3, 4, 1, 1), np.float32), (Branch(1, text=True, image=True),))


@pytest.mark.parametrize("scales", [(-1, 1), (1, -0.1), (math.nan, 1), (1, math.inf)])
def test_other_scales_are_refused(scales: tuple[float, float]) -> None:
    with pytest.raises(RequestError, match="0 or more"):
        branches(*scales)
