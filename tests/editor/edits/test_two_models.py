"""Two models over the same pixels: their order of work, their places in the strip, their recipes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editor.core.document import Document
from editor.core.formats.opening import open_document
from editor.core.formats.saving import save_ora
from editor.core.history import History
from editor.edits.generate import Generation
from editor.edits.open_document import OpenDocument
from editor.edits.plan import Plan, legs
from editor.edits.recipe import recipe_of
from editor.edits.region import Region
from editor.edits.runner import EditHandle, EditListener
from editor.edits.session import EditSession
from editor.edits.settings import MODEL_DIALS, EditSettings, ModelFacts, for_model
from editor.edits.stored import restored, stored
from editor.edits.values import VariantItem, in_order, model_labels, short_name
from editor.jobs.edit_runner import InlineEditRunner
from inference.errors import EngineDied, PackageError
from inference.types import EditRequest

TINY = ModelFacts("tiny", "ab" * 32, "float16", 2, 7.5, 1.5, "euler", 64, (), "onnxruntime 1")
OTHER = ModelFacts("other", "cd" * 32, "float32", 3, 2.0, 1.2, "ddim", 96, (), "onnxruntime 1")
FACTS = {facts.name: facts for facts in (TINY, OTHER)}


def find(name: str) -> ModelFacts:
    if name not in FACTS:
        raise PackageError(f"There is no model named {name}.")
    return FACTS[name]


class Recording(InlineEditRunner):
    """Which model was asked, in turn."""

    def __init__(self, engine: Any, paced: bool = False) -> None:
        super().__init__(engine, paced=paced)
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def start(self, package_name: str, request: EditRequest, listener: EditListener) -> EditHandle:
        self.asked.append((package_name, request.seeds))
        return super().start(package_name, request, listener)


class Both:
    """One document, edited by two models."""

    def __init__(self, document: Document, engine: Any, paced: bool = False) -> None:
        self.engine = engine
        self.session = EditSession(TINY)
        self.session.instruction, self.session.count, self.session.also = "make it snow", 2, OTHER
        self.session.seed, self.session.seed_locked = 5, True
        self.open = OpenDocument(History(document), Path("a.png"), edit=self.session)
        self.runner = Recording(engine, paced)
        self.generation = Generation(self.session, self.open, self.runner, find=find)

    @property
    def strip(self) -> list[tuple[str, int]]:
        return [(item.settings.model, item.seed) for item in self.session.variants]


@pytest.fixture
def both(document: Document, engine: Any) -> Both:
    return Both(document, engine)


def test_each_seed_stands_beside_itself_and_each_model_works_once(both: Both) -> None:
    both.generation.start()
    assert both.strip == [("tiny", 5), ("other", 5), ("tiny", 6), ("other", 6)]
    assert both.runner.asked == [("tiny", (5, 6)), ("other", (5, 6))]
    assert all(item.done for item in both.session.variants) and both.session.running is None
    assert len({item.run for item in both.session.variants}) == 1
    assert [item.index for item in both.session.variants] == [0, 1, 2, 3]


def test_the_model_that_is_loaded_begins(both: Both) -> None:
    both.generation.start()
    both.generation.start()
    assert [model for model, _ in both.runner.asked] == ["tiny", "other", "other", "tiny"]
    assert both.strip[4:] == [("tiny", 5), ("other", 5), ("tiny", 6), ("other", 6)]
    both.runner.status().state = "resting"
    both.generation.start()
    assert both.runner.asked[-2][0] == "tiny"


def test_both_models_see_the_same_pixels_with_their_own_dials(both: Both) -> None:
    both.session.text_scale = 9.0
    both.generation.start()
    first, second = both.engine.requests
    assert np.array_equal(first.image, second.image) and first.seeds == second.seeds
    assert (first.steps, first.text_scale, first.image_scale, first.sampler, first.size) == (2, 9.0, 1.5, "euler", 64)
    assert (second.steps, second.text_scale, second.image_scale) == (3, 9.0, 1.2)
    assert (second.sampler, second.size, second.instruction) == ("ddim", 96, "make it snow")


def test_every_recipe_names_its_own_model(both: Both) -> None:
    both.generation.start()
    recipes = [item.recipe for item in both.session.variants]
    assert [(recipe.model, recipe.model_sha256[:2], recipe.precision) for recipe in recipes if recipe is not None] == [
        ("tiny", "ab", "float16"),
        ("other", "cd", "float32"),
    ] * 2
    both.generation.keep([both.session.variants[1].id])
    kept = recipe_of(both.open.document.layers[-1])
    assert kept is not None and (kept.model, kept.model_sha256) == ("other", OTHER.sha256)


def test_a_model_chosen_meanwhile_does_not_change_recipes(document: Document, engine: Any) -> None:
    both = Both(document, engine, paced=True)
    both.session.also = None
    both.generation.start()
    both.runner.step()
    both.session.use(OTHER)
    while both.runner.step():
        pass
    recipe = both.session.variants[0].recipe
    assert recipe is not None and (recipe.model, recipe.model_sha256) == ("tiny", TINY.sha256)


def test_the_bar_is_told_who_works(document: Document, engine: Any) -> None:
    both = Both(document, engine, paced=True)
    told: list[tuple[str, int, str]] = []

    def note() -> None:
        running = both.session.running
        if running is not None:
            told.append((running.model, running.variant, running.stage))

    both.session.on("running", note)
    both.generation.start()
    while both.runner.step():
        pass
    assert told[0] == ("tiny", 0, "prepare")
    assert ("other", 2, "load") in told
    assert [variant for _, variant, _ in told] == sorted(variant for _, variant, _ in told)
    assert {(model, variant) for model, variant, _ in told} == {("tiny", 0), ("tiny", 1), ("other", 2), ("other", 3)}
    assert both.session.running is None


def test_cancelled_in_the_second_turn_leaves_the_first(document: Document, engine: Any) -> None:
    both = Both(document, engine, paced=True)
    both.generation.start()
    while len(both.session.done) < 2:
        both.runner.step()
    while len(both.runner.asked) < 2:
        both.runner.step()
    both.runner.step()
    both.generation.cancel()
    while both.runner.step():
        pass
    assert both.strip == [("tiny", 5), ("tiny", 6)] and not both.generation.running
    assert both.session.message is not None and both.session.message.text == "Cancelled; 2 of 4 variants are ready."


def test_cancelled_in_the_first_turn_there_is_no_second(document: Document, engine: Any) -> None:
    both = Both(document, engine, paced=True)
    both.generation.start()
    both.runner.step()
    both.generation.cancel()
    while both.runner.step():
        pass
    assert both.session.variants == () and not both.generation.running
    assert [model for model, _ in both.runner.asked] == ["tiny"]


def test_what_a_dead_engine_left_is_made_on_a_restart(both: Both) -> None:
    fails = iter([None, EngineDied("The engine's process ended.")])
    start = both.runner.start

    def failing(package_name: str, request: EditRequest, listener: EditListener) -> EditHandle:
        both.engine.fail, both.engine.fail_at = next(fails, None), 1
        return start(package_name, request, listener)

    both.runner.start = failing  # type: ignore[method-assign]
    both.generation.start()
    assert [(item.settings.model, item.seed, item.state) for item in both.session.variants] == [
        ("tiny", 5, "done"),
        ("other", 5, "done"),
        ("tiny", 6, "done"),
        ("other", 6, "failed"),
    ]
    both.generation.restart()
    assert both.runner.asked[-1] == ("other", (6,))
    assert sorted(both.strip) == sorted([("tiny", 5), ("other", 5), ("tiny", 6), ("other", 6)])


def test_a_closed_document_hears_nothing_more(document: Document, engine: Any) -> None:
    both = Both(document, engine, paced=True)
    both.generation.start()
    both.runner.step()
    both.generation.close()
    before = both.session.variants
    while both.runner.step():
        pass
    assert both.session.variants is before and [model for model, _ in both.runner.asked] == ["tiny"]


def test_again_with_another_model_stands_beside_and_is_compared(both: Both) -> None:
    both.session.also = None
    both.generation.start()
    first = both.session.variants[0]
    both.generation.again_with(first.id, OTHER, TINY)
    assert both.strip == [("tiny", 5), ("other", 5), ("tiny", 6)]
    new = both.session.variants[1]
    assert both.session.chosen == (new.id, first.id)
    assert new.recipe is not None and first.recipe is not None
    assert (new.recipe.source, new.recipe.mask, new.recipe.seed) == (first.recipe.source, "", 5)
    assert np.array_equal(both.engine.requests[0].image, both.engine.requests[1].image)
    both.generation.again_with(new.id, TINY, OTHER)
    assert both.strip == [("tiny", 5), ("other", 5), ("tiny", 5), ("tiny", 6)]
    again = both.session.variants[2]
    assert again.settings == first.settings and first.pixels is not None
    assert np.array_equal(again.pixels, first.pixels)
    assert in_order(reversed(both.session.variants)) == both.session.variants


def test_again_with_another_model_is_of_the_same_pixels_after_a_change(both: Both) -> None:
    both.session.also = None
    both.generation.start()
    first = both.session.variants[0]
    both.generation.keep([first.id])
    both.generation.again_with(first.id, OTHER, None)
    new = both.session.variants[1]
    assert new.recipe is not None and first.recipe is not None and new.recipe.source == first.recipe.source
    assert new.settings == replace(first.settings, model="other")


def test_places_and_models_come_back_with_the_file(both: Both, tmp_path: Path) -> None:
    both.session.also = None
    both.generation.start()
    both.generation.again_with(both.session.variants[0].id, OTHER, TINY)
    save_ora(tmp_path / "a.ora", both.open.document, variants=stored(both.session.variants))
    opened = open_document(tmp_path / "a.ora")
    items = restored(opened.variants, opened.document)
    assert [(item.settings.model, item.seed, item.place) for item in items] == [
        ("tiny", 5, (1, 0)),
        ("other", 5, (1, 0)),
        ("tiny", 6, (1, 1)),
    ]
    assert [item.recipe.model_sha256 for item in items if item.recipe] == [
        TINY.sha256,
        OTHER.sha256,
        TINY.sha256,
    ]


def test_a_model_that_cannot_be_looked_up_still_edits(both: Both) -> None:
    both.session.also = None
    both.session.model = "unknown"
    both.generation.start()
    recipe = both.session.variants[0].recipe
    assert recipe is not None and (recipe.model, recipe.model_sha256) == ("unknown", "")


DIALS = EditSettings("x", 2, 7.5, 1.5, "euler", 64, "tiny", reuse=3)


@given(turned=st.sets(st.sampled_from(MODEL_DIALS)))
def test_a_dial_that_was_turned_stays_and_the_others_follow_the_model(turned: set[str]) -> None:
    values = {"steps": 50, "text_scale": 3.25, "image_scale": 2.5, "sampler": "dpmpp_2m", "size": 256}
    settings = replace(DIALS, **{name: values[name] for name in turned})
    moved = for_model(settings, TINY, OTHER)
    for name in MODEL_DIALS:
        assert getattr(moved, name) == (values[name] if name in turned else getattr(OTHER, name))
    assert (moved.model, moved.instruction, moved.reuse) == ("other", "x", 3)


def test_the_dials_of_an_unknown_model_stay() -> None:
    assert for_model(DIALS, None, OTHER) == replace(DIALS, model="other")


def test_going_back_restores_every_dial(both: Both) -> None:
    session = both.session
    session.text_scale, session.steps, session.reuse = 2.0, 40, 2
    before = session.settings
    session.use(OTHER)
    assert session.also is None
    assert (session.model, session.text_scale, session.steps, session.sampler) == ("other", 2.0, 40, "ddim")
    session.instruction = "make it night"
    session.go_back(TINY)
    assert session.settings == replace(before, instruction="make it night") and session.facts is TINY
    session.go_back(OTHER)
    assert session.model == "other" and session.sampler == "ddim"
    session.go_back(replace(TINY, name="third"))
    assert session.model == "third"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=12, unique=True))
def test_every_wish_is_in_exactly_one_turn(wishes: list[tuple[str, int]]) -> None:
    wanted = tuple((replace(DIALS, model=model), seed) for model, seed in wishes)
    turns = legs(Plan(Document(1, 1), Region(Document(1, 1).rect), wanted), "b")
    assert sorted(place for leg in turns for place in leg.places) == list(range(len(wishes)))
    assert all(
        wanted[at] == (leg.settings, seed) for leg in turns for at, seed in zip(leg.places, leg.seeds, strict=True)
    )
    models = [leg.settings.model for leg in turns]
    assert len(set(models)) == len(models) and ("b" not in models or models[0] == "b")


@given(st.text(min_size=0, max_size=60), st.integers(5, 30))
def test_a_short_name_keeps_both_ends(name: str, length: int) -> None:
    short = short_name(name, length)
    assert len(short) <= length
    assert short == name or (short[0] == name[0] and short[-1] == name[-1])


@given(st.lists(st.text("ab-", min_size=1, max_size=8), max_size=6))
def test_labels_tell_models_apart(endings: list[str]) -> None:
    names = [f"starter{ending}" for ending in endings] + ["starter"]
    document = Document(1, 1)
    items = [
        VariantItem(f"{at}", at, 0, replace(DIALS, model=name), Region(document.rect), document)
        for at, name in enumerate(names)
    ]
    labels = model_labels(items)
    assert set(labels) == (set(names) if len(set(names)) > 1 else set())
    assert not labels or labels["starter"] == "starter"
    plain = {name for name in labels if name.removeprefix("starter").strip("-")}
    assert all(labels[name] == "…" + name.removeprefix("starter").lstrip("-") for name in plain)
