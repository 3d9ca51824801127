"""Savings on their way: dials, settings, request, recipe, and back from a file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from editor.edits.recipe import recipe_from, settings_from
from editor.edits.savings import EXACT, SAVINGS, described, saving_of
from editor.edits.session import EditSession
from editor.edits.stored import restored, stored

INTERVAL = (0.1, 0.8)


@pytest.fixture
def made(bench: Any) -> Any:
    """The first variant of an edit with savings."""
    bench.session.guidance_interval, bench.session.reuse = INTERVAL, 2
    bench.generation.start()
    return bench.session.variants[0]


def test_the_engine_is_asked_for_them(bench: Any, made: Any) -> None:
    (request,) = bench.engine.requests
    assert (request.guidance_interval, request.reuse) == (INTERVAL, 2)


def test_the_recipe_keeps_them_through_json(made: Any) -> None:
    again = recipe_from(json.loads(json.dumps(made.recipe.as_json())))
    assert again == made.recipe
    assert again is not None and settings_from(again) == made.settings
    assert made.recipe.as_json() == json.loads(json.dumps(made.recipe.as_json()))


def test_a_recipe_from_before_means_every_step_in_full(made: Any) -> None:
    values = {
        name: value for name, value in made.recipe.as_json().items() if name not in ("guidance_interval", "reuse")
    }
    old = recipe_from(values)
    assert old is not None
    assert (old.guidance_interval, old.reuse) == ((0.0, 1.0), 1)


@pytest.mark.parametrize(
    "values",
    [
        {"reuse": 0},
        {"reuse": True},
        {"reuse": 2.0},
        {"reuse": "2"},
        {"guidance_interval": [0.5]},
        {"guidance_interval": [0.8, 0.1]},
        {"guidance_interval": [0, 1, 2]},
        {"guidance_interval": [-0.1, 1]},
        {"guidance_interval": [0, float("nan")]},
        {"guidance_interval": ["0", "1"]},
        {"guidance_interval": "01"},
        {"guidance_interval": None},
    ],
)
def test_damaged_values_make_no_recipe(made: Any, values: dict[str, object]) -> None:
    assert recipe_from({**made.recipe.as_json(), **values}) is None


def test_whole_numbers_from_a_file_are_shares_too(made: Any) -> None:
    again = recipe_from({**made.recipe.as_json(), "guidance_interval": [0, 1]})
    assert again is not None and again.guidance_interval == (0.0, 1.0)


def test_edit_again_and_copied_settings_turn_the_dials(bench: Any, made: Any) -> None:
    bench.session.reset()
    assert (bench.session.guidance_interval, bench.session.reuse) == (EXACT.interval, EXACT.reuse)
    bench.generation.copy_settings(made.id)
    assert (bench.session.guidance_interval, bench.session.reuse) == (INTERVAL, 2)
    bench.session.reset()
    bench.generation.keep([made.id])
    bench.generation.edit_again(bench.open.document.active)
    assert (bench.session.guidance_interval, bench.session.reuse) == (INTERVAL, 2)


def test_a_kept_layer_is_run_again_with_them(bench: Any, made: Any) -> None:
    bench.generation.keep([made.id])
    bench.session.reset()
    bench.generation.again(bench.open.document.active)
    assert (bench.engine.requests[-1].guidance_interval, bench.engine.requests[-1].reuse) == (INTERVAL, 2)


def test_variants_in_a_file_remember_them(bench: Any, made: Any) -> None:
    (again,) = restored(stored([made]), bench.open.document)
    assert (again.settings.guidance_interval, again.settings.reuse) == (INTERVAL, 2)


def test_what_they_are_called() -> None:
    assert [saving_of(saving.interval, saving.reuse) for saving in SAVINGS] == list(SAVINGS)
    assert saving_of(INTERVAL, 2) is None
    assert described((0.0, 1.0), 1) == "Exact"
    assert described(INTERVAL, 2) == "guided from 10 to 80 %, 1 step in 2 in full"
    assert described((0.0, 1.0), 7) == "1 step in 7 in full"
    assert described(INTERVAL, 1) == "guided from 10 to 80 %"


def test_a_new_session_is_exact() -> None:
    session = EditSession()
    assert saving_of(session.settings.guidance_interval, session.settings.reuse) is EXACT
