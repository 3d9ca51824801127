"""Tiles that cover a picture, and what comes of them when they are put together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.tiling import axis, tiled

Floats = np.ndarray


@given(length=st.integers(1, 400), tile=st.integers(2, 128), share=st.floats(0.01, 0.9), scale=st.sampled_from([1, 8]))
def test_tiles_cover_a_side_and_their_windows_are_whole(length: int, tile: int, share: float, scale: int) -> None:
    overlap = min(tile - 1, max(1, round(tile * share)))
    side = axis(length, tile, overlap)
    assert side.starts[0] == 0 and side.starts[-1] + side.tile == length and side.tile == min(length, tile)
    assert all(0 < after - before <= tile - overlap for before, after in pairwise(side.starts))
    total = np.zeros(length * scale)
    for span, window in zip(side.spans(scale), side.windows(scale), strict=True):
        assert window.min() > 0 and window.max() <= 1
        total[span] += window
    assert total.min() > 0
    if 2 * overlap <= tile and len(side.starts) == 2:
        assert np.allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize(("taken", "given"), [(8, 1), (1, 8), (2, 2)])
def test_what_looks_at_its_own_pixels_only_is_the_same_in_tiles(taken: int, given: int) -> None:
    def call(part: Floats) -> Floats:
        means = part.reshape(*part.shape[:2], part.shape[2] // taken, taken, part.shape[3] // taken, taken)
        return means.mean(axis=(3, 5)).repeat(given, axis=2).repeat(given, axis=3).astype(np.float32)

    image = np.random.default_rng(0).normal(0, 1, (2, 3, 40 * taken, 23 * taken)).astype(np.float32)
    calls: list[tuple[int, ...]] = []

    def counted(part: Floats) -> Floats:
        calls.append(part.shape)
        return call(part)

    result = tiled(counted, image, axis(40, 16, 4), axis(23, 16, 4), taken, given)
    assert set(calls) == {(2, 3, 16 * taken, 16 * taken)} and len(calls) == 6
    assert result.dtype == np.float32 and np.allclose(result, call(image), atol=1e-5)


def test_a_picture_of_one_tile_is_computed_as_it_is() -> None:
    image = np.random.default_rng(0).normal(0, 1, (1, 3, 16, 24)).astype(np.float32)
    given: list[Floats] = []
    answer = np.ones((1, 3, 16, 24), np.float32)

    def call(part: Floats) -> Floats:
        given.append(part)
        return answer

    assert tiled(call, image, axis(16, 24, 6), axis(24, 24, 6), 1, 1) is answer
    assert given[0] is image
