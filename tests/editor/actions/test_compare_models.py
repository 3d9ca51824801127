from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from editor.edits.settings import ModelFacts
from inference.errors import PackageError


@pytest.fixture
def two(world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The photographer likes more steps than the starter."""
    plain = world.models.facts

    def facts(name: str) -> ModelFacts:
        found = plain(name)
        return replace(found, sha256="cd" * 32, steps=5) if name == "photographer" else found

    monkeypatch.setattr(world.models, "facts", facts)
    world.add()
    return world


def models(world: Any) -> list[tuple[str, int]]:
    return [(item.settings.model, item.seed) for item in world.session.variants]


def test_a_variant_is_made_again_by_another_model(two: Any) -> None:
    assert not two.enabled("variant.other_model")
    two.generate()
    two.run("variant.other_model", "photographer")
    assert models(two) == [("starter", 3), ("photographer", 3), ("starter", 4)]
    made = two.session.variants[1]
    assert made.settings.steps == 5 and len(two.session.picked) == 2
    assert two.session.shown is made and two.session.model == "starter"
    two.run("variant.other_model")
    assert models(two)[:3] == [("starter", 3), ("photographer", 3), ("starter", 3)]
    assert two.session.variants[2].settings.steps == 2


def test_a_model_that_is_gone_is_said(two: Any) -> None:
    two.generate()
    two.run("variant.other_model", "nobody")
    assert "no model named nobody" in two.message and len(two.session.variants) == 2


def test_with_one_model_there_is_no_other(two: Any) -> None:
    two.generate()
    two.models.names = ("starter",)
    assert not two.enabled("variant.other_model")


def test_the_chosen_model_is_tried_first_then_the_second_one(two: Any) -> None:
    two.generate()
    two.models.names = ("another", "starter", "photographer")
    two.run("model.also", "photographer")
    two.run("variant.other_model")
    assert two.session.variants[1].settings.model == "photographer"
    two.run("variant.other_model")
    assert two.session.variants[2].settings.model == "starter"


def test_a_discarded_variant_comes_back_to_its_place(two: Any) -> None:
    two.generate()
    two.run("variant.other_model", "photographer")
    before = [item.id for item in two.session.variants]
    two.session.choose(before[1])
    two.run("variant.discard")
    two.run("variant.restore")
    assert [item.id for item in two.session.variants] == before


def test_two_models_at_once(two: Any) -> None:
    two.run("model.also", "photographer")
    two.generate()
    assert models(two) == [("starter", 3), ("photographer", 3), ("starter", 4), ("photographer", 4)]
    two.run("model.also", "")
    assert two.session.also is None
    two.run("model.also", "starter")
    assert two.session.also is None
    two.run("model.also", "nobody")
    assert two.session.also is None and "no model named nobody" in two.message


def test_one_click_goes_back_with_every_dial_as_it_stood(two: Any) -> None:
    assert not two.enabled("model.back")
    two.session.text_scale, two.session.seed, two.session.seed_locked = 3.0, 9, True
    before = two.session.settings
    two.run("model.choose", "photographer")
    assert "photographer" in two.message and two.buttons == ["model.back"]
    assert two.session.message.buttons[0][0] == "Back to starter"
    assert (two.session.steps, two.session.text_scale, two.session.seed_locked) == (5, 3.0, True)
    two.session.steps = 50
    two.run("model.back")
    assert two.session.settings == before and two.models.chosen == "starter" == two.desk.settings.model
    assert two.buttons == ["model.back"]
    two.run("model.back")
    assert two.session.model == "photographer" and two.session.steps == 50


def test_going_back_goes_for_every_document(two: Any) -> None:
    two.run("model.choose", "photographer")
    two.add()
    two.run("model.choose", "starter")
    two.run("model.choose", "photographer")
    two.run("model.back")
    assert [opened.edit.model for opened in two.desk.documents] == ["starter", "starter"]


def test_choosing_the_same_model_again_says_nothing(two: Any) -> None:
    two.run("model.choose", "starter")
    assert two.message == "" and not two.enabled("model.back")


def test_there_is_no_way_back_to_a_model_that_is_gone(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    two.run("model.choose", "photographer")
    monkeypatch.setattr(two.models, "choose", lambda name: (_ for _ in ()).throw(PackageError("It is damaged.")))
    two.run("model.back")
    assert two.message == "It is damaged." and two.session.model == "photographer"
    two.models.names = ("photographer",)
    assert not two.enabled("model.back")
