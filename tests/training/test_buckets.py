"""Pictures are brought to a few shapes without anything being cut off."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.tiny_training import picture
from training.buckets import Shapes

SHAPES = Shapes(size=64, multiple=16)


@given(st.integers(20, 400), st.integers(20, 400))
@settings(max_examples=60, deadline=None)
def test_every_picture_fits_into_one_of_few_shapes(height: int, width: int) -> None:
    rows, columns = SHAPES.of(height, width)
    top, left, h, w = SHAPES.crop(height, width)
    assert rows % 16 == columns % 16 == 0 and max(h, w) == 64
    assert top >= 0 and left >= 0 and top + h <= rows and left + w <= columns
    if max(height, width) <= 2 * min(height, width):
        assert (rows, columns) in SHAPES.all


def test_there_are_few_shapes_and_the_largest_is_a_square() -> None:
    assert len(SHAPES.all) == 5 and SHAPES.largest == (64, 64)
    assert len(Shapes(512, 64).all) == 7


def test_the_whole_picture_is_there_in_its_proportions() -> None:
    source = picture(1, height=120, width=200)
    view = SHAPES.view(source)
    top, left, h, w = SHAPES.crop(120, 200)
    seen = (view[:, top : top + h, left : left + w].transpose(1, 2, 0) * 0.5 + 0.5) * 255
    expected = cv2.resize(source, (64, 38), interpolation=cv2.INTER_AREA).astype(np.float32)
    assert (h, w) == (38, 64) and np.abs(seen - expected).max() < 1
    assert np.abs(SHAPES.seen(source).astype(float) - expected).max() <= 1


def test_padding_mirrors_the_picture() -> None:
    view, (top, left, h, _) = SHAPES.view(picture(2, 120, 200)), SHAPES.crop(120, 200)
    assert top > 0 and np.array_equal(view[:, top - 1], view[:, top + 1])
    assert np.array_equal(view[:, top + h], view[:, top + h - 2]) and left == 0


def test_a_mask_becomes_shares_of_latent_places() -> None:
    mask = np.zeros((128, 128), np.uint8)
    mask[:, :64] = 255
    inside = SHAPES.inside(mask, factor=4)
    assert inside.shape == (1, 16, 16) and inside.dtype == np.float32
    assert np.allclose(inside[0, :, :8], 1) and np.allclose(inside[0, :, 8:], 0)
