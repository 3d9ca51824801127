"""The select menu, with the page as its limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def cover(world: Any) -> np.ndarray:
    return world.document.selection.read(world.document.rect)[..., 0]


def test_all_and_none(world: Any) -> None:
    world.add()
    assert not world.enabled("select.none")
    world.run("select.all")
    assert (cover(world) == 255).all() and world.steps == 2
    world.run("select.all")
    assert world.steps == 2
    world.run("select.none")
    assert world.document.selection is None and world.steps == 3
    world.run("edit.undo")
    assert (cover(world) == 255).all()


def test_invert(world: Any) -> None:
    world.add()
    assert not world.enabled("select.invert")
    world.select(10, 20, 30, 40)
    before = cover(world)
    world.run("select.invert")
    assert np.array_equal(cover(world), 255 - before)
    world.run("select.invert")
    assert np.array_equal(cover(world), before)


def test_a_selection_that_would_be_empty_stays_as_it_was(world: Any) -> None:
    world.add()
    world.run("select.all")
    before = world.document
    world.run("select.invert")
    assert world.document is before and "Nothing would be left" in world.message
    world.select(10, 20, 4, 4)
    before = world.document
    world.dialogs.answers = {"by": 9.0}
    world.run("select.shrink")
    assert world.document is before and "Nothing would be left" in world.message


@pytest.mark.parametrize(("id", "area"), [("select.grow", (6, 16, 44, 64)), ("select.shrink", (14, 24, 36, 56))])
def test_grow_and_shrink(world: Any, id: str, area: tuple[int, int, int, int]) -> None:
    world.add()
    world.select(10, 20, 30, 40)
    world.dialogs.answers = {"by": 4.0}
    world.run(id)
    ys, xs = np.nonzero(cover(world) > 127)
    assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == area
    assert world.steps == 3


def test_shrinking_everything_leaves_the_edge_of_the_page_alone_or_moves_it_in_by_as_much(world: Any) -> None:
    world.add()
    world.run("select.all")
    world.dialogs.answers = {"by": 5.0}
    world.run("select.shrink")
    inner = cover(world)[5:-5, 5:-5]
    assert (inner == 255).all()


def test_growing_stays_on_the_page(world: Any) -> None:
    world.add()
    world.select(0, 0, 30, 40)
    world.dialogs.answers = {"by": 10.0}
    world.run("select.grow")
    from editor.core.selection import bounds

    assert bounds(world.document.selection) & world.document.rect == bounds(world.document.selection)


def test_feather_is_soft_at_the_edge(world: Any) -> None:
    world.add()
    world.select(30, 30, 60, 40)
    world.dialogs.answers = {"by": 6.0}
    world.run("select.feather")
    values = cover(world)
    assert 60 < values[30, 60] < 195 and values[50, 60] == 255 and values[0, 0] == 0


def test_thinking_better_of_it_makes_no_step(world: Any) -> None:
    world.add()
    for id in ("select.feather", "select.grow", "select.shrink"):
        assert not world.enabled(id)
    world.select(30, 30, 60, 40)
    for id in ("select.feather", "select.grow", "select.shrink"):
        world.run(id)
    assert world.steps == 2 and len(world.dialogs.asked) == 3
