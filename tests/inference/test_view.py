from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import view
from inference.view import View, model_view, view_size


def photo(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.RandomState(height * 31 + width)
    return rng.randint(0, np.iinfo(dtype).max + 1, (height, width, channels)).astype(dtype)


def by_area(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Area averages in float64, one axis after the other, from the definition."""
    for axis, target in ((0, height), (1, width)):
        step = image.shape[axis] / target
        shares = np.zeros((target, image.shape[axis]))
        for row in range(target):
            for pixel in range(image.shape[axis]):
                shares[row, pixel] = max(0, min((row + 1) * step, pixel + 1) - max(row * step, pixel)) / step
        image = np.moveaxis(np.tensordot(shares, image, axes=(1, axis)), 0, axis)
    return image


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((1080, 1920), (288, 512)),
        ((512, 512), (512, 512)),
        ((300, 200), (512, 341)),
        ((1, 1), (512, 512)),
        ((1, 5000), (1, 512)),
        ((5000, 1), (512, 1)),
        ((7, 5000), (1, 512)),
        ((30000, 30001), (512, 512)),
    ],
)
def test_size_rule(source: tuple[int, int], expected: tuple[int, int]) -> None:
    assert view_size(*source, 512) == expected


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from([3, 4]),
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(1, 70),
    st.sampled_from([1, 2, 8, 64]),
)
def test_any_picture_gets_a_view(height: int, width: int, channels: int, dtype: type, size: int, multiple: int) -> None:
    seen = model_view(photo(height, width, channels, dtype), size, multiple)
    top, left, h, w = seen.crop
    assert max(h, w) == size
    assert (h, w) == view_size(height, width, size)
    assert seen.pixels.dtype == np.float32
    assert seen.pixels.flags.c_contiguous
    assert seen.pixels.shape == (1, 3, -(-h // multiple) * multiple, -(-w // multiple) * multiple)
    assert np.abs(seen.pixels).max() <= 1
    assert 0 <= top <= seen.pixels.shape[2] - h < multiple
    assert 0 <= left <= seen.pixels.shape[3] - w < multiple
    assert seen.image.shape == (h, w, 3)
    assert seen.image.dtype == np.float32


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3), (64, 64), (100, 37)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_colour_stays_that_colour(shape: tuple[int, int], dtype: type) -> None:
    top = np.iinfo(dtype).max
    image = np.broadcast_to(np.array([0, top // 5, top], dtype), (*shape, 3))
    seen = model_view(image, 96, 64)
    expected = np.array([0, (top // 5) / top, 1])
    np.testing.assert_allclose(
        seen.pixels[0], np.broadcast_to(expected[:, None, None] * 2 - 1, seen.pixels[0].shape), atol=2e-6
    )


def test_padding_is_a_reflection_split_on_both_sides() -> None:
    image = photo(3, 5)
    seen = model_view(image, 5, 8)
    assert seen.crop == (2, 1, 3, 5)
    expected = np.pad(image / 255, ((2, 3), (1, 2), (0, 0)), mode="reflect") * 2 - 1
    np.testing.assert_allclose(seen.pixels[0].transpose(1, 2, 0), expected, atol=1e-6)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 20])
def test_margins_longer_than_the_picture_are_mirrored_again(length: int) -> None:
    index = view._reflected(length, 31, 32)
    np.testing.assert_array_equal(index, np.pad(np.arange(length), (31, 32), mode="reflect"))


def test_nothing_is_lost_at_the_models_own_size() -> None:
    image = photo(50, 64)
    np.testing.assert_array_equal((model_view(image, 64, 64).image * 255).round().astype(np.uint8), image)


def test_uncrop_takes_the_picture_out_of_what_was_decoded() -> None:
    seen = model_view(photo(30, 64), 64, 64)
    decoded = np.random.RandomState(0).uniform(-1.5, 1.5, seen.pixels.shape).astype(np.float32)
    top, left, h, w = seen.crop
    expected = (decoded[0, :, top : top + h, left : left + w].transpose(1, 2, 0) / 2 + 0.5).clip(0, 1)
    np.testing.assert_allclose(seen.uncrop(decoded), expected, atol=1e-6)
    assert isinstance(seen, View)


@pytest.mark.parametrize("strip", [1 << 18, 100, 1])
@pytest.mark.parametrize("source", [(61, 97), (97, 61), (30, 30), (7, 90)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_down_is_the_area_average_whatever_the_strips(
    source: tuple[int, int], dtype: type, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "STRIP_PIXELS", strip)
    image = photo(*source, 3, dtype)
    seen = model_view(image, 24, 1).image
    np.testing.assert_allclose(seen, by_area(image / np.iinfo(dtype).max, *seen.shape[:2]), atol=3e-6)


def test_very_wide_pictures_are_read_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    image = photo(40, 90, 4)
    expected = model_view(image, 24, 8).pixels
    monkeypatch.setattr(view, "LONGEST_ROW", 50)
    monkeypatch.setattr(view, "STRIP_PIXELS", 100)
    np.testing.assert_allclose(model_view(image, 24, 8).pixels, expected, atol=3e-6)


def test_up_is_cubic() -> None:
    image = photo(10, 16)
    expected = cv2.resize(image.astype(np.float32) / 255, (64, 40), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    np.testing.assert_allclose(model_view(image, 64, 1).image, expected, atol=1e-6)


def test_alpha_weighs_the_average() -> None:
    image = photo(60, 80, 4)
    seen = model_view(image, 20, 1).image
    alpha = image[..., 3:] / 255
    expected = by_area(image[..., :3] / 255 * alpha, 15, 20) / by_area(alpha, 15, 20)
    np.testing.assert_allclose(seen, expected, atol=3e-6)


def test_opaque_alpha_changes_nothing() -> None:
    image = photo(50, 70)
    opaque = np.dstack((image, np.full((50, 70), 255, np.uint8)))
    np.testing.assert_allclose(model_view(opaque, 32, 8).pixels, model_view(image, 32, 8).pixels, atol=3e-6)


@pytest.mark.parametrize("size", [24, 60, 200])
def test_hidden_colours_have_no_part(size: int) -> None:
    image = photo(60, 60, 4)
    image[..., :3] //= 4
    image[10:50, 20:, 3] = 0
    other = image.copy()
    other[10:50, 20:, :3] = 255
    seen = model_view(image, size, 8)
    np.testing.assert_array_equal(seen.pixels, model_view(other, size, 8).pixels)
    assert seen.image.max() < 0.35  # 0.25 and what the cubic overshoots


def test_transparent_areas_take_the_colours_beside_them() -> None:
    image = np.zeros((40, 80, 4), np.uint8)
    image[:, :4] = (200, 0, 0, 255)
    image[:, -4:] = (0, 0, 200, 255)
    seen = model_view(image, 80, 1).image
    assert (seen[:, 10, 0] > seen[:, 10, 2]).all()
    assert (seen[:, 70, 2] > seen[:, 70, 0]).all()
    assert np.abs(seen[20, 39] + seen[20, 40] - [200 / 255, 0, 200 / 255]).max() < 0.05


def test_a_wholly_transparent_picture_is_grey() -> None:
    image = photo(30, 20, 4)
    image[..., 3] = 0
    np.testing.assert_allclose(model_view(image, 16, 8).pixels, 0, atol=1e-6)


def test_views_of_other_memory_layouts() -> None:
    image = photo(40, 60, 4)
    flipped = np.asfortranarray(image)[::-1, ::-1, :3]
    np.testing.assert_array_equal(model_view(flipped, 30, 8).pixels, model_view(flipped.copy(), 30, 8).pixels)


@pytest.mark.parametrize(("shape", "channels"), [((2500, 4000), 3), ((30, 150_000), 4), ((400_000, 30), 3)])
def test_large_sources_are_never_copied_as_a_whole(shape: tuple[int, int], channels: int) -> None:
    image = np.broadcast_to(np.uint8(9), (*shape, channels))
    tracemalloc.start()
    model_view(image, 256, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * 2**20
