"""The image menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

IDS = ("image.rotate_left", "image.rotate_right", "image.rotate_180", "image.flip_horizontal", "image.flip_vertical")
EXPECTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "image.rotate_left": lambda pixels: np.rot90(pixels),
    "image.rotate_right": lambda pixels: np.rot90(pixels, -1),
    "image.rotate_180": lambda pixels: np.rot90(pixels, 2),
    "image.flip_horizontal": lambda pixels: pixels[:, ::-1],
    "image.flip_vertical": lambda pixels: pixels[::-1],
}


@pytest.mark.parametrize("id", IDS)
def test_turning_and_flipping(world: Any, id: str) -> None:
    world.add()
    before = world.look()
    world.run(id)
    assert np.array_equal(world.look(), EXPECTED[id](before))
    assert world.steps == 2
    world.run("edit.undo")
    assert np.array_equal(world.look(), before)


def test_resize_keeps_its_ratio_while_the_lock_is_shut(world: Any) -> None:
    world.add()
    world.dialogs.answers = {"width": 60.0, "height": 45.0}
    world.run("image.resize")
    assert world.dialogs.linked == ("width", "height")
    assert (world.document.width, world.document.height) == (60, 45) and world.steps == 2


def test_canvas_size_leaves_the_picture_in_the_middle(world: Any) -> None:
    world.add()
    before = world.look()
    world.dialogs.answers = {"width": 140.0, "height": 100.0}
    world.run("image.canvas_size")
    assert world.dialogs.linked is None
    after = world.look()
    assert after.shape[:2] == (100, 140) and np.array_equal(after[5:95, 10:130], before)
    assert (after[:5, :, 3] == 0).all()


@pytest.mark.parametrize("id", ["image.resize", "image.canvas_size"])
def test_the_same_size_and_no_answer_make_no_step(world: Any, id: str) -> None:
    world.add()
    world.run(id)
    world.dialogs.answers = {"width": 120.0, "height": 90.0}
    world.run(id)
    assert world.steps == 1 and world.message == ""


@pytest.mark.parametrize("id", ["image.resize", "image.canvas_size"])
def test_a_size_that_is_too_large_is_refused(world: Any, id: str) -> None:
    world.add()
    world.dialogs.answers = {"width": 50000.0, "height": 90.0}
    world.run(id)
    assert world.steps == 1 and "not possible" in world.message


def test_crop_to_selection_loses_no_pixel_of_the_layers(world: Any) -> None:
    world.add()
    before = world.look()
    assert not world.enabled("image.crop_to_selection")
    world.select(10, 20, 30, 40)
    world.run("image.crop_to_selection")
    assert np.array_equal(world.look(), before[20:60, 10:40])
    world.run("edit.undo")
    assert np.array_equal(world.look(), before)


def test_a_selection_beside_the_page_crops_nothing(world: Any) -> None:
    world.add()
    world.select(500, 500, 10, 10)
    before = world.document
    world.run("image.crop_to_selection")
    assert world.document is before and "crop" in world.message


def test_flatten_makes_one_layer_and_offers_undo(world: Any, make_layer: Callable[..., Any]) -> None:
    world.add(make_layer("below"), make_layer("above", (0, 0, 255, 128)))
    before = world.look()
    world.run("image.flatten")
    assert len(world.document.layers) == 1 and np.array_equal(world.look(), before)
    assert world.buttons == ["edit.undo"] and world.steps == 2
    world.run(world.buttons[0])
    assert world.names == ["below", "above"]


def test_nothing_is_enabled_without_a_document(world: Any) -> None:
    for id in (*IDS, "image.resize", "image.canvas_size", "image.crop_to_selection", "image.flatten"):
        assert not world.enabled(id), id
