"""Using for training what was made here: asked for each time, refused with a reason, and never otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from editor.actions import action_named
from editor.core.changes import SetProperty
from editor.core.compositor import composite
from editor.core.layer import RasterLayer
from editor.edits.values import Message

IDS = ("variant.use_for_training", "layer.use_for_training", "history.use_for_training")


def why(world: Any, id: str) -> str:
    return action_named(id).why(world.desk)


def test_without_a_document_all_are_grey_and_say_why(world: Any) -> None:
    assert not any(world.enabled(id) for id in IDS) and all(why(world, id) for id in IDS)


def test_working_collects_nothing_until_somebody_asks(world: Any, make_layer: Any) -> None:
    world.add()
    world.generate(2)
    world.run("variant.keep")
    world.run("edit.undo")
    world.run("edit.redo")
    world.run("variant.discard_all")
    world.run("layer.new")
    world.run("layer.delete")
    assert world.pairs.taken == [] and world.dialogs.asked == []


def test_a_variant_is_taken_with_its_instruction(world: Any) -> None:
    world.add()
    assert not world.enabled("variant.use_for_training") and "strip" in why(world, "variant.use_for_training")
    before = world.look()
    world.generate(2)
    world.run("variant.use_for_training")
    (pair,) = world.pairs.taken
    assert (pair.instruction, world.dialogs.asked, world.message) == ("make it snow", [], "1 taken")
    assert world.buttons == ["model.train"]
    assert np.array_equal(pair.source, before[..., :3])
    assert np.array_equal(pair.target, world.session.shown.pixels[..., :3])
    assert world.steps == 1 and world.desk.tasks == ()


def test_every_chosen_variant_is_a_pair_and_the_others_are_not(world: Any) -> None:
    world.add()
    world.generate(3)
    first, _, third = world.session.done
    world.session.chosen = (third.id, first.id)
    world.run("variant.use_for_training")
    assert [pair.origin["variant"] for pair in world.pairs.taken] == [third.id, first.id]
    assert len({pair.group for pair in world.pairs.taken}) == 1


def test_an_edit_layer_needs_no_question(world: Any) -> None:
    world.add()
    before = world.look()
    world.generate(1)
    world.run("variant.keep")
    world.run("layer.use_for_training")
    (pair,) = world.pairs.taken
    assert (pair.instruction, pair.origin["model"], world.dialogs.asked) == ("make it snow", "starter", [])
    assert np.array_equal(pair.source, before[..., :3]) and np.array_equal(pair.target, world.look()[..., :3])


def test_any_other_layer_asks_for_the_instruction(world: Any, make_layer: Any) -> None:
    world.add(make_layer("photo"), make_layer("make it blue", (0, 0, 255, 255)))
    world.dialogs.texts = ["  paint it blue ", None]
    world.run("layer.use_for_training")
    assert world.dialogs.suggestions == ["make it blue"]
    assert [pair.instruction for pair in world.pairs.taken] == ["paint it blue"]
    world.run("layer.use_for_training")
    assert len(world.pairs.taken) == 1, "they thought better of it"


def test_layers_that_cannot_be_used_are_grey_and_say_why(world: Any, make_layer: Any) -> None:
    world.add(make_layer("photo"), RasterLayer(name="empty"), make_layer("spot"))
    assert world.enabled("layer.use_for_training") and why(world, "layer.use_for_training") == ""
    world.activate("photo")
    assert not world.enabled("layer.use_for_training") and "below" in why(world, "layer.use_for_training")
    world.activate("empty")
    assert not world.enabled("layer.use_for_training") and "empty" in why(world, "layer.use_for_training")


def test_a_layer_that_changes_nothing_is_told(world: Any, make_layer: Any) -> None:
    world.add(make_layer("photo"), make_layer("the very same"))
    world.dialogs.texts = ["nothing"]
    world.run("layer.use_for_training")
    assert world.pairs.taken == [] and world.message.startswith("Nothing changes in the picture")


def test_a_stretch_of_the_history_asks_with_the_edits_made_in_it(world: Any) -> None:
    world.add()
    start = world.opened.history.current
    before = world.look()
    world.generate(1)
    world.run("variant.keep")
    middle = world.opened.history.current.id
    world.desk.do(SetProperty(world.id("make it snow"), "opacity", 0.5))
    world.dialogs.texts = ["make it snow", "fade it"]
    world.run("history.use_for_training")
    world.run("history.use_since", middle)
    assert world.dialogs.suggestions == ["make it snow", ""]
    whole, part = world.pairs.taken
    assert np.array_equal(whole.source, before[..., :3]) and np.array_equal(whole.target, part.target)
    step = next(step for step in world.opened.history.steps() if step.id == middle)
    shown = composite(step.document, step.document.rect)[..., :3]
    assert np.array_equal(part.source, shown) and start.document is world.opened.history.root.document
    assert part.group == whole.group


def test_a_history_without_a_change_is_grey_and_other_steps_are_refused_with_a_reason(world: Any) -> None:
    world.add()
    assert "shown now" in why(world, "history.use_for_training") and not world.enabled("history.use_for_training")
    world.desk.do(SetProperty(world.id("photo"), "opacity", 0.5))
    assert why(world, "history.use_for_training") == ""
    later = world.opened.history.current.id
    world.run("edit.undo")
    world.run("history.use_since", later)
    assert world.pairs.taken == [] and world.dialogs.asked == [] and "does not lead" in world.message


def test_what_the_store_refuses_is_said_in_its_own_words(world: Any) -> None:
    world.add()
    world.generate(1)
    world.pairs.refusal = "Such a pair is there already: change its instruction."
    world.run("variant.use_for_training")
    assert world.session.message == Message(world.pairs.refusal, "warning", (("Show", "model.train"),))


def test_the_pictures_are_drawn_aside_and_can_be_cancelled(later: Any, make_layer: Any) -> None:
    later.add(make_layer("photo"), make_layer("make it blue", (0, 0, 255, 255)))
    later.dialogs.texts = ["paint it blue", "paint it blue"]
    later.run("layer.use_for_training")
    (task,) = later.desk.tasks
    assert task.title == "Making a pair for training" and later.pairs.taken == []
    later.desk.cancel(task)
    later.background.finish()
    assert later.pairs.taken == [] and later.desk.tasks == ()
    later.run("layer.use_for_training")
    later.run("layer.delete")  # what was asked for is what was there then
    later.background.finish()
    assert len(later.pairs.taken) == 1 and later.desk.tasks == ()


def test_a_fault_is_not_hidden(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*values: object) -> None:
        raise RuntimeError("a bug")

    world.add()
    world.generate(1)
    monkeypatch.setattr("editor.actions.pairs.pair_of", broken)
    with pytest.raises(RuntimeError):
        world.run("variant.use_for_training")
    assert world.desk.tasks == ()


def test_leaving_waits_until_the_pair_is_kept(later: Any, make_layer: Any) -> None:
    later.add(make_layer("photo"), make_layer("make it blue", (0, 0, 255, 255)))
    later.dialogs.texts = ["paint it blue"]
    later.run("layer.use_for_training")
    later.run("file.quit")
    assert "close" not in later.screen.done and later.pairs.taken == []
    later.background.finish()
    assert len(later.pairs.taken) == 1 and "close" in later.screen.done
