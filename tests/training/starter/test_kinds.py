from __future__ import annotations

import importlib
import itertools
import pkgutil

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from training.starter import kinds
from training.starter.instruction import Instruction
from training.starter.kinds import (
    COLOUR_NAMES,
    FAMILIES,
    KINDS,
    PLACES,
    SHAPES,
    FloatImage,
    Kind,
    colour_mask,
    colour_named,
    kind_named,
    present_colours,
    target,
)
from training.starter.kinds.filters import blurred
from training.starter.kinds.painterly import kuwahara
from training.starter.kinds.shapes import shape_mask

EXAMPLE_SLOTS = {"colour": "red", "to_colour": "blue", "shape": "star", "place": "top left"}
SIZES = [(1, 1), (1, 40), (3, 17), (40, 64), (64, 40)]


def example(kind: Kind, amount: str = "") -> Instruction:
    return Instruction(kind.name, amount, **{slot: EXAMPLE_SLOTS[slot] for slot in kind.slots})


def amounts_of(kind: Kind) -> tuple[str, ...]:
    return ("slightly", "", "strongly") if kind.takes_amount else ("",)


EVERY = [example(kind, amount) for kind in KINDS for amount in amounts_of(kind)]
NAMES = [f"{instruction.amount} {instruction.kind}".strip() for instruction in EVERY]


def noise(height: int, width: int, seed: int = 0) -> FloatImage:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def flat(*rgb: float, side: int = 16) -> FloatImage:
    return np.broadcast_to(np.array(rgb, np.float32), (side, side, 3)).copy()


def shrunk(image: FloatImage, width: int, height: int) -> FloatImage:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def rmse(a: FloatImage, b: FloatImage) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2)))


@pytest.fixture(scope="module")
def photos() -> list[FloatImage]:
    """Three photos of long side 128."""
    loaded = [loader().astype(np.float32) / 255.0 for loader in (data.astronaut, data.chelsea, data.coffee)]
    scales = [128 / max(photo.shape) for photo in loaded]
    return [
        shrunk(photo, round(photo.shape[1] * scale), round(photo.shape[0] * scale))
        for photo, scale in zip(loaded, scales, strict=True)
    ]


def test_there_are_enough_kinds_and_their_records_are_sound() -> None:
    assert len(KINDS) >= 42
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert {kind.family for kind in KINDS} == set(FAMILIES)
    assert all(kind_named(kind.name) is kind for kind in KINDS)
    assert {kind.name for kind in KINDS if kind.random} == {"rain", "snow", "film_grain"}


def test_no_file_of_kinds_is_missing_from_the_listing() -> None:
    names = [module.name for module in pkgutil.iter_modules(kinds.__path__)]
    modules = [importlib.import_module(f"training.starter.kinds.{name}") for name in names]
    listed = [kind for module in modules for kind in getattr(module, "KINDS", ())]
    assert len(listed) >= 42
    assert {kind.name for kind in listed} == {kind.name for kind in KINDS} - {"identity"}


@pytest.mark.parametrize("instruction", EVERY, ids=NAMES)
@pytest.mark.parametrize("size", SIZES)
def test_every_kind_gives_a_picture_of_the_same_shape_in_range(instruction: Instruction, size: tuple[int, int]) -> None:
    image = noise(*size)
    before = image.copy()
    result = target(image, instruction)
    assert result.shape == image.shape and result.dtype == np.float32 and result.flags.c_contiguous
    assert np.isfinite(result).all() and result.min() >= 0.0 and result.max() <= 1.0
    assert np.array_equal(image, before)
    assert not np.shares_memory(result, image)


@pytest.mark.parametrize("instruction", EVERY, ids=NAMES)
def test_every_kind_is_deterministic_also_for_arrays_that_are_not_contiguous(instruction: Instruction) -> None:
    image = noise(24, 40)
    view = np.asfortranarray(image)
    first = target(image, instruction)
    assert np.array_equal(first, target(image.copy(), instruction))
    assert np.abs(first - target(view, instruction)).max() < 1e-5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_pictures_are_no_trouble(value: float) -> None:
    for instruction in EVERY:
        assert np.isfinite(target(np.full((9, 7, 3), value, np.float32), instruction)).all()


