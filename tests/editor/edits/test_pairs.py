"""Pairs for training, pixel for pixel, from variants, layers and the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageCms

from editor.core.changes import AddLayer, SetProperty
from editor.core.compositor import composite
from editor.core.document import Document, find
from editor.core.errors import Cancelled, ChangeRefused
from editor.core.geometry import Rect
from editor.core.history import History
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.pixels import over_white
from editor.core.selection import rectangle
from editor.core.tiles import TileMap
from editor.edits.pairs import (
    LONGEST,
    NewPair,
    Span,
    history_span,
    is_empty,
    layer_span,
    mask_of,
    named_instruction,
    pair_of,
    shrunk,
    variant_span,
    why_not_history,
    why_not_layer,
)

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT = 900, 700


class Going:
    """The progress of work that goes on until it is told not to."""

    def __init__(self, cancelled: bool = False) -> None:
        self.cancelled = cancelled
        self.told: list[float] = []

    def __call__(self, fraction: float) -> None:
        self.told.append(fraction)


def noise(width: int = WIDTH, height: int = HEIGHT, seed: int = 1, alpha: int = 255) -> Pixels:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = alpha
    return pixels


def raster(name: str, pixels: Pixels | None = None, **values: Any) -> RasterLayer:
    return RasterLayer(name=name, id=name, plane=TileMap.of(noise() if pixels is None else pixels), **values)


def patch(name: str, width: int = 40, height: int = 30, **values: Any) -> RasterLayer:
    """A little layer of one colour."""
    return raster(name, np.full((height, width, 4), (250, 20, 20, 255), np.uint8), **values)


def page(*layers: Layer, width: int = WIDTH, height: int = HEIGHT) -> Document:
    return Document(width, height, layers, active=layers[-1].id)


def history(*layers: Layer, width: int = WIDTH, height: int = HEIGHT) -> History:
    return History(page(*layers, width=width, height=height))


def of_layer(tree: History, id: str) -> tuple[Span, NewPair]:
    span = layer_span(id, tree.current, "a.ora")
    return span, pair_of(span, Going())


def flat(document: Document, rect: Rect) -> Pixels:
    return np.asarray(over_white(composite(document, rect)), np.uint8)


def place(pair: NewPair, picture: Pixels) -> Rect:
    """Where in `picture` the source of a pair lies."""
    height, width = pair.source.shape[:2]
    corners = picture[: picture.shape[0] - height + 1, : picture.shape[1] - width + 1]
    likely = np.argwhere((corners == pair.source[0, 0]).all(axis=2))
    found = [
        Rect(int(x), int(y), width, height)
        for y, x in likely
        if np.array_equal(picture[y, x : x + width], pair.source[0])
    ]
    assert len(found) == 1
    return found[0]


def test_a_layer_is_cut_out_with_room_around_it() -> None:
    tree = history(raster("photo"), patch("a red spot", x=600, y=300))
    span, pair = of_layer(tree, "a red spot")
    assert pair.source.shape == (512, 512, 3) and pair.target.shape == pair.source.shape
    whole = noise()[..., :3]
    rect = place(pair, whole)
    assert np.array_equal(pair.source, whole[rect.slices])
    assert np.array_equal(pair.target, flat(tree.document, rect))
    spot = Rect(600 - rect.x, 300 - rect.y, 40, 30)
    assert rect & Rect(600, 300, 40, 30) == Rect(600, 300, 40, 30)
    assert pair.mask is not None and (pair.mask[spot.slices] == 255).all()
    assert (pair.mask[spot.grown(-1).slices] == 255).all() and not pair.mask[:10].any()
    outside = pair.mask == 0
    assert np.array_equal(pair.source[outside], pair.target[outside])
    grown = np.count_nonzero(pair.mask)
    assert 40 * 30 < grown < 60 * 50
    assert span.suggestion == "a red spot" and span.instruction == ""
    assert (
        pair.origin["what"] == "layer" and pair.origin["layer"] == "a red spot" and pair.origin["document"] == "a.ora"
    )


@pytest.mark.parametrize("through", [False, True])
def test_a_layer_in_groups_moved_masked_and_half_seen(through: bool) -> None:
    mask = np.zeros((90, 120), np.uint8)
    mask[20:60, 30:100] = 128
    inner = raster("inner", noise(120, 90, 5), x=10, y=7, opacity=0.6, blend="multiply", mask=Mask(TileMap.of(mask)))
    above = patch("above", x=0, y=0)
    group = GroupLayer(
        name="group", id="group", x=100, y=50, opacity=0.5, pass_through=through,
        children=(raster("beside", noise(200, 200, 7), x=5), inner, above),
    )  # fmt: skip
    tree = history(raster("photo"), group, patch("on top"))
    _, pair = of_layer(tree, "inner")
    without = replace(group, children=group.children[:1])
    with_it = replace(group, children=group.children[:2])
    photo = tree.document.layers[0]
    before, after = page(photo, without), page(photo, with_it)
    rect = place(pair, flat(before, before.rect))
    assert np.array_equal(pair.source, flat(before, rect))
    assert np.array_equal(pair.target, flat(after, rect))
    changed = Rect(100 + 10 + 30 - rect.x, 50 + 7 + 20 - rect.y, 70, 40)
    assert pair.mask is not None and (pair.mask[changed.slices] == 255).all()
    assert (pair.mask > 0).mean() < 0.1


def test_a_group_is_taken_as_a_whole_and_its_edit_layers_say_what_it_does() -> None:
    recipe = {
        "format": 1, "instruction": "add fog", "steps": 2, "text_scale": 7.5, "image_scale": 1.5, "sampler": "euler",
        "size": 64, "full_res": True, "seed": 1, "region": {"x": 0, "y": 0, "width": 40, "height": 30}, "mask": "",
        "source": "s", "model": "starter", "model_sha256": "", "precision": "", "provider": "", "library": "",
    }  # fmt: skip
    group = GroupLayer(
        name="Group", id="group", children=(patch("fog", recipe=recipe, x=50, y=60), patch("dot", x=300, y=100))
    )
    tree = history(raster("photo"), group)
    span, pair = of_layer(tree, "group")
    assert span.suggestion == "add fog" and span.instruction == ""
    rect = place(pair, noise()[..., :3])
    assert np.array_equal(pair.target, flat(tree.document, rect))
    assert Rect(50, 60, 290, 70) & rect == Rect(50, 60, 290, 70)


def test_an_edit_layer_brings_its_region_and_its_instruction(bench: Any) -> None:
    bench.generation.start()
    item = bench.session.done[0]
    assert bench.generation.keep([item.id])
    step, document = bench.open.history.current, bench.open.document
    layer = document.layers[-1]
    assert isinstance(layer, RasterLayer)
    span = layer_span(layer.id, step, "a.png")
    pair = pair_of(span, Going())
    assert (span.instruction, span.rect) == ("make it snow", document.rect)
    assert np.array_equal(pair.source, flat(bench.open.history.root.document, document.rect))
    assert np.array_equal(pair.target, flat(document, document.rect))
    assert pair.mask is None and pair.origin["model"] == item.settings.model


def test_a_hidden_layer_in_a_hidden_group_counts_as_shown() -> None:
    spot = patch("spot", x=10, y=10, visible=False)
    tree = history(raster("photo"), GroupLayer(name="g", id="g", visible=False, children=(spot,)))
    _, pair = of_layer(tree, "spot")
    assert pair.mask is not None and (pair.target[10:40, 10:50] == (250, 20, 20)).all()


def test_what_is_transparent_is_seen_over_white() -> None:
    clear = noise(alpha=0)
    clear[:350] = noise()[:350]
    tree = history(raster("photo", clear), patch("spot", x=10, y=340))
    _, pair = of_layer(tree, "spot")
    assert (pair.source[-1] == 255).all() and pair.source.dtype == np.uint8 and pair.source.shape[2] == 3


def test_pictures_of_other_colours_are_handed_on_in_srgb() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    green = np.full((HEIGHT, WIDTH, 4), (20, 220, 60, 255), np.uint8)
    tree = History(replace(page(raster("photo", green), patch("spot", x=10, y=10)), icc=swapped))
    _, pair = of_layer(tree, "spot")
    assert np.allclose(pair.source[-1, -1], (220, 20, 60), atol=2)


def test_large_pictures_are_scaled_alike() -> None:
    small = np.random.default_rng(3).integers(0, 256, (130, 260, 4), np.uint8)
    small[..., 3] = 255
    large = np.repeat(np.repeat(small, 10, 0), 10, 1)
    dark = np.zeros((1300, 2600, 4), np.uint8)
    dark[..., 3] = 100
    tree = history(raster("photo", large), raster("make it dark", dark), width=2600, height=1300)
    _, pair = of_layer(tree, "make it dark")
    assert pair.source.shape == (1024, LONGEST, 3) == pair.target.shape and pair.mask is None
    assert np.array_equal(
        pair.source, shrunk(flat(page(raster("photo", large), width=2600, height=1300), tree.document.rect))
    )
    assert np.allclose(pair.target, pair.source * (155 / 255), atol=1.5)


def test_a_variant_gives_what_it_was_made_from_and_its_own_pixels(bench: Any) -> None:
    bench.generation.start()
    first, second = bench.session.done
    step = bench.open.history.current
    pair = pair_of(variant_span(first, step, "a.png"), Going())
    assert pair.instruction == "make it snow" and pair.origin["kept"] == "no" and pair.origin["variant"] == first.id
    assert np.array_equal(pair.source, flat(bench.open.document, first.region.rect))
    assert np.array_equal(pair.target, over_white(first.pixels))
    bench.generation.keep([first.id])
    now = bench.open.history.current
    kept = pair_of(variant_span(first, now, "a.png"), Going())
    assert kept.origin["kept"] == "yes" and np.array_equal(kept.source, pair.source)
    rejected = pair_of(variant_span(second, now, "a.png"), Going())
    assert rejected.origin["kept"] == "no" and not np.array_equal(rejected.target, pair.target)
    assert {kept.group, rejected.group} == {pair.group} and len(pair.group) == 64


def test_a_variant_of_a_selection_changes_nothing_outside_it(make_bench: Any, make_document: Any) -> None:
    document = make_document(700, 650)
    bench = make_bench(replace(document, selection=rectangle(Rect(100, 120, 60, 50))))
    bench.generation.start()
    item = bench.session.done[0]
    pair = pair_of(variant_span(item, bench.open.history.current, "a.png"), Going())
    assert pair.source.shape[:2] == (item.region.rect.height, item.region.rect.width)
    assert np.array_equal(pair.target, over_white(item.pixels))
    inside = Rect(100, 120, 60, 50).moved(-item.region.rect.x, -item.region.rect.y)
    assert pair.mask is not None and (pair.mask[inside.slices] == 255).all()
    assert (pair.mask > 0).mean() < 0.3


def test_a_variant_that_is_not_finished_is_refused(bench: Any) -> None:
    bench.generation.start()
    item = replace(bench.session.done[0], layer=None, pixels=None)
    with pytest.raises(ChangeRefused, match="not finished"):
        variant_span(item, bench.open.history.current, "a")


def test_a_stretch_of_the_history_is_a_retouched_variant(bench: Any) -> None:
    bench.generation.start()
    bench.generation.keep([bench.session.done[0].id])
    start, opened = bench.open.history.root, bench.open
    opened.do(AddLayer(patch("dust", x=100, y=80)))
    span = history_span(start, opened.history.current, "a.png")
    assert span.suggestion == "make it snow" and span.instruction == "" and span.rect is None
    pair = pair_of(replace(span, instruction="make it snow"), Going())
    assert np.array_equal(pair.source, flat(start.document, opened.document.rect))
    assert np.array_equal(pair.target, flat(opened.document, opened.document.rect))
    assert pair.origin["what"] == "history" and pair.origin["steps"] == "Open to New layer"


def test_only_the_part_that_changed_is_cut_from_the_history() -> None:
    tree = history(raster("photo", noise(1500, 1200)), width=1500, height=1200)
    tree.do(AddLayer(patch("spot", x=1300, y=900)))
    pair = pair_of(history_span(tree.root, tree.current, "a"), Going())
    assert pair.source.shape == (512, 512, 3)
    rect = place(pair, noise(1500, 1200)[..., :3])
    assert rect & Rect(1300, 900, 40, 30) == Rect(1300, 900, 40, 30)


def test_nothing_changed_is_nothing_to_learn() -> None:
    same = raster("again", noise())
    tree = history(raster("photo"), same)
    with pytest.raises(ChangeRefused, match="Nothing changes"):
        of_layer(tree, "again")
    tree.do(SetProperty("photo", "name", "other"))
    with pytest.raises(ChangeRefused, match="Nothing changes"):
        pair_of(history_span(tree.root, tree.current, "a"), Going())
    away = history(raster("photo"), patch("away", x=5000))
    with pytest.raises(ChangeRefused, match="Nothing changes"):
        of_layer(away, "away")


def test_cancelling_ends_the_drawing() -> None:
    tree = history(raster("photo"), patch("spot"))
    with pytest.raises(Cancelled):
        pair_of(layer_span("spot", tree.current, "a"), Going(cancelled=True))
    going = Going()
    pair_of(layer_span("spot", tree.current, "a"), going)
    assert going.told == sorted(going.told) and going.told[-1] == 1.0


def test_all_pairs_of_a_photo_have_one_group_whatever_is_done_to_it() -> None:
    def first(*layers: Layer) -> str:
        tree = history(*layers, patch("spot", x=20, y=20))
        return of_layer(tree, "spot")[1].group

    tree = history(raster("photo"), patch("spot", x=20, y=20))
    group = of_layer(tree, "spot")[1].group
    tree.do(Paint("photo"))
    tree.do(SetProperty("photo", "x", 5))
    assert not np.array_equal(flat(tree.document, tree.document.rect), flat(tree.root.document, tree.document.rect))
    assert of_layer(tree, "spot")[1].group == group
    assert pair_of(history_span(tree.root, tree.current, "a"), Going()).group == group
    assert first(replace(raster("photo"), id="another id")) == group, "the same file, opened again"
    assert first(raster("photo", noise(seed=2))) != group
    white = raster("paper", np.full((HEIGHT, WIDTH, 4), 255, np.uint8))
    assert first(white, raster("photo")) == group, "an empty page is no photo"


def test_a_photo_that_was_placed_on_an_empty_page_is_its_group() -> None:
    white = raster("paper", np.full((HEIGHT, WIDTH, 4), 255, np.uint8))
    tree = history(white)
    tree.do(AddLayer(raster("photo")))
    tree.do(AddLayer(patch("spot", x=20, y=20)))
    _, pair = of_layer(tree, "spot")
    alone = of_layer(history(raster("photo"), patch("spot")), "spot")[1]
    assert pair.group == alone.group and pair.origin["base"] == "photo"


def test_what_cannot_be_used_says_why() -> None:
    empty = RasterLayer(name="empty", id="empty")
    document = page(raster("photo"), empty, patch("spot"))
    assert "active" in why_not_layer(None) and "active" in why_not_layer(replace(document, active=""))
    assert "below" in why_not_layer(replace(document, active="photo"))
    assert "empty" in why_not_layer(replace(document, active="empty"))
    assert why_not_layer(replace(document, active="spot")) == ""
    hidden = page(raster("photo", visible=False), patch("spot"))
    assert "below" in why_not_layer(hidden)
    assert is_empty(GroupLayer(name="g", children=(empty,)))


def test_what_of_the_history_cannot_be_used_says_why() -> None:
    tree = history(raster("photo"))
    assert "shown now" in why_not_history(tree) and "open" in why_not_history(None)
    tree.do(SetProperty("photo", "name", "b"))
    later = tree.current.id
    assert why_not_history(tree) == why_not_history(tree, 0) == ""
    assert why_not_history(tree, 999) != ""
    tree.go(0)
    assert "does not lead" in why_not_history(tree, later)
    tree.do(Cropped())
    assert "another size" in why_not_history(tree, 0)
    with pytest.raises(ChangeRefused, match="another size"):
        history_span(tree.root, tree.current, "a")


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("make the sky darker", "make the sky darker"),
        ("make it snow 2", "make it snow"),
        ("add fog copy", "add fog"),
        ("Layer 3", ""),
        ("photo", ""),
        ("Background copy", ""),
        ("IMG_0042.jpg", ""),
        ("Pasted", ""),
        ("", ""),
    ],
)
def test_names_that_read_like_an_instruction(name: str, suggested: str) -> None:
    assert named_instruction(name) == suggested


@given(share=st.floats(0.01, 0.99), long=st.integers(64, 600))
def test_a_mask_holds_the_change_and_little_more(share: float, long: int) -> None:
    change = np.zeros((80, long), np.bool_)
    change[:, : round(long * share)] = True
    mask = mask_of(change)
    assert (mask is None) == (change.mean() > 0.8)
    if mask is not None:
        assert (mask[change] == 255).all() and set(np.unique(mask)) <= {0, 255}
        assert np.count_nonzero(mask) - np.count_nonzero(change) <= 80 * max(4, round(max(80, long) * 0.01))


class Paint:
    """Every pixel of a layer's first tile becomes black."""

    label, merge_key = "Paint", ""

    def __init__(self, id: str) -> None:
        self.id = id

    def apply(self, document: Document) -> Document:
        layer = find(document, self.id)
        assert isinstance(layer, RasterLayer)
        black = np.zeros((200, 200, 4), np.uint8)
        black[..., 3] = 255
        painted = replace(layer, plane=layer.plane.with_pixels(black, 0, 0))
        return replace(document, layers=tuple(painted if each is layer else each for each in document.layers))


class Cropped:
    label, merge_key = "Crop", ""

    def apply(self, document: Document) -> Document:
        return replace(document, width=document.width - 10)


def test_the_work_is_pure(make_document: Callable[..., Document]) -> None:
    tree = History(make_document(200, 150))
    tree.do(AddLayer(patch("spot", x=20, y=20)))
    before = tree.document
    first, again = (pair_of(layer_span("spot", tree.current, "a"), Going()) for _ in range(2))
    assert np.array_equal(first.target, again.target) and tree.document is before and first.group == again.group
