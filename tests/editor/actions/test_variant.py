"""The model menu: edits, and what becomes of their variants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from editor.actions import action_named
from editor.edits.apply import shown

AGAIN = ("variant.again", "variant.nudge")


def test_generate_needs_a_document_and_an_instruction(world: Any) -> None:
    assert not world.enabled("edit.generate")
    world.add()
    world.session.instruction = "  "
    assert not world.enabled("edit.generate") and not world.enabled("edit.cancel")
    world.generate(2)
    assert [item.seed for item in world.session.done] == [3, 4]
    assert world.desk.settings.instructions == ("make it snow",)
    assert world.session.own_instructions == ("make it snow",)
    assert world.steps == 1  # nothing happened to the document


def test_an_edit_that_does_not_start_is_not_remembered(world: Any) -> None:
    world.add()
    world.session.model = ""
    world.generate()
    assert world.desk.settings.instructions == () and "No model" in world.message


def test_generate_while_it_works_cancels(world: Any) -> None:
    world.add()
    world.runner.hold = True
    world.generate()
    assert world.enabled("edit.cancel") and world.session.running is not None
    world.run("edit.generate")
    assert world.runner.cancelled == 1 and world.session.running is None
    assert world.session.variants == () and "Cancelled" in world.message


def test_while_it_works_nothing_is_made_again(world: Any) -> None:
    world.add()
    world.generate(1)
    world.run("variant.keep")
    world.session.choose(world.session.done[0].id)
    assert all(world.enabled(id) for id in (*AGAIN, "layer.run_again"))
    world.runner.hold = True
    world.generate(1)
    assert not any(world.enabled(id) for id in (*AGAIN, "layer.run_again"))


def test_keep_is_one_step_and_looks_as_it_did_in_place(world: Any) -> None:
    world.add()
    world.generate(2)
    item = world.session.shown
    from editor.core.compositor import composite

    laid = composite(shown(world.document, item), world.document.rect)
    world.run("variant.keep")
    assert world.names == ["photo", "make it snow"] and world.steps == 2
    assert np.array_equal(world.look(), laid)
    assert world.buttons == ["edit.undo"] and "kept as a layer" in world.message


def test_variants_survive_undo(world: Any) -> None:
    world.add()
    world.generate(2)
    ids = [item.id for item in world.session.variants]
    world.run("variant.keep")
    world.run("edit.undo")
    assert world.names == ["photo"] and [item.id for item in world.session.variants] == ids
    world.session.choose(ids[1])
    world.run("variant.keep")
    assert world.names == ["photo", "make it snow"]


def test_keep_all_chosen_is_one_step_with_one_layer_to_be_seen(world: Any) -> None:
    world.add()
    world.generate(3)
    first, second, third = (item.id for item in world.session.done)
    world.session.chosen = (second, first, third)
    world.run("variant.keep_chosen")
    assert len(world.names) == 4 and world.steps == 2 and "3 variants" in world.message
    assert [layer.visible for layer in world.document.layers] == [True, False, False, True]


def test_keep_needs_a_finished_choice(world: Any) -> None:
    world.add()
    world.generate(1)
    world.session.chosen = ()
    for id in ("variant.keep", "variant.keep_chosen", "variant.discard", "variant.copy_settings", *AGAIN):
        assert not world.enabled(id), id


def test_discard_can_be_undone_from_the_toast(world: Any) -> None:
    world.add()
    world.generate(3)
    ids = [item.id for item in world.session.variants]
    world.session.choose(ids[1])
    world.run("variant.discard")
    assert [item.id for item in world.session.variants] == [ids[0], ids[2]]
    assert world.session.chosen == (ids[2],) and world.buttons == ["variant.restore"]
    world.run("variant.restore")
    assert [item.id for item in world.session.variants] == ids and world.session.chosen == (ids[1],)
    assert not world.enabled("variant.restore")
    world.run("variant.discard_all")
    assert world.session.variants == () and "3 variants were discarded" in world.message
    assert not world.enabled("variant.discard_all")
    other = world.add()
    assert not world.enabled("variant.restore")
    world.desk.remove(other)
    world.run("variant.restore")
    assert [item.id for item in world.session.variants] == ids


def test_closing_lets_go_of_discarded_variants(world: Any) -> None:
    opened = world.add()
    world.generate(1)
    world.run("variant.discard_all")
    world.desk.remove(opened)
    assert world.desk.discarded is None


def test_again_nudge_and_copy_settings(world: Any) -> None:
    world.add()
    world.generate(1)
    made = world.session.done[0]
    world.run("variant.again")
    assert len(world.session.done) == 2 and world.session.done[1].settings == made.settings
    world.session.choose(made.id)
    world.run("variant.nudge")
    nudged = world.session.done[2]
    assert (nudged.seed, nudged.settings.text_scale) == (made.seed, made.settings.text_scale + 1)
    world.session.choose(made.id)
    world.session.instruction, world.session.text_scale, world.session.seed = "other", 3.0, 0
    world.run("variant.copy_settings")
    assert world.session.settings == made.settings
    assert (world.session.seed, world.session.seed_locked) == (made.seed, True)


def test_next_and_previous_go_around(world: Any) -> None:
    world.add()
    assert not world.enabled("variant.next")
    world.generate(3)
    ids = [item.id for item in world.session.done]
    world.session.choose(ids[2])
    world.run("variant.next")
    assert world.session.chosen == (ids[0],)
    world.run("variant.previous")
    assert world.session.chosen == (ids[2],)


@pytest.mark.parametrize("mode", ["before", "split", "grid"])
def test_comparing_is_turned_on_and_off(world: Any, mode: str) -> None:
    world.add()
    assert not world.enabled(f"compare.{mode}")
    world.generate(2)
    world.run(f"compare.{mode}")
    assert world.session.compare == mode
    world.run(f"compare.{mode}")
    assert world.session.compare == ""
    world.run(f"compare.{mode}")
    world.run("compare.leave")
    assert world.session.compare == ""


@pytest.mark.parametrize("cells", [2, 4, 9])
def test_the_grid_has_as_many_cells_as_were_asked_for(world: Any, cells: int) -> None:
    world.add()
    assert not world.enabled(f"compare.grid_{cells}")
    world.generate(2)
    world.run(f"compare.grid_{cells}")
    assert (world.session.compare, world.session.grid) == ("grid", cells)
    checked = action_named(f"compare.grid_{cells}").checked
    assert checked is not None and checked(world.desk)


def test_what_changed_opens_the_grid_with_it(world: Any) -> None:
    world.add()
    world.generate(2)
    world.run("compare.difference")
    assert (world.session.compare, world.session.difference) == ("grid", True)
    world.run("compare.difference")
    assert (world.session.compare, world.session.difference) == ("grid", False)
    world.session.compare, world.session.difference = "", True
    world.run("compare.difference")
    assert (world.session.compare, world.session.difference) == ("grid", True)


def test_escape_leaves_one_thing_after_the_other(world: Any) -> None:
    world.add()
    world.generate(1)
    world.runner.hold = True
    world.generate(1)
    world.session.choose(world.session.done[0].id)
    world.session.compare, world.screen.tool_busy = "split", True
    world.run("edit.escape")
    assert world.session.compare == "" and world.screen.done == []
    world.run("edit.escape")
    assert world.screen.done == ["cancel_tool"] and world.session.running is not None
    world.screen.tool_busy = False
    world.run("edit.escape")
    assert world.session.running is None and world.session.chosen
    world.run("edit.escape")
    assert world.session.chosen == ()
    world.run("edit.escape")
    assert world.steps == 1


def test_escape_without_a_document_does_nothing(world: Any) -> None:
    world.run("edit.escape")
    assert world.desk.current is None and world.screen.done == []


def test_a_model_is_chosen_for_every_document(world: Any) -> None:
    world.add(), world.add()
    world.run("model.choose", "photographer")
    assert [opened.edit.model for opened in world.desk.documents] == ["photographer"] * 2
    assert world.models.chosen == "photographer"


def test_an_unknown_model_is_told_and_the_old_one_stays(world: Any) -> None:
    world.add()
    world.run("model.choose", "nobody")
    assert "no model named nobody" in world.message
    assert world.session.model == "starter" and world.models.chosen == ""


def test_a_button_that_names_no_model_takes_one_that_works(world: Any) -> None:
    world.add()
    world.session.model = ""
    world.run("model.choose")
    assert world.session.model == "starter" and "starter" in world.message
    world.models.names = ()
    world.run("model.choose")
    assert "No model" in world.message


def test_the_engine_is_started_again_only_where_it_is_not_at_work(world: Any) -> None:
    assert not world.enabled("engine.restart")
    world.add()
    world.runner.status().state = "ready"
    assert not world.enabled("engine.restart")
    world.runner.status().state = "died"
    world.generate(1)
    before = len(world.session.variants)
    world.run("engine.restart")
    assert len(world.session.variants) == before + 1


def test_a_failed_edit_is_started_again_though_the_engine_is_ready_by_now(world: Any) -> None:
    world.add()
    world.runner.hold = True
    world.generate(2)
    (_, listener), *_ = world.runner.held
    world.runner.held.clear()
    listener.on_error("The engine ended.", "EngineDied")
    world.runner.status().state = "ready"
    assert [item.state for item in world.session.variants] == ["failed"] * 2
    assert world.buttons == ["engine.restart"]
    world.runner.hold = False
    world.run("engine.restart")
    assert [item.state for item in world.session.variants] == ["done"] * 2


def test_running_an_edit_layer_again_gives_its_pixels(world: Any) -> None:
    world.add()
    assert not world.enabled("layer.run_again")
    world.generate(1)
    world.run("variant.keep")
    kept = world.document.active_layer
    world.run("layer.run_again")
    again = world.session.done[-1]
    assert again.above == kept.id
    page = world.document.rect
    assert np.array_equal(again.layer.plane.read(page), kept.plane.read(page))


def test_editing_an_edit_layer_again_fills_the_bar(world: Any) -> None:
    world.add()
    assert not world.enabled("layer.edit_again")
    world.generate(1)
    world.run("variant.keep")
    world.session.instruction = ""
    world.run("layer.edit_again")
    assert world.session.instruction == "make it snow" and world.session.again == world.document.active
    assert world.screen.done == ["focus_instruction"]


def test_the_bar_gets_the_cursor(world: Any) -> None:
    world.add()
    world.run("edit.focus_instruction")
    assert world.screen.done == ["focus_instruction"]


def test_no_action_of_the_menu_raises_where_it_is_enabled(world: Any) -> None:
    """Without a document, with an empty one, and with variants."""
    from editor.actions import ACTIONS

    def all_of_them() -> None:
        for action in ACTIONS:
            if action.menu and action.menu not in ("File", "Help") and action.enabled(world.desk):
                action.run(world.desk)

    all_of_them()
    world.add()
    world.run("layer.delete")
    all_of_them()
    world.add()
    world.generate(2)
    all_of_them()
    assert action_named("edit.undo").enabled(world.desk)
