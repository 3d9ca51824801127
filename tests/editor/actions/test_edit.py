"""The edit menu: undo, the clipboard, clearing and filling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from editor.core.layer import GroupLayer
from editor.core.selection import feathered
from editor.core.tiles import TileMap

RED = (255, 0, 0, 255)


def patch(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 4), RED, np.uint8)


def test_undo_and_redo_are_enabled_where_they_do_something(world: Any) -> None:
    assert not world.enabled("edit.undo") and not world.enabled("edit.redo")
    world.add()
    before = world.document
    assert not world.enabled("edit.undo")
    world.run("edit.clear")
    cleared = world.document
    world.run("edit.undo")
    assert world.document is before and not world.enabled("edit.undo")
    world.run("edit.redo")
    assert world.document is cleared and not world.enabled("edit.redo")


def test_copy_takes_the_active_layer_alone(world: Any, make_layer: Callable[..., Any]) -> None:
    world.add(make_layer("below", (0, 0, 255, 255)), make_layer("above", (255, 0, 0, 128)))
    world.run("edit.copy")
    assert world.clipboard.pixels.shape == (90, 120, 4)
    assert (world.clipboard.pixels == (255, 0, 0, 128)).all()
    world.run("edit.copy_merged")
    assert np.array_equal(world.clipboard.pixels, world.look())
    assert world.steps == 1


def test_copy_takes_as_much_as_is_selected(world: Any, make_layer: Callable[..., Any]) -> None:
    world.add(make_layer("layer", (255, 0, 0, 128)))
    world.select(10, 20, 30, 40)
    soft = feathered(world.document.selection, 4, world.document.rect)
    from editor.core.changes import SetSelection

    world.desk.do(SetSelection(soft))
    world.run("edit.copy")
    height, width = world.clipboard.pixels.shape[:2]
    assert 30 < width < 60 and 40 < height < 70
    alpha = world.clipboard.pixels[..., 3]
    cover = soft.read(world.document.rect)[..., 0].astype(int)
    assert alpha.max() == 128 and alpha[0, width // 2] < 64
    assert alpha.sum() == ((cover * 128 + 127) // 255).sum()


def test_a_selection_beside_the_page_copies_nothing(world: Any) -> None:
    world.add()
    world.select(500, 500, 10, 10)
    before = world.document
    world.run("edit.copy")
    assert world.clipboard.pixels is None and "Nothing was copied" in world.message
    world.run("edit.cut")
    assert world.document is before


def test_cut_copies_and_clears_in_one_step(world: Any) -> None:
    world.add()
    world.select(10, 20, 30, 40)
    whole, steps = world.look(), world.steps
    world.run("edit.cut")
    assert np.array_equal(world.clipboard.pixels, whole[20:60, 10:40])
    assert (world.look()[20:60, 10:40, 3] == 0).all()
    assert world.steps == steps + 1 and world.opened.history.current.label == "Cut"
    world.run("edit.undo")
    assert np.array_equal(world.look(), whole)


def test_cut_of_a_locked_layer_is_refused(world: Any) -> None:
    world.add()
    world.run("layer.lock")
    before = world.document
    world.run("edit.cut")
    assert world.document is before and "locked" in world.message


def test_cut_and_copy_need_a_layer(world: Any) -> None:
    world.add()
    world.run("layer.delete")
    for id in ("edit.cut", "edit.copy", "edit.clear", "edit.fill", "edit.fill_background"):
        assert not world.enabled(id), id
    assert world.enabled("edit.copy_merged")


def test_paste_without_a_document_opens_one_that_is_not_saved(world: Any) -> None:
    assert not world.enabled("edit.paste")
    world.clipboard.pixels = patch(30, 20)
    world.run("edit.paste")
    assert (world.document.width, world.document.height) == (30, 20)
    assert (world.look() == RED).all()
    assert world.opened.modified and world.opened.path is None


def test_paste_makes_a_layer_in_the_middle_of_what_is_seen(world: Any) -> None:
    world.add()
    before = world.document
    world.clipboard.pixels = patch(20, 10)
    world.screen.centre = (40, 30)
    world.run("edit.paste")
    assert world.names == ["photo", "Pasted"] and world.document.active == world.id("Pasted")
    assert (world.look()[25:35, 30:50] == RED).all() and not (world.look()[24, 30:50] == RED).all()
    assert world.steps == 2
    world.run("edit.undo")
    assert world.document is before


def test_paste_goes_to_the_selection(world: Any) -> None:
    world.add()
    world.select(60, 50, 20, 10)
    world.clipboard.pixels = patch(20, 10)
    world.screen.centre = (0, 0)
    world.run("edit.paste")
    assert (world.look()[50:60, 60:80] == RED).all()


def test_paste_is_seen_even_where_the_view_is_beside_the_page(world: Any) -> None:
    world.add()
    world.screen.centre = (5000, -300)
    world.clipboard.pixels = patch(20, 10)
    world.run("edit.paste")
    assert (world.look()[40:50, 50:70] == RED).all()


def test_paste_into_a_group_that_was_moved(world: Any, make_layer: Callable[..., Any]) -> None:
    group = GroupLayer(name="group", children=(make_layer("inner"),), x=30, y=-20)
    world.add(group)
    world.activate("inner")
    world.clipboard.pixels = patch(20, 10)
    world.run("edit.paste")
    assert world.names == ["group(", "inner", "Pasted", ")"]
    assert (world.look()[40:50, 50:70] == RED).all()


def test_a_clipboard_that_lost_its_picture_is_told(world: Any) -> None:
    world.add()
    from editor.actions import action_named

    action_named("edit.paste").run(world.desk)
    assert "holds no picture" in world.message


def test_what_was_dropped_becomes_a_layer(world: Any) -> None:
    world.add()
    world.run("edit.paste_image", patch(4, 4))
    assert world.names == ["photo", "Pasted"]


@pytest.mark.parametrize(("id", "colour"), [("edit.fill", (1, 2, 3, 255)), ("edit.fill_background", (9, 8, 7, 255))])
def test_fill_takes_its_colour_within_the_selection(world: Any, id: str, colour: tuple[int, ...]) -> None:
    world.add()
    world.desk.tools.foreground, world.desk.tools.background = (1, 2, 3, 255), (9, 8, 7, 255)
    world.select(10, 20, 30, 40)
    before, steps = world.look(), world.steps
    world.run(id)
    assert (world.look()[20:60, 10:40] == colour).all()
    assert np.array_equal(world.look()[:20], before[:20])
    assert world.steps == steps + 1


def test_a_large_fill_is_done_aside_and_a_refusal_is_told(later: Any) -> None:
    from editor.core.layer import RasterLayer

    later.add(RasterLayer(name="large", plane=TileMap()), width=2000, height=1000)
    later.desk.tools.foreground = RED
    later.run("edit.fill")
    assert later.steps == 1 and [task.title for task in later.desk.tasks] == ["Fill"]
    later.run("layer.new")  # meanwhile: nothing of it is lost
    later.activate("large")
    later.background.finish()
    assert later.steps == 3 and later.names == ["large", "Layer 2"] and not later.desk.tasks
    assert (later.look()[::100, ::100] == RED).all()
    later.run("layer.lock")
    later.run("edit.fill")
    later.background.finish()
    assert "locked" in later.message and not later.desk.tasks


def test_a_change_aside_reaches_its_own_document(later: Any) -> None:
    from editor.core.layer import RasterLayer

    large = later.add(RasterLayer(name="large", plane=TileMap()), width=2000, height=1000)
    later.run("edit.fill")
    other = later.add()
    later.background.finish()
    assert len(list(large.history.steps())) == 2 and len(list(other.history.steps())) == 1
    later.desk.show(large)
    later.run("edit.fill_background")
    later.desk.remove(large)
    later.background.finish()
    assert not later.desk.tasks and later.opened is other


def test_clear_takes_away_what_is_selected(world: Any) -> None:
    world.add()
    world.select(0, 0, 60, 90)
    world.run("edit.clear")
    assert (world.look()[:, :60, 3] == 0).all() and (world.look()[:, 60:, 3] == 255).all()


def test_preferences_open(world: Any) -> None:
    world.run("edit.preferences")
    assert world.dialogs.asked == ["preferences"]
