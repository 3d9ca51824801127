"""The layer menu, on documents with groups, masks and locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from editor.core.document import find
from editor.core.layer import GroupLayer


@pytest.fixture
def stack(world: Any, make_layer: Callable[..., Any]) -> Any:
    """a, b, a group of c and d, e."""
    group = GroupLayer(name="g", children=(make_layer("c", (0, 255, 0, 255)), make_layer("d", (0, 0, 255, 90))))
    world.add(make_layer("a"), make_layer("b", (9, 9, 9, 100)), group, make_layer("e", (255, 255, 0, 60)))
    return world


def choose(world: Any, *names: str) -> None:
    """As the panel does: the last one is active."""
    world.activate(names[-1])
    world.desk.selected = tuple(world.id(name) for name in names)


def test_new_goes_above_the_active_layer(stack: Any) -> None:
    stack.activate("a")
    stack.run("layer.new")
    assert stack.names == ["a", "Layer 7", "b", "g(", "c", "d", ")", "e"]
    assert stack.document.active == stack.id("Layer 7") and stack.steps == 2


def test_duplicate_is_the_same_layer_once_more(stack: Any) -> None:
    stack.activate("b")
    stack.run("layer.duplicate")
    assert stack.names[:3] == ["a", "b", "b copy"] and stack.steps == 2


def test_duplicate_of_several_is_one_step(stack: Any) -> None:
    choose(stack, "a", "e")
    stack.run("layer.duplicate")
    assert stack.names == ["a", "a copy", "b", "g(", "c", "d", ")", "e", "e copy"]
    assert stack.steps == 2
    stack.run("edit.undo")
    assert len(stack.names) == 7


def test_duplicate_with_a_selection_is_what_is_selected(stack: Any) -> None:
    stack.activate("a")
    stack.select(10, 20, 30, 40)
    before, steps = stack.look(), stack.steps
    stack.run("layer.duplicate")
    copy = find(stack.document, stack.document.active)
    alpha = copy.plane.read(stack.document.rect)[..., 3]
    assert (alpha[20:60, 10:40] == 255).all() and alpha.sum() == 30 * 40 * 255
    assert stack.steps == steps + 1 and np.array_equal(stack.look(), before)


def test_duplicate_with_a_selection_beside_the_layer_is_refused(stack: Any) -> None:
    stack.activate("a")
    stack.select(500, 500, 9, 9)
    before = stack.document
    stack.run("layer.duplicate")
    assert stack.document is before and "Nothing of" in stack.message


def test_delete_of_several_is_one_step_and_can_be_undone_from_the_toast(stack: Any) -> None:
    before = stack.document
    choose(stack, "a", "c", "e")
    stack.run("layer.delete")
    assert stack.names == ["b", "g(", "d", ")"] and stack.steps == 2
    assert stack.message == "3 layers were deleted." and stack.buttons == ["edit.undo"]
    stack.run(stack.buttons[0])
    assert stack.document.layers == before.layers


def test_delete_of_a_locked_layer_is_refused_and_none_of_the_others_go(stack: Any) -> None:
    stack.activate("a")
    stack.run("layer.lock")
    before = stack.document
    choose(stack, "a", "e")
    stack.run("layer.delete")
    assert stack.document.layers == before.layers and "locked" in stack.message and stack.buttons == []


def test_a_selection_of_layers_that_are_gone_is_forgotten(stack: Any) -> None:
    choose(stack, "a", "e")
    gone = stack.desk.selected
    stack.run("layer.delete")
    stack.desk.selected = gone
    assert stack.desk.layers == (stack.document.active,)
    stack.run("layer.delete")
    assert "was deleted" in stack.message


def test_every_layer_can_be_deleted(world: Any) -> None:
    world.add()
    world.run("layer.delete")
    assert world.names == [] and world.desk.layers == ()
    for id in (
        "layer.delete",
        "layer.duplicate",
        "layer.group",
        "layer.up",
        "layer.down",
        "layer.merge_down",
        "layer.lock",
        "layer.hide",
        "layer.rename",
        "layer.mask_from_selection",
    ):
        assert not world.enabled(id), id
    world.run("layer.new")
    assert world.names == ["Layer 1"]


def test_group_and_ungroup(stack: Any) -> None:
    before = stack.look()
    choose(stack, "a", "b")
    stack.run("layer.group")
    assert stack.names == ["Group(", "a", "b", ")", "g(", "c", "d", ")", "e"] and stack.steps == 2
    assert np.array_equal(stack.look(), before)
    stack.run("layer.ungroup")
    assert stack.names[:2] == ["a", "b"] and stack.steps == 3
    stack.activate("a")
    assert not stack.enabled("layer.ungroup")


def test_up_goes_past_layers_into_groups_and_out_of_them(stack: Any) -> None:
    stack.activate("a")
    seen = []
    while stack.enabled("layer.up"):
        stack.run("layer.up")
        seen.append("".join(stack.names))
    assert seen == ["bag(cd)e", "bg(acd)e", "bg(cad)e", "bg(cda)e", "bg(cd)ae", "bg(cd)ea"]
    assert stack.steps == 7
    down = []
    while stack.enabled("layer.down"):
        stack.run("layer.down")
        down.append("".join(stack.names))
    assert down == [*reversed(seen[:-1]), "abg(cd)e"]


def test_up_goes_past_a_locked_group(stack: Any) -> None:
    stack.activate("g")
    stack.run("layer.lock")
    stack.activate("b")
    stack.run("layer.up")
    assert "".join(stack.names) == "ag(cd)be"
    stack.activate("c")
    before = stack.document
    stack.run("layer.up")
    assert stack.document is before and "locked" in stack.message


def test_moving_keeps_the_pixels_on_the_page(world: Any, make_layer: Callable[..., Any]) -> None:
    world.add(make_layer("a", (1, 2, 3, 255), x=7, y=5), GroupLayer(name="g", x=30, y=10))
    world.activate("a")
    before = world.look()
    world.run("layer.up")
    assert world.names == ["g(", "a", ")"] and np.array_equal(world.look(), before)


def test_merge_down(stack: Any) -> None:
    stack.activate("a")
    assert not stack.enabled("layer.merge_down")
    stack.activate("b")
    before = stack.look()
    stack.run("layer.merge_down")
    assert "".join(stack.names) == "ag(cd)e" and stack.steps == 2
    assert np.abs(stack.look().astype(int) - before).max() <= 1


def test_merge_down_of_a_hidden_layer_is_refused(stack: Any) -> None:
    stack.activate("b")
    stack.run("layer.hide")
    before = stack.document
    stack.run("layer.merge_down")
    assert stack.document is before and "hidden" in stack.message


def test_masks(stack: Any) -> None:
    stack.select(10, 20, 30, 40)
    assert not stack.enabled("layer.remove_mask") and not stack.enabled("layer.apply_mask")
    stack.run("layer.mask_from_selection")
    layer = stack.document.active_layer
    assert layer.mask.plane.read(stack.document.rect).sum() == 30 * 40 * 255
    masked = stack.look()
    stack.run("layer.apply_mask")
    assert stack.document.active_layer.mask is None and np.array_equal(stack.look(), masked)
    stack.run("edit.undo")
    stack.run("layer.remove_mask")
    assert stack.document.active_layer.mask is None and not np.array_equal(stack.look(), masked)


def test_a_mask_without_a_selection_shows_everything(stack: Any) -> None:
    before = stack.look()
    stack.run("layer.mask_from_selection")
    assert stack.document.active_layer.mask is not None and np.array_equal(stack.look(), before)


def test_the_mask_of_a_group_cannot_be_applied(stack: Any) -> None:
    stack.activate("g")
    stack.run("layer.mask_from_selection")
    assert stack.enabled("layer.remove_mask") and not stack.enabled("layer.apply_mask")


@pytest.mark.parametrize(("id", "name"), [("layer.lock", "locked"), ("layer.hide", "visible")])
def test_lock_and_hide_of_several_are_one_step(stack: Any, id: str, name: str) -> None:
    from editor.actions import action_named

    checked = action_named(id).checked
    choose(stack, "e")
    assert checked is not None and not checked(stack.desk)
    stack.run(id)
    assert checked(stack.desk)
    choose(stack, "a", "e", "b")  # b is not, so all are
    stack.run(id)
    wanted = name == "locked"
    assert [getattr(find(stack.document, stack.id(each)), name) for each in "abe"] == [wanted] * 3
    assert stack.steps == 3
    stack.run(id)
    assert [getattr(find(stack.document, stack.id(each)), name) for each in "abe"] == [not wanted] * 3


def test_rename_asks_the_panel(stack: Any) -> None:
    stack.run("layer.rename")
    assert stack.screen.done == ["rename_layer"] and stack.steps == 1
