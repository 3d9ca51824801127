"""The tiles of the screen: exact, updated where something changed, remembered for going back, within their budget."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.formats.colour import to_srgb
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, RasterLayer
from editor.core.tiles import SIDE, TileMap
from editor.ui.canvas.dirty import changed_rects
from editor.ui.canvas.picture import Picture, Wanted

Make = Callable[..., Document]
LEVELS = (0, 1, 2, 3, 6)


def ready(document: Document, level: int = 0, picture: Picture | None = None) -> Picture:
    picture = picture or Picture()
    picture.show(document)
    picture.want(Wanted(document.rect, level))
    while picture.work(1.0):
        pass
    return picture


def reads(picture: Picture, level: int) -> np.ndarray:
    page = picture.document.rect
    step = 1 << level
    return picture.read(Rect(0, 0, -(-page.width // step), -(-page.height // step)), level)[0]


class Counting:
    """The compositor, counting the pixels it was asked for."""

    def __init__(self) -> None:
        self.pixels = 0

    def __call__(self, document: Document, rect: Rect) -> np.ndarray:
        self.pixels += rect.width * rect.height
        return composite(document, rect)


def test_level_0_is_the_composite(noise: Make) -> None:
    document = noise(700, 300)
    assert np.array_equal(reads(ready(document), 0)[..., [2, 1, 0, 3]], composite(document, document.rect))


def test_transparent_pixels_are_premultiplied(noise: Make) -> None:
    document = noise(64, 48, alpha=True)
    rgba = composite(document, document.rect).astype(int)
    expected = (rgba[..., :3] * rgba[..., 3:] + 127) // 255
    assert np.abs(reads(ready(document), 0)[..., 2::-1].astype(int) - expected).max() <= 1


def test_mips_at_the_edge_take_nothing_from_beyond_the_page() -> None:
    layer = RasterLayer(name="a", plane=TileMap.of(np.full((301, 301, 4), 255, np.uint8)))
    picture = ready(Document(301, 301, (layer,)))
    for level in LEVELS:
        assert reads(picture, level).min() == 255


@pytest.mark.parametrize("alpha", [False, True])
def test_updates_equal_making_all_again(noise: Make, painted: Make, alpha: bool) -> None:
    before = noise(600, 530, alpha)
    picture = ready(before)
    for level in LEVELS:
        reads(picture, level)
    after = painted(before, 250, 500, 90, 30, (200, 10, 30, 128 if alpha else 255))
    ready(after, 0, picture)
    for level in LEVELS:
        assert np.array_equal(reads(picture, level), reads(ready(after), level))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_chain_of_strokes_and_undos_shows_the_document(data: st.DataObject) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 530, 4), np.uint8)
    documents = [Document(530, 300, (RasterLayer(name="a", id="a", plane=TileMap.of(pixels)),))]
    picture = ready(documents[0])
    for _ in range(data.draw(st.integers(1, 6))):
        base = documents[data.draw(st.integers(0, len(documents) - 1))]
        picture.show(base)
        x, y, side = data.draw(st.tuples(st.integers(-20, 520), st.integers(-20, 290), st.integers(1, 90)))
        layer = base.layers[0]
        assert isinstance(layer, RasterLayer)
        patch = np.full((side, side, 4), data.draw(st.integers(0, 255)), np.uint8)
        shown = replace(base, layers=(replace(layer, plane=layer.plane.with_pixels(patch, x, y)),))
        picture.show(shown, committed=data.draw(st.booleans()))
        if data.draw(st.booleans()):
            picture.work(1.0)
        documents.append(shown)
    last = documents[data.draw(st.integers(0, len(documents) - 1))]
    assert np.array_equal(reads(ready(last, 0, picture), 0), reads(ready(last), 0))


def test_a_stroke_composites_only_what_it_covers(noise: Make, painted: Make) -> None:
    compose = Counting()
    before = noise(1024, 1024)
    picture = ready(before, 0, Picture(compose))
    compose.pixels = 0
    ready(painted(before, 300, 300, 40, 40, (1, 2, 3, 255)), 0, picture)
    assert 0 < compose.pixels <= 40 * 40


def test_going_back_composites_nothing(noise: Make, painted: Make) -> None:
    compose = Counting()
    before = noise(600, 600)
    after = painted(before, 100, 100, 400, 400, (1, 2, 3, 255))
    picture = ready(before, 0, Picture(compose))
    picture.show(painted(before, 100, 100, 50, 50, (1, 2, 3, 255)), committed=False)
    picture.work(1.0)
    ready(after, 0, picture)
    compose.pixels = 0
    ready(before, 0, picture)
    assert np.array_equal(reads(picture, 0), reads(ready(before), 0))
    ready(after, 0, picture)
    assert np.array_equal(reads(picture, 0), reads(ready(after), 0))
    assert compose.pixels == 0


def test_old_pixels_stay_until_the_new_ones_are_ready(noise: Make) -> None:
    before, after = noise(300, 300), noise(300, 300, seed=1)
    picture = ready(before)
    old = reads(picture, 0)
    picture.show(after)
    assert np.array_equal(reads(picture, 0), old) and picture.pending


def test_another_picture_is_rough_at_once(noise: Make) -> None:
    picture = ready(noise(300, 300))
    grey = np.full((300, 300, 4), (90, 90, 90, 255), np.uint8)
    picture.show(Document(300, 300, (RasterLayer(name="b", plane=TileMap.of(grey)),)))
    assert np.all(reads(picture, 0) == (90, 90, 90, 255))


def test_the_nearest_tile_comes_first(noise: Make) -> None:
    document = noise(1024, 1024)
    picture = Picture()
    picture.show(document)
    picture.want(Wanted(document.rect, 0, 900, 100))
    assert picture.work(0.0) == [Rect(768, 0, SIDE, SIDE)]


def test_memory_stays_within_the_budget(noise: Make) -> None:
    budget = 2 << 20
    picture = ready(noise(1024, 1280), 2, Picture(budget=budget))
    reads(picture, 2)
    picture._tidy()
    assert picture.bytes <= budget and not picture.pending
    assert np.array_equal(reads(picture, 2), reads(ready(noise(1024, 1280), 2), 2))


def test_a_sibling_goes_its_own_way(noise: Make, painted: Make) -> None:
    document = noise(300, 300)
    picture = ready(document)
    other = picture.sibling(1 << 24)
    ready(painted(document, 0, 0, 50, 50, (9, 9, 9, 255)), 0, other)
    assert np.array_equal(reads(picture, 0), reads(ready(document), 0))
    assert tuple(reads(other, 0)[10, 10]) == (9, 9, 9, 255)


def test_dirty_is_to_the_pixel_in_groups_and_masks(noise: Make, painted: Make) -> None:
    inner = noise(300, 300)
    changed = painted(inner, 40, 50, 6, 7, (1, 2, 3, 4))
    group = GroupLayer(name="g", id="g", x=10, y=20, children=inner.layers)
    before = Document(300, 300, (group,))
    after = Document(300, 300, (replace(group, children=changed.layers),))
    assert changed_rects(before, after) == [Rect(50, 70, 6, 7)]
    assert changed_rects(before, before) == []
    hidden = Document(300, 300, (replace(group, visible=False),))
    assert changed_rects(before, hidden)


def test_profiles_are_converted_for_the_screen(noise: Make) -> None:
    path = Path(__file__).parents[2] / "core" / "formats" / "conftest.py"
    spec = importlib.util.spec_from_file_location("profiles_by_hand", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for icc in (module.Profiles().matrix(), module.Profiles().tables()):
        document = noise(300, 40)
        rgba = composite(document, document.rect)
        shown = reads(ready(replace(document, icc=icc)), 0)[..., [2, 1, 0, 3]]
        assert np.array_equal(shown, to_srgb(rgba, icc)) and not np.array_equal(shown, rgba)


def test_a_broken_profile_counts_as_srgb(noise: Make) -> None:
    document = replace(noise(30, 40), icc=b"nothing of the kind")
    assert np.array_equal(reads(ready(document), 0)[..., [2, 1, 0, 3]], composite(document, document.rect))
