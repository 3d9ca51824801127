"""Which samples lose text and picture; defects of released scripts: never dropping, dropping alike on every rank."""

from __future__ import annotations

import numpy as np
import pytest

from training.conditioning import dropped
from training.draws import draws, sample_indices
from training.recipe import TrainingRecipe
from training.recipes import RECIPES

U = 0.05


def test_dropout_is_the_formula_of_the_method() -> None:
    text, picture = dropped(np.array([0, U - 1e-9, U, 2 * U - 1e-9, 2 * U, 3 * U - 1e-9, 3 * U, 1 - 1e-9]), U)
    assert text.tolist() == [True, True, True, True, False, False, False, False]
    assert picture.tolist() == [False, False, True, True, True, True, False, False]


def test_each_kind_of_dropping_has_its_share() -> None:
    text, picture = dropped(draws(0, np.arange(40_000)).dropout, U)
    for share in ((text & ~picture).mean(), (text & picture).mean(), (~text & picture).mean()):
        assert share == pytest.approx(U, abs=0.004)
    assert (~text & ~picture).mean() == pytest.approx(1 - 3 * U, abs=0.008)


def test_ranks_drop_other_samples() -> None:
    masks = [dropped(draws(0, sample_indices(0, 0, rank, 2, 1, 200)).dropout, U) for rank in (0, 1)]
    assert not np.array_equal(masks[0][0], masks[1][0]) and not np.array_equal(masks[0][1], masks[1][1])


def test_dropout_is_on_unless_it_is_switched_off() -> None:
    assert TrainingRecipe("", "").dropout == U and all(recipe.dropout == U for recipe in RECIPES.values())
    assert not np.any(dropped(np.linspace(0, 0.99, 100), 0.0))