def test_a_rounding_above_white_is_white() -> None:
    """As cv2's INTER_AREA leaves it; (1 - x) to a power would not be a number."""
    above = np.full((4, 4, 3), np.nextafter(np.float32(1.0), np.float32(2.0)), np.float32)
    for kind in KINDS:
        assert np.isfinite(target(above, example(kind))).all(), kind.name


@pytest.mark.parametrize("instruction", [i for i in EVERY if not kind_named(i.kind).random], ids=str)
def test_the_same_edit_at_two_sizes_is_the_same_picture_at_two_scales(instruction: Instruction) -> None:
    large = cv2.GaussianBlur(data.astronaut().astype(np.float32) / 255.0, (0, 0), 3.0)
    small = shrunk(large, 128, 128)
    difference = rmse(shrunk(target(large, instruction), 128, 128), target(small, instruction))
    # Shrinking averages over the steps of these, so there they differ where a smooth tone crosses one.
    stepped = {"posterise": 0.1, "stencil": 0.06, "oil_paint": 0.06, "cartoon": 0.045}
    soft = {"watercolour": 0.03, "pencil_sketch": 0.025, "colour_sketch": 0.02, "solarise": 0.02}
    assert difference < {**stepped, **soft}.get(instruction.kind, 0.012)


def test_each_edit_is_visible_on_photos(photos: list[FloatImage]) -> None:
    for kind in KINDS:
        if kind.family in ("identity", "recolour") or kind.name == "add_shape":
            continue
        for photo in photos:
            assert np.abs(target(photo, example(kind)) - photo).mean() * 255 >= 8, kind.name


def test_kinds_are_told_apart_on_photos(photos: list[FloatImage]) -> None:
    instructions = [example(kind) for kind in KINDS]
    results = [[target(photo, instruction) for photo in photos] for instruction in instructions]
    for (a, first), (b, second) in itertools.combinations(zip(instructions, results, strict=True), 2):
        assert np.mean([rmse(x, y) for x, y in zip(first, second, strict=True)]) >= 0.03, (a.kind, b.kind)


def test_tints_are_told_apart_on_photos(photos: list[FloatImage]) -> None:
    results = {name: [target(photo, Instruction("tint", colour=name)) for photo in photos] for name in COLOUR_NAMES}
    for a, b in itertools.combinations(COLOUR_NAMES, 2):
        assert np.mean([rmse(x, y) for x, y in zip(results[a], results[b], strict=True)]) >= 0.05, (a, b)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.takes_amount], ids=lambda kind: kind.name)
def test_more_of_an_edit_is_further_from_the_photo(kind: Kind, photos: list[FloatImage]) -> None:
    changes = [
        np.mean([rmse(target(photo, example(kind, amount)), photo) for photo in photos])
        for amount in ("slightly", "", "strongly")
    ]
    assert changes[0] < 0.85 * changes[1] < 0.85 * 0.95 * changes[2]


def test_black_and_white_has_equal_channels() -> None:
    result = target(noise(20, 30), Instruction("black_and_white"))
    assert np.array_equal(result[..., 0], result[..., 1]) and np.array_equal(result[..., 0], result[..., 2])


@pytest.mark.parametrize("name", ["mirror", "flip", "invert", "swap_red_blue"])
def test_edits_that_undo_themselves(name: str) -> None:
    image = noise(21, 30)
    once = target(image, Instruction(name))
    assert rmse(once, image) > 0.1
    assert np.allclose(target(once, Instruction(name)), image, atol=1e-6)


def test_mirror_and_flip_move_the_right_way() -> None:
    image = np.zeros((4, 6, 3), np.float32)
    image[0, 0] = 1.0
    assert target(image, Instruction("mirror"))[0, 5].min() == 1.0
    assert target(image, Instruction("flip"))[3, 0].min() == 1.0


def test_tone_edits_move_the_tone_as_they_say(photos: list[FloatImage]) -> None:
    for photo in photos:
        assert target(photo, Instruction("brighter")).mean() > photo.mean() + 0.05
        assert target(photo, Instruction("darker")).mean() < photo.mean() - 0.05
        assert target(photo, Instruction("more_contrast")).std() > 1.2 * photo.std()
        assert target(photo, Instruction("less_contrast")).std() < 0.8 * photo.std()
        assert target(photo, Instruction("blur")).std() < photo.std()
        warm, cool = target(photo, Instruction("warmer")), target(photo, Instruction("cooler"))
        assert (warm[..., 0] - warm[..., 2]).mean() > (photo[..., 0] - photo[..., 2]).mean() + 0.05
        assert (cool[..., 2] - cool[..., 0]).mean() > (photo[..., 2] - photo[..., 0]).mean() + 0.05


