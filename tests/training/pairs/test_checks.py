"""What a pair must be before the store takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.pairs.made import half_mask, negative, picture, raw
from training.pairs.checks import Known, changed_fraction, check, plain, tidy
from training.pairs.pair import PairError, RawPair, Rgb
from training.pairs.registration import Offset, offset_between, words_for
from training.pairs.similar import print_of, same_instruction, same_photo, same_to_the_eye, unlikeness
from training.starter import kinds
from training.starter.instruction import Instruction

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "brick.png", "coins.png")
EXAMPLES = [
    Instruction(
        kind.name,
        amount=amount,
        **{slot: kinds.SLOT_VALUES[slot][2 + number] for number, slot in enumerate(kind.slots)},
    )
    for kind in kinds.KINDS
    if kind.name != "identity"
    for amount in (("", "strongly") if kind.takes_amount else ("",))
]


def photo(name: str, side: int = 192) -> Rgb:
    whole = cv2.imread(str(Path(skimage.__file__).parent / "data" / name), cv2.IMREAD_COLOR)
    assert whole is not None
    scale = side / max(whole.shape[:2])
    size = (round(whole.shape[1] * scale), round(whole.shape[0] * scale))
    return np.ascontiguousarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA)[..., ::-1], np.uint8)


def edited(source: Rgb, instruction: Instruction) -> Rgb:
    return np.round(kinds.target(np.asarray(source, np.float32) / 255, instruction) * 255).astype(np.uint8)


def moved(image: Rgb, right: int, down: int) -> Rgb:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def jpeg(image: Rgb, quality: int) -> Rgb:
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    back = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert back is not None
    return np.ascontiguousarray(back[..., ::-1])


def half(image: Rgb) -> Rgb:
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"instruction": " \n\t"}, "instruction is empty"),
        ({"target": picture(1, 72)}, "differ in size, 64 x 64 before and 72 x 72 after"),
        ({"source": picture(1)[:40], "target": picture(2)[:40]}, "64 x 40 pixels, and at least 64 x 64"),
        ({"target": picture(1)}, "identical"),
        ({"target": picture(1)[..., 0]}, "after is not RGB"),
        ({"source": picture(1).astype(np.float32)}, "before is not RGB"),
        ({"mask": np.zeros((64, 64), np.uint8)}, "black everywhere"),
        ({"mask": np.ones((64, 60), np.uint8)}, "The mask is 60 x 64 and the pictures are 64 x 64"),
        ({"mask": np.ones((64, 64, 3), np.uint8)}, "not a grey picture"),
        ({"mask": np.ones((64, 64), bool)}, "not a grey picture"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_in_one_sentence(change: dict[str, object], words: str) -> None:
    with pytest.raises(PairError, match=words) as refused:
        check(replace(raw(1), **change))
    assert "\n" not in str(refused.value)


def test_a_sound_pair_passes() -> None:
    check(raw(1))
    check(raw(1, mask=half_mask()))


def test_a_moved_picture_is_refused_with_its_offset() -> None:
    source = photo("astronaut.png")
    with pytest.raises(PairError, match="lies 7 pixels to the right and 2 up: align it and add the pair again"):
        check(RawPair("make it darker", source, moved((source * 0.7).astype(np.uint8), 7, -2)))


@pytest.mark.parametrize("words", ["Move the photo to the left", "shift everything up", "zoom out and centre it"])
def test_an_instruction_to_move_may_move(words: str) -> None:
    source = photo("astronaut.png")
    check(RawPair(words, source, moved(source, 9, 0)))


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (Offset(7, -2), "7 pixels to the right and 2 up"),
        (Offset(-1, 0), "1 pixel to the left"),
        (Offset(0, 1), "1 pixel down"),
        (Offset(-3, 1), "3 pixels to the left and 1 down"),
    ],
)
def test_offsets_in_words(offset: Offset, words: str) -> None:
    assert words_for(offset) == words


@pytest.mark.parametrize("name", PHOTOS[:3])
def test_no_edit_of_the_bundled_model_counts_as_moved(name: str) -> None:
    source = photo(name)
    refused = [one for one in EXAMPLES if offset_between(source, edited(source, one)) is not None]
    assert refused == []


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, -1), (-2, 2), (5, -3), (20, 7)])
def test_moved_photos_are_found_whatever_their_tone(name: str, right: int, down: int) -> None:
    source = photo(name)
    for one in ("invert", "more_contrast", "black_and_white", "warmer"):
        assert offset_between(source, moved(edited(source, Instruction(one)), right, down)) == Offset(right, down)


def test_noise_blur_and_repaint_do_not_hide_a_shift() -> None:
    source = photo("coffee.png", 256)
    noise = np.random.default_rng(0).normal(0, 12, source.shape)
    repainted = source.copy()
    repainted[40:110, 60:150] = (200, 30, 60)
    for target in (
        np.clip(source + noise, 0, 255).astype(np.uint8),
        np.asarray(cv2.GaussianBlur(source, (0, 0), 3), np.uint8),
        repainted,
        jpeg(source, 40),
    ):
        assert offset_between(source, target) is None
        assert offset_between(source, moved(target, 0, 1)) == Offset(0, 1)
        assert offset_between(source, moved(target, -6, 4)) == Offset(-6, 4)


def test_large_pictures_are_judged_to_the_pixel() -> None:
    source = photo("astronaut.png", 1000)
    target = (source * 0.8).astype(np.uint8)
    assert offset_between(source, target) is None
    assert offset_between(source, moved(target, 1, 0)) == Offset(1, 0)
    assert offset_between(source, moved(target, -90, 41)) == Offset(-90, 41)


def test_what_moves_in_one_place_alone_is_an_edit() -> None:
    for side in (256, 1000):
        source = photo("astronaut.png", side)
        target = source.copy()
        part = slice(side // 8, side // 2)
        target[part, part] = moved(source, side // 40, 0)[part, part]
        assert offset_between(source, target) is None


@pytest.mark.parametrize("pixels", [np.zeros((64, 64, 3), np.uint8), np.full((80, 64, 3), 200, np.uint8)])
def test_flat_pictures_are_nowhere(pixels: Rgb) -> None:
    dot = pixels.copy()
    dot[9, 9] = 100
    assert offset_between(pixels, dot) is None
    assert offset_between(dot, pixels) is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(64, 90), st.integers(64, 90))
def test_any_two_pictures_can_be_compared(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(2))
    assert offset_between(one, other) is None  # noise is like no other noise


def known(pair: RawPair) -> Known:
    return Known(pair.instruction, lambda: pair.source, lambda: pair.target)


def test_near_duplicates_are_refused() -> None:
    source = photo("coffee.png", 384)
    pair = RawPair("Make it a negative.", source, negative(source))
    smaller = RawPair("make it a  negative", half(source), negative(half(source)))
    pressed = RawPair("Make it a negative", jpeg(source, 80), jpeg(negative(source), 80))
    for copy in (smaller, pressed):
        with pytest.raises(PairError, match="look the same"):
            check(copy, [known(raw(1)), known(pair)])
        check(replace(copy, instruction="turn the colours round"), [known(pair)])


def test_another_variant_of_the_same_edit_is_no_duplicate() -> None:
    source = photo("coffee.png", 256)
    red, other_place = source.copy(), source.copy()
    red[100:112, 100:112] = (220, 0, 0)
    other_place[100:112, 130:142] = (220, 0, 0)
    check(RawPair("add a red square", source, red), [known(RawPair("add a red square", source, other_place))])


def test_a_known_pair_without_its_pictures_is_like_no_other() -> None:
    check(raw(1), [Known(raw(1).instruction, lambda: None, lambda: None)])


def test_prints_tell_photos_apart_and_copies_together() -> None:
    photos = [photo(name, 384) for name in PHOTOS if name != "brick.png"]  # whose every place is of one grey
    prints = np.array([print_of(one) for one in photos], np.int64)
    for number, one in enumerate(photos):
        others = np.delete(np.arange(len(photos)), number)
        assert unlikeness(prints[others], int(prints[number])).min() > 15
        for copy in (jpeg(one, 70), half(one), (one * 0.7).astype(np.uint8)):
            assert unlikeness(prints[number : number + 1], print_of(copy))[0] <= 6
            assert same_photo(one, copy)
        assert same_to_the_eye(one, jpeg(one, 80)) and not same_to_the_eye(one, (one * 0.7).astype(np.uint8))
        assert not any(same_photo(one, photos[other]) for other in others)


def test_words_are_the_same_whatever_their_case_and_stops() -> None:
    assert same_instruction("Make it red.", "make  it RED")
    assert not same_instruction("make it red", "make it blue")


def test_spelling() -> None:
    assert plain(" a\u0000b\n\tc  ") == "a b c"
    assert plain("e\u0301") == "\u00e9"
    assert tidy(raw(1, mask=np.full((64, 64), 255, np.uint8))).mask is None
    assert tidy(raw(1, mask=half_mask())).mask is not None


@given(st.text())
def test_any_text_becomes_one_that_can_be_kept(text: str) -> None:
    kept = plain(text)
    assert plain(kept) == kept
    assert kept.encode("utf-8").decode() == kept and kept.strip() == kept


def test_changed_fraction_counts_what_is_seen() -> None:
    source = np.full((64, 64, 3), 100, np.uint8)
    target = source.copy()
    target[:16, :, 1] += 3
    target[16:32, :, 2] -= 2  # 2/255 is not seen
    assert changed_fraction(source, target) == 0.25
