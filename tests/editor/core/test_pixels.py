"""Rounding and compositing, against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editor.core.pixels import Pixels, opaque, over_white, strips, to_8_bit


def test_every_16_bit_value_is_rounded_to_nearest() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    assert np.array_equal(to_8_bit(values), np.rint(values / 257).astype(np.uint8))


def test_8_bit_comes_back_as_it_is() -> None:
    pixels = np.zeros((1, 1, 3), np.uint8)
    assert to_8_bit(pixels) is pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@settings(deadline=None)
@given(data=st.data())
def test_over_white_is_the_exact_mix_rounded(dtype: type[np.uint8 | np.uint16], data: st.DataObject) -> None:
    top = int(np.iinfo(dtype).max)
    value, alpha = (data.draw(st.integers(0, top)) for _ in range(2))
    mixed = over_white(np.array([[[value, value, value, alpha]]], dtype))
    exact = Fraction(value * alpha + top * (top - alpha), top)
    assert abs(int(mixed[0, 0, 0]) - exact) <= Fraction(1, 2)
    assert mixed.shape == (1, 1, 3)
    assert mixed.dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_over_white_covers_every_strip(dtype: type[np.uint8 | np.uint16]) -> None:
    pixels: Pixels = np.zeros((1100, 700, 4), dtype)
    pixels[-1, -1] = np.iinfo(dtype).max
    mixed = over_white(pixels)
    assert (mixed == np.iinfo(dtype).max).all()


def test_opaque() -> None:
    pixels = np.full((2, 2, 4), 255, np.uint8)
    assert opaque(pixels)
    pixels[0, 0, 3] = 254
    assert not opaque(pixels)
    assert opaque(pixels[..., :3])


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 100_000))
def test_strips_cover_every_row_once(height: int, width: int, pixels: int) -> None:
    rows = [row for strip in strips(height, width, pixels) for row in range(height)[strip]]
    assert rows == list(range(height))