@pytest.mark.parametrize("name", COLOUR_NAMES)
def test_the_mask_of_a_paint_is_full_and_the_others_are_empty(name: str) -> None:
    image = flat(*colour_named(name).rgb)
    for other in COLOUR_NAMES:
        mask = colour_mask(image, other)
        assert mask.shape == (16, 16) and mask.dtype == np.float32
        assert (mask.min() > 0.95) if other == name else (mask.max() < 0.05)
    assert present_colours(image) == (name,)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_masks_are_shares_and_their_sum_is_at_most_one(seed: int) -> None:
    masks = np.stack([colour_mask(noise(8, 9, seed), name) for name in COLOUR_NAMES])
    assert masks.min() >= 0.0 and masks.sum(axis=0).max() <= 1.0 + 1e-5


@pytest.mark.parametrize("grey", [0.0, 0.05, 0.5, 1.0])
def test_grey_has_no_colour(grey: float) -> None:
    assert present_colours(flat(grey, grey, grey)) == ()
    assert all(colour_mask(flat(grey, grey, grey), name).max() == 0.0 for name in COLOUR_NAMES)


@pytest.mark.parametrize(("colour", "to_colour"), list(itertools.permutations(COLOUR_NAMES, 2)))
def test_recolouring_shows_the_new_colour_at_every_shade(colour: str, to_colour: str) -> None:
    shades = np.linspace(0.6, 1.0, 12, dtype=np.float32)[:, None, None]
    image = np.repeat(np.array(colour_named(colour).rgb, np.float32) * shades, 12, axis=1)
    result = target(image, Instruction("recolour", colour=colour, to_colour=to_colour))
    assert (colour_mask(result, to_colour) > 0.5).mean() > 0.95
    assert (colour_mask(result, colour) > 0.5).mean() < 0.05


def test_recolouring_keeps_all_else_and_the_shading() -> None:
    image = noise(40, 40)
    result = target(image, Instruction("recolour", colour="green", to_colour="red"))
    mask = colour_mask(image, "green")
    assert np.array_equal(result[mask == 0.0], image[mask == 0.0])
    assert np.abs(result - image).max(axis=2)[mask > 0.9].min() > 0.1
    ramp = np.repeat(
        flat(*colour_named("red").rgb)[:1] * np.linspace(0.4, 1, 16, dtype=np.float32)[:, None, None], 1, 0
    )
    lumas = target(ramp, Instruction("recolour", colour="red", to_colour="blue")).mean(axis=(1, 2))
    assert (np.diff(lumas) > 0.0).all()


@given(st.sampled_from(list(itertools.permutations(COLOUR_NAMES, 2))))
@settings(max_examples=20, deadline=None)
def test_recolouring_where_the_colour_is_absent_is_exactly_the_identity(pair: tuple[str, str]) -> None:
    grey = np.repeat(noise(12, 12)[..., :1], 3, axis=2)
    assert np.array_equal(target(grey, Instruction("recolour", colour=pair[0], to_colour=pair[1])), grey)
    far = {"red": "cyan", "orange": "blue", "yellow": "blue", "green": "pink"}.get(pair[0], "yellow")
    paint = flat(*colour_named(far).rgb)
    assert np.array_equal(target(paint, Instruction("recolour", colour=pair[0], to_colour=pair[1])), paint)


def test_keep_only_leaves_the_colour_and_greys_the_rest() -> None:
    image = np.concatenate([flat(*colour_named("red").rgb), flat(*colour_named("green").rgb)], axis=1)
    result = target(image, Instruction("keep_only", colour="red"))
    assert np.allclose(result[:, :16], image[:, :16], atol=0.02)
    assert np.ptp(result[:, 16:], axis=2).max() == 0.0


