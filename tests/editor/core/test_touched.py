"""Touched rectangles against what really changed in composites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editor.core.compositor import composite
from editor.core.document import Document, find, inserted, walk, with_layer
from editor.core.geometry import Rect, around
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import Samples, TileMap
from editor.core.touched import touched

PAGE = Rect(0, 0, 700, 520)


def flat(width: int, height: int, value: int = 150, channels: int = 4) -> Samples:
    return np.full((height, width, channels), value, np.uint8)


def raster(id: str, width: int = 200, height: int = 200, **values: Any) -> RasterLayer:
    return RasterLayer(name=id, id=id, plane=TileMap.of(flat(width, height)), **values)


def page(*layers: Layer) -> Document:
    return Document(PAGE.width, PAGE.height, layers)


def changed(document: Document, id: str, **values: object) -> Document:
    return with_layer(document, id, lambda layer: replace(layer, **values))


def test_one_changed_tile_is_its_rectangle_clipped_to_the_page() -> None:
    before = page(raster("below", 700, 520), raster("a", 700, 520))
    plane = find(before, "a").plane.with_pixels(flat(5, 5, 9), 600, 300)
    assert touched(before, changed(before, "a", plane=plane)) == (Rect(512, 256, 188, 256),)


def test_tiles_of_a_layer_in_a_group_are_moved_with_both() -> None:
    before = page(GroupLayer(name="g", id="g", children=(raster("a", x=10, y=20),), x=-30, y=5))
    plane = find(before, "a").plane.with_pixels(flat(1, 1, 9), 0, 0)
    assert touched(before, changed(before, "a", plane=plane)) == (Rect(0, 25, 236, 256),)


def test_neighbouring_tiles_become_one_rectangle() -> None:
    before = page(raster("a", 700, 520))
    after = changed(before, "a", plane=TileMap.of(flat(512, 512, 7)))
    assert around(touched(before, after)) == PAGE
    plane = find(before, "a").plane.with_pixels(flat(300, 300, 7), 100, 100)
    assert touched(before, changed(before, "a", plane=plane)) == (Rect(0, 0, 512, 512),)


@pytest.mark.parametrize(
    "values", [{"opacity": 0.5}, {"visible": False}, {"blend": "multiply"}, {"mask": Mask(TileMap(1))}]
)
def test_a_property_touches_what_the_layer_holds(values: dict[str, object]) -> None:
    before = page(raster("below", 700, 520), raster("a", x=100, y=50))
    after = changed(before, "a", **values)
    assert touched(before, after) == touched(after, before) == (Rect(100, 50, 256, 256),)


def test_moving_touches_both_places() -> None:
    before = page(raster("below", 700, 520), raster("a"))
    assert set(touched(before, changed(before, "a", x=400))) == {Rect(0, 0, 256, 256), Rect(400, 0, 256, 256)}


def test_reordering_touches_only_the_one_that_changed_places() -> None:
    small = raster("small", x=300, y=100)
    big = [raster(name, 700, 520) for name in "abc"]
    assert touched(page(small, *big), page(*big, small)) == (Rect(300, 100, 256, 256),)
    assert touched(page(*big, small), page(*big[:1], small, *big[1:])) == (Rect(300, 100, 256, 256),)


def test_adding_and_removing_touch_the_layer() -> None:
    before = page(raster("below", 700, 520), GroupLayer(name="g", id="g", x=10))
    after = inserted(before, raster("a"), "g")
    assert touched(before, after) == touched(after, before) == (Rect(10, 0, 256, 256),)


def test_another_mask_tile_touches_only_that_tile_where_the_layer_is() -> None:
    mask = Mask(TileMap.of(flat(700, 520, 200, 1)))
    before = page(raster("a", 700, 520, mask=mask), raster("b", mask=mask))
    other = Mask(mask.plane.with_pixels(flat(9, 9, 0, 1), 300, 0))
    assert touched(before, changed(before, "a", mask=other)) == (Rect(256, 0, 256, 256),)
    assert touched(before, changed(before, "b", mask=other)) == ()
    assert touched(before, changed(before, "b", mask=replace(mask, enabled=False))) == (Rect(0, 0, 256, 256),)
    off = changed(before, "a", mask=replace(mask, enabled=False))
    assert touched(off, changed(off, "a", mask=replace(other, enabled=False))) == ()
    assert touched(before, changed(before, "a", mask=Mask(TileMap(1, mask.plane.tiles, 9))))[0] == PAGE


def test_what_cannot_be_seen_touches_nothing() -> None:
    before = page(raster("a", visible=False), raster("b"), GroupLayer(name="g", id="g", pass_through=True))
    selected = replace(before, selection=TileMap.of(flat(5, 5, 255, 1)), active="b")
    assert touched(before, selected) == ()
    assert touched(before, changed(before, "a", opacity=0.3)) == ()
    assert touched(before, changed(before, "b", name="other", locked=True)) == ()
    assert touched(before, changed(before, "g", blend="hue")) == ()
    assert touched(before, changed(before, "b", opacity=0.0)) == (Rect(0, 0, 256, 256),)


def test_another_page_or_an_endless_plane_touches_everything() -> None:
    before = page(raster("a"))
    assert touched(before, replace(before, width=300)) == (Rect(0, 0, 300, PAGE.height),)
    white = TileMap(4, None, 255)
    assert touched(before, changed(before, "a", plane=white)) == (PAGE,)
    endless = changed(before, "a", plane=white)
    assert touched(endless, changed(endless, "a", opacity=0.5)) == (PAGE,)


def test_a_layer_that_becomes_a_group_touches_both() -> None:
    group = GroupLayer(name="a", id="a", children=(raster("inner"),), x=400)
    assert set(touched(page(raster("a")), page(group))) == {Rect(0, 0, 256, 256), Rect(400, 0, 256, 256)}


def noise(seed: int) -> Samples:
    return np.random.default_rng(seed).integers(1, 256, (90, 90, 4), dtype=np.uint8)


BASE = page(
    RasterLayer(name="0", id="0", plane=TileMap.of(np.pad(noise(1), ((0, 400), (0, 500), (0, 0)), mode="wrap"))),
    RasterLayer(name="1", id="1", plane=TileMap.of(noise(2)), x=250, y=200, blend="multiply"),
    GroupLayer(
        name="g", id="g", x=40, y=-20, opacity=0.8, mask=Mask(TileMap.of(noise(8)[..., 0], 200, 200, blank=255)),
        children=(
            RasterLayer(name="2", id="2", plane=TileMap.of(noise(3)), x=90, y=240, mask=Mask(TileMap(1, None, 180))),
            GroupLayer(name="h", id="h", pass_through=True, children=(
                RasterLayer(name="3", id="3", plane=TileMap.of(noise(4)), x=210, y=230, blend="screen"),)),
        ),
    ),
)  # fmt: skip
IDS = ["0", "1", "2", "3", "g", "h"]


def _shift(layer: Layer, at: int) -> Layer:
    return replace(layer, x=layer.x + at - 40, y=layer.y - at)


def _paint(layer: Layer, at: int) -> Layer:
    if isinstance(layer, GroupLayer):
        return replace(layer, children=layer.children[::-1])
    return replace(layer, plane=layer.plane.with_pixels(noise(at), at * 4 - 50, at * 3))


def _soften(layer: Layer, at: int) -> Layer:
    plane = TileMap(1, None, at % 256) if layer.mask is None else layer.mask.plane
    return replace(layer, mask=Mask(plane.with_pixels(noise(at)[..., 0], at * 5 - 99, at), enabled=at % 5 > 0))


CHANGES: list[Callable[[Layer, int], Layer | None]] = [
    _shift,
    _paint,
    _soften,
    lambda layer, at: replace(layer, opacity=at % 4 / 3),
    lambda layer, at: replace(layer, visible=not layer.visible),
    lambda layer, at: replace(layer, blend=("normal", "difference", "hue")[at % 3]),
    lambda layer, at: replace(layer, pass_through=at % 2 == 0) if isinstance(layer, GroupLayer) else layer,
    lambda layer, at: replace(layer, mask=None),
    lambda layer, at: None,
]


def _changed_often(document: Document, steps: Sequence[tuple[str, int, int]]) -> Document:
    for id, kind, at in steps:
        layer = find(document, id)
        if layer is None:
            continue
        document = with_layer(document, id, lambda present, kind=kind, at=at: CHANGES[kind](present, at))
        if at % 7 == 0:  # moved to elsewhere in the tree
            document = with_layer(document, id, lambda _: None) if find(document, id) else document
            parents = ["", *(other.id for other in walk(document) if isinstance(other, GroupLayer))]
            document = inserted(document, layer, parents[at % len(parents)], at % 2)
    return document


STEPS = st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, len(CHANGES) - 1), st.integers(0, 99)), max_size=4)


@settings(deadline=None, max_examples=80)
@given(first=STEPS, second=STEPS)
def test_outside_the_touched_rectangles_nothing_changes(
    first: Sequence[tuple[str, int, int]], second: Sequence[tuple[str, int, int]]
) -> None:
    before = _changed_often(BASE, first)
    after = _changed_often(before, second)
    differ = (composite(before, PAGE) != composite(after, PAGE)).any(axis=-1)
    for rect in touched(before, after):
        assert rect & PAGE == rect
        differ[rect.slices] = False
    assert not differ.any()
