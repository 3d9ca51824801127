from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import compose
from inference.compose import changed_fraction, composite, outside_mask_changed


def pixels(seed: int, height: int, width: int, channels: int, dtype: type) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, edit and mask of any shape and type that an edit may have, with many whole zeros and ones."""
    height, width, seed = draw(st.integers(1, 18)), draw(st.integers(1, 18)), draw(st.integers(0, 2**32 - 1))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    source = pixels(seed, height, width, draw(st.sampled_from([3, 4])), dtype)
    edited = pixels(seed + 1, height, width, draw(st.sampled_from([3, 4])), dtype)
    levels = draw(st.lists(st.integers(0, 255), min_size=1, max_size=4))
    mask = np.random.default_rng(seed).choice(np.array([*levels, 0, 255], np.uint8), (height, width))
    if draw(st.booleans()):
        mask[: height // 2] = draw(st.sampled_from([0, 255]))
    return source, edited, mask


@contextmanager
def small_tiles() -> Iterator[None]:
    """Tiles of 7 pixels, so that small pictures have many and rows are cut too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "TILE_PIXELS", 7)
        yield


@settings(deadline=None, max_examples=60)
@given(cases())
def test_mask_keeps_takes_and_blends_exactly(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    source, edited, mask = case
    kept = [array.copy() for array in case]
    result = composite(source, edited, mask)
    with small_tiles():
        np.testing.assert_array_equal(composite(source, edited, mask), result)
    assert result.dtype == source.dtype
    assert result.shape == source.shape
    np.testing.assert_array_equal(result[mask == 0], source[mask == 0])
    np.testing.assert_array_equal(result[mask == 255][:, :3], edited[mask == 255][:, :3])
    np.testing.assert_array_equal(result[..., 3:], source[..., 3:])
    m = mask[..., np.newaxis].astype(np.int64)
    mixture = edited[..., :3] * m + source[..., :3] * (255 - m)
    assert (np.abs(result[..., :3].astype(np.int64) * 255 - mixture) <= 127).all()  # the nearest whole number
    assert outside_mask_changed(source, result, mask) == 0
    for array, before in zip(case, kept, strict=True):
        np.testing.assert_array_equal(array, before)


@settings(deadline=None, max_examples=30)
@given(cases())
def test_without_a_mask_the_edit_is_taken_and_alpha_kept(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    source, edited, _ = case
    result = composite(source, edited, None)
    np.testing.assert_array_equal(result[..., :3], edited[..., :3])
    np.testing.assert_array_equal(result[..., 3:], source[..., 3:])
    assert outside_mask_changed(source, result, None) == 0
    assert not np.shares_memory(result, edited)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_changes_are_counted_as_defined(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    source, _, mask = case
    tolerance = 2 * (np.iinfo(source.dtype).max // 255)
    rng = np.random.default_rng(int(source.sum()))
    shift = rng.integers(-tolerance - 1, tolerance + 2, source.shape) * (rng.random(source.shape) < 0.3)
    result = (source + shift).clip(0, np.iinfo(source.dtype).max).astype(source.dtype)
    difference = np.abs(result.astype(np.int64) - source)
    changed = Fraction(int((difference > tolerance).any(2).sum()), mask.size)
    assert changed_fraction(source, result) == pytest.approx(float(changed))
    outside = int(((difference > 0).any(2) & (mask == 0)).sum())
    assert outside_mask_changed(source, result, mask) == outside
    with small_tiles():
        assert changed_fraction(source, result) == pytest.approx(float(changed))
        assert outside_mask_changed(source, result, mask) == outside


@pytest.mark.parametrize(("dtype", "unit"), [(np.uint8, 1), (np.uint16, 257)])
@pytest.mark.parametrize("channel", [0, 1, 2, 3])
def test_a_change_starts_above_two_levels_in_any_channel(dtype: type, unit: int, channel: int) -> None:
    source = np.full((2, 2, 4), 100 * unit, dtype)
    result = source.copy()
    result[0, 0, channel] += 2 * unit
    assert changed_fraction(source, result) == 0
    result[0, 0, channel] += 1
    assert changed_fraction(source, result) == 0.25
    assert outside_mask_changed(source, result, np.zeros((2, 2), np.uint8)) == 1
    assert outside_mask_changed(source, result, np.full((2, 2), 1, np.uint8)) == 0


def test_any_memory_layout() -> None:
    source, edited = (pixels(seed, 30, 20, 4, np.uint8)[::-1, ::-1] for seed in (1, 2))
    mask = np.asfortranarray(pixels(3, 30, 20, 1, np.uint8)[..., 0])
    expected = composite(source.copy(), edited.copy(), mask.copy())
    result = composite(source, edited, mask)
    np.testing.assert_array_equal(result, expected)
    assert result.flags.c_contiguous
    assert changed_fraction(source, result) == changed_fraction(source.copy(), expected)


@pytest.mark.parametrize("shape", [(1000, 2000), (1, 2_000_000)])
def test_little_memory_beside_the_result(shape: tuple[int, int]) -> None:
    source = np.broadcast_to(np.uint16(500), (*shape, 4))
    edited = np.broadcast_to(np.uint16(60_000), (*shape, 3))
    mask = np.broadcast_to(np.uint8(100), shape)
    tracemalloc.start()
    result = composite(source, edited, mask)
    changed_fraction(source, result)
    outside_mask_changed(source, result, mask)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - result.nbytes < 8 * 2**20


def test_parts_that_do_not_fit_are_not_put_together() -> None:
    source, mask = pixels(0, 4, 5, 3, np.uint8), np.zeros((4, 5), np.uint8)
    for edited in (source.astype(np.uint16), source[:3]):
        with pytest.raises(ValueError, match="for a source of"):
            composite(source, edited, None)
    with pytest.raises(ValueError, match="a mask of"):
        composite(source, source, mask.T)