@pytest.mark.parametrize(("shape", "place"), list(itertools.product(SHAPES, PLACES)))
def test_a_shape_lies_at_its_place_in_its_colour(shape: str, place: str) -> None:
    image = flat(0.5, 0.5, 0.5, side=90)
    result = target(image, Instruction("add_shape", colour="blue", shape=shape, place=place))
    changed = np.abs(result - image).max(axis=2) > 0.3
    rows, columns = np.nonzero(changed)
    expected = [1 + step for step in PLACES[place]]
    assert [int(columns.mean() // 30), int(rows.mean() // 30)] == expected
    assert 0.02 < changed.mean() < 0.12
    assert min(rows.min(), columns.min(), 89 - rows.max(), 89 - columns.max()) >= 0
    solid = shape_mask(image, shape, place) == 1.0
    assert np.allclose(result[solid], colour_named("blue").rgb, atol=1e-6)


@pytest.mark.parametrize(("shape", "area"), [("circle", np.pi), ("square", 4 * 0.88**2), ("triangle", 3**1.5 / 4)])
@pytest.mark.parametrize("side", [128, 512, 1500])
def test_a_shape_covers_its_area(shape: str, area: float, side: int) -> None:
    mask = shape_mask(np.zeros((side, side, 3), np.float32), shape, "centre")
    assert mask.sum() == pytest.approx(area * (0.17 * side) ** 2, rel=0.04)


def test_frames_and_bars_cover_what_they_should() -> None:
    image = flat(0.5, 0.5, 0.5, side=100)
    white, black = target(image, Instruction("white_frame")), target(image, Instruction("black_frame"))
    assert white[:7].min() == 1.0 and white[-7:].min() == 1.0 and white[:, :7].min() == 1.0
    assert black[:7].max() == 0.0 and np.array_equal(black[8:92, 8:92], image[8:92, 8:92])
    bars = target(image, Instruction("cinema_bars"))
    assert bars[:16].max() == 0.0 and bars[-16:].max() == 0.0 and bars[20:80].min() == 0.5


def test_chance_depends_on_the_picture_alone() -> None:
    for name in ("rain", "snow", "film_grain"):
        image = noise(48, 64)
        nearly = image.copy()
        nearly[0, 0] = 1.0 - nearly[0, 0]
        first = target(image, Instruction(name))
        assert np.array_equal(first, target(image, Instruction(name)))
        assert rmse(first, target(nearly, Instruction(name))) > 0.02


def test_pixelating_gives_flat_blocks() -> None:
    result = target(noise(96, 96), Instruction("pixelate"))
    assert np.ptp(result.reshape(16, 6, 16, 6, 3), axis=(1, 3)).max() == 0.0


def test_the_kuwahara_filter_agrees_with_its_definition() -> None:
    image = noise(9, 11)
    size = 3  # round(0.18 * 11) + 1
    around = np.pad(image, ((size, size), (size, size), (0, 0)), mode="symmetric")
    weights = np.array([0.299, 0.587, 0.114])
    expected = np.empty_like(image)
    for y, x in np.ndindex(9, 11):
        corners = [(y + 1, x + 1), (y + 1, x + size), (y + size, x + 1), (y + size, x + size)]
        windows = [around[top : top + size, left : left + size] for top, left in corners]
        expected[y, x] = min(windows, key=lambda window: float((window @ weights).var())).mean(axis=(0, 1))
    assert np.abs(kuwahara(image, 0.18) - expected).max() < 1e-5


def test_a_wide_blur_at_a_smaller_size_is_close_to_the_exact_one() -> None:
    image = data.astronaut().astype(np.float32) / 255.0
    exact = cv2.GaussianBlur(image, (0, 0), 0.05 * 512, borderType=cv2.BORDER_REFLECT)
    assert rmse(blurred(image, 0.05), np.asarray(exact, np.float32)) < 0.01


@pytest.mark.parametrize(
    "instruction",
    [
        Instruction("paint_it_pretty"),
        Instruction("mirror", amount="strongly"),
        Instruction("darker", amount="hugely"),
        Instruction("tint"),
        Instruction("tint", colour="beige"),
        Instruction("blur", colour="red"),
        Instruction("add_shape", colour="red", shape="cube", place="left"),
    ],
)
def test_what_makes_no_sense_is_refused(instruction: Instruction) -> None:
    with pytest.raises(ValueError, match=r"there is no kind|does not take"):
        target(noise(4, 4), instruction)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4, 3), np.float32)]
)
def test_other_arrays_are_refused(image: FloatImage) -> None:
    with pytest.raises(ValueError, match="float32"):
        target(image, Instruction("invert"))


def test_an_unknown_colour_is_refused() -> None:
    with pytest.raises(ValueError, match="no colour 'beige'"):
        colour_mask(noise(2, 2), "beige")
