"""The edit of a small view, carried over to the photo's own pixels: what is exact, what is better than enlarging,
what is refused.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference import detail
from inference.detail import fit_transfer, full_resolution, plain

FloatImage = NDArray[np.float32]
Edit = Callable[[FloatImage], FloatImage]

SIDE, VIEW = 480, 120


def picture() -> FloatImage:
    """float32 (480, 480, 3): soft colour fields, hard edges and grain."""
    random = np.random.default_rng(5)
    soft = random.random((8, 8, 3), np.float32)
    image = cv2.resize(soft, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        centre, radius = random.integers(0, SIDE, 2), int(random.integers(12, 60))
        cv2.circle(image, (int(centre[0]), int(centre[1])), radius, random.random(3).tolist(), -1, cv2.LINE_AA)
    grain = random.standard_normal((SIDE, SIDE, 1)).astype(np.float32)
    return np.clip(image + 0.05 * grain, 0.0, 1.0)


def shrunk(image: FloatImage, side: int = VIEW) -> FloatImage:
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)


def coded(view: FloatImage) -> FloatImage:
    """A weak autoencoder: a third of the resolution, in 24 levels."""
    small = cv2.resize(view, (view.shape[1] // 3, view.shape[0] // 3), interpolation=cv2.INTER_AREA)
    levels = np.round(small * 24) / 24
    return np.clip(cv2.resize(levels, view.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0.0, 1.0)


def mistaken(after: FloatImage) -> FloatImage:
    random = np.random.default_rng(9)
    white, field = (random.standard_normal(after.shape).astype(np.float32) for _ in range(2))
    field = cv2.GaussianBlur(field, (0, 0), 8)
    return np.clip(after + 0.02 * (white + field / field.std()), 0.0, 1.0).astype(np.float32)


def grey(image: FloatImage) -> FloatImage:
    return np.repeat(image @ np.array([[0.299], [0.587], [0.114]], np.float32), 3, axis=2)


def inverted(image: FloatImage) -> FloatImage:
    return 1.0 - image


def warm(image: FloatImage) -> FloatImage:
    return np.clip(image * np.array([1.2, 1.03, 0.66], np.float32), 0.0, 1.0)


def graded(image: FloatImage) -> FloatImage:
    """Light that falls from left to right."""
    return image * np.linspace(1.0, 0.3, image.shape[1], dtype=np.float32)[None, :, None]


def soft(image: FloatImage) -> FloatImage:
    return cv2.GaussianBlur(image, (0, 0), 0.022 * max(image.shape))


def mirrored(image: FloatImage) -> FloatImage:
    return np.ascontiguousarray(image[:, ::-1])


def disc(image: FloatImage) -> FloatImage:
    """A red disc at the top left; nothing else changes."""
    side = image.shape[0]
    return cv2.circle(image.copy(), (side // 4, side // 4), side // 6, (1.0, 0.1, 0.1), -1)


def unchanged(image: FloatImage) -> FloatImage:
    return image


def pixels(image: FloatImage) -> NDArray[np.uint8]:
    return np.round(image * 255).astype(np.uint8)


def quality(result: NDArray[np.generic], goal: FloatImage) -> float:
    return float(-10 * np.log10(np.mean(np.square(np.asarray(result, np.float64) / np.iinfo(result.dtype).max - goal))))


def compared(edit: Edit, spoil: Edit = unchanged) -> tuple[float, float, float]:
    """PSNR to the exact target: the enlarged decode, the residual added, the result."""
    image = picture()
    source, view = pixels(image), shrunk(image)
    before, after, goal = coded(view), spoil(coded(edit(view))), edit(image)
    change = cv2.resize(after - before, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    added = pixels(np.clip(image + change, 0.0, 1.0))
    result = full_resolution(source, view, before, after)
    return quality(plain(source, after), goal), quality(added, goal), quality(result, goal)


@pytest.mark.parametrize("edit", [grey, inverted, warm])
def test_a_map_of_colour_is_far_better_than_the_decode_and_the_residual(edit: Edit) -> None:
    decoded, residual, result = compared(edit)
    assert result > max(decoded, residual) + 5


@pytest.mark.parametrize("edit", [grey, inverted, warm, graded])
def test_errors_of_the_prediction_average_out(edit: Edit) -> None:
    decoded, residual, result = compared(edit, mistaken)
    assert result > max(decoded, residual) + 2


def test_light_that_depends_on_place_is_followed() -> None:
    decoded, residual, result = compared(graded)
    assert result > max(decoded, residual) + 3


@pytest.mark.parametrize("edit", [soft, mirrored])
@pytest.mark.parametrize("spoil", [unchanged, mistaken])
def test_what_no_map_explains_is_taken_from_the_decode(edit: Edit, spoil: Edit) -> None:
    decoded, _, result = compared(edit, spoil)
    assert result > decoded - 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_edit_that_changes_nothing_is_exact(dtype: type[np.uint8] | type[np.uint16]) -> None:
    source = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (70, 90, 3)).astype(dtype)
    view = np.random.default_rng(1).random((28, 36, 3), np.float32)
    result = full_resolution(source, view, coded(view), coded(view))
    assert result.dtype == dtype and np.array_equal(result, source) and not np.shares_memory(result, source)


def test_what_lies_away_from_a_local_edit_stays_bit_for_bit() -> None:
    image = picture()
    source, view = pixels(image), shrunk(image)
    result = full_resolution(source, view, coded(view), coded(disc(view)))
    same = (result == source).all(axis=2)
    assert same[SIDE * 2 // 3 :].all() and same[:, SIDE * 2 // 3 :].all()
    centre = result[SIDE // 4, SIDE // 4].astype(int)
    assert np.abs(centre - [255, 26, 26]).max() < 26
    assert quality(result, disc(image)) > quality(plain(source, coded(disc(view))), disc(image)) + 3


def test_prediction_noise_alone_hardly_changes_the_photo() -> None:
    decoded, residual, result = compared(unchanged, mistaken)
    assert result > max(decoded, residual, 38)


def test_sixteen_bits_stay_sixteen() -> None:
    ramp = np.linspace(0, 65535, 4000).astype(np.uint16)
    source = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (40, 4000, 3)))
    view = cv2.resize(source, (160, 8), interpolation=cv2.INTER_AREA).astype(np.float32) / 65535
    result = full_resolution(source, view, view, np.ascontiguousarray(view * 0.5 + 0.2))
    assert result.dtype == np.uint16
    assert len(np.unique(result[20, :, 0])) > 2000
    assert np.abs(result[20].astype(float) / 65535 - (source[20] / 65535 * 0.5 + 0.2)).max() < 0.01


def test_eight_and_sixteen_bits_agree() -> None:
    image = picture()
    source, view = pixels(image), shrunk(image)
    before, after = coded(view), coded(warm(view))
    low = full_resolution(source, view, before, after).astype(float) / 255
    high = full_resolution(source.astype(np.uint16) * 257, view, before, after).astype(float) / 65535
    assert np.abs(low - high).max() < 0.51 / 255 + 2e-4


@pytest.mark.parametrize("edit", [warm, graded, disc, soft])
def test_strips_equal_the_whole(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture()
    source, view = pixels(image), shrunk(image)
    before, after = coded(view), coded(edit(view))
    monkeypatch.setattr(detail, "_STRIP_PIXELS", SIDE * SIDE)
    whole = full_resolution(source, view, before, after)
    monkeypatch.setattr(detail, "_STRIP_PIXELS", SIDE * 7)
    assert np.array_equal(whole, full_resolution(source, view, before, after))


@pytest.mark.parametrize("cubic", [False, True])
def test_fields_enlarge_like_opencv(cubic: bool) -> None:
    small = np.random.default_rng(2).random((11, 17, 4), np.float32)
    rows = detail._Field(small, (53, 90), cubic=cubic).rows(13, 37)
    way = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    assert np.abs(np.moveaxis(rows, 0, 2) - cv2.resize(small, (90, 53), interpolation=way)[13:37]).max() < 1e-5


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (33, 65)])
@pytest.mark.parametrize("view_shape", [(1, 1), (1, 64), (64, 1), (40, 64)])
def test_any_size_works(shape: tuple[int, int], view_shape: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    source = random.integers(0, 256, (*shape, 3)).astype(np.uint8)
    view, before, after = (random.random((*view_shape, 3), np.float32) for _ in range(3))
    for result in (full_resolution(source, view, before, after), plain(source, after)):
        assert result.shape == source.shape and result.dtype == np.uint8


def test_a_flat_picture_takes_a_new_colour() -> None:
    source = np.full((50, 60, 3), 128, np.uint8)
    view = np.full((20, 24, 3), 128 / 255, np.float32)
    after = np.full_like(view, 0.0) + np.array([0.9, 0.2, 0.4], np.float32)
    result = full_resolution(source, view, view, after)
    assert np.abs(result / 255 - [0.9, 0.2, 0.4]).max() < 0.02


def test_the_inputs_are_left_alone() -> None:
    image = picture()
    arrays = (pixels(image), shrunk(image), coded(shrunk(image)), coded(graded(shrunk(image))))
    copies = [array.copy() for array in arrays]
    full_resolution(*arrays)
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, copies, strict=True))


def test_one_map_for_a_whole_picture_leaves_detail_and_place_out() -> None:
    view = shrunk(picture())
    transfer = fit_transfer(view, coded(view), coded(inverted(view)))
    assert transfer.share.min() > 0.99 and np.abs(transfer.matrix).max() < 0.01


@pytest.mark.parametrize(
    ("source", "view"),
    [
        (np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 3), np.float32)),
        (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)),
        (np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3), np.float32)),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.float64)),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4, 3), np.float32)),
    ],
)
def test_other_arrays_are_refused(source: NDArray[np.uint8], view: FloatImage) -> None:
    with pytest.raises(ValueError):
        full_resolution(source, view, view, view)
    with pytest.raises(ValueError):
        plain(source, view)


def test_pictures_of_two_sizes_are_refused() -> None:
    view, other = np.zeros((4, 4, 3), np.float32), np.zeros((4, 5, 3), np.float32)
    with pytest.raises(ValueError, match="one size"):
        full_resolution(np.zeros((8, 8, 3), np.uint8), view, view, other)
