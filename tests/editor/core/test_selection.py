from __future__ import annotations

import math
from time import perf_counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editor.core.document import Document
from editor.core.geometry import EMPTY, Rect
from editor.core.selection import (
    bounds,
    combined,
    covers,
    ellipse,
    empty,
    everything,
    feathered,
    grown,
    inverted,
    on_page,
    outline,
    polygon,
    rectangle,
    wand,
)
from editor.core.tiles import TileMap, tile_rect

PAGE = Document(300, 280)
AREA = Rect(-40, -40, 400, 400)

coordinates = st.integers(-20, 310)
rects = st.builds(Rect, coordinates, coordinates, st.integers(1, 200), st.integers(1, 200))
spots = st.integers(-600, 4600).map(lambda value: value / 100)
on_page_rects = rects.map(lambda rect: rectangle(rect, (300, 280)))


def values(selection: TileMap, area: Rect = AREA) -> np.ndarray:
    return selection.read(area)[..., 0]


def same(one: TileMap, two: TileMap) -> bool:
    return bool((values(one) == values(two)).all())


@given(on_page_rects, on_page_rects)
def test_de_morgan(a: TileMap, b: TileMap) -> None:
    left = inverted(combined(a, b, "add"), PAGE)
    right = combined(inverted(a, PAGE), inverted(b, PAGE), "intersect")
    assert same(left, right)
    assert same(combined(a, b, "subtract"), combined(a, inverted(b, PAGE), "intersect"))


@given(on_page_rects)
def test_inverting_twice_gives_the_same(a: TileMap) -> None:
    assert same(inverted(inverted(a, PAGE), PAGE), a)


def test_soft_selections_invert_exactly() -> None:
    soft = feathered(ellipse(Rect(40, 40, 100, 80), (300, 280)), 6, PAGE.rect)
    assert same(inverted(inverted(soft, PAGE), PAGE), soft)


def test_inverting_nothing_and_everything() -> None:
    assert empty(inverted(None, PAGE))
    assert same(inverted(TileMap(1), PAGE), everything(PAGE))
    assert bounds(everything(PAGE)) == PAGE.rect


def test_combining_with_no_selection() -> None:
    new = rectangle(Rect(3, 4, 5, 6))
    for how in ("replace", "add", "intersect"):
        assert combined(None, new, how) is new
    assert empty(combined(None, new, "subtract"))


@given(rects)
def test_bounds_are_exact(rect: Rect) -> None:
    assert bounds(rectangle(rect)) == rect
    assert bounds(rectangle(rect, (300, 280))) == rect & PAGE.rect


def test_bounds_of_nothing() -> None:
    assert bounds(TileMap(1)) == EMPTY and empty(TileMap(1))


def test_what_lies_inside_a_selection_shares_one_tile() -> None:
    tiles = rectangle(Rect(0, 0, 2560, 2560)).tiles
    assert len(tiles) == 100 and len({id(tile) for tile in tiles.values()}) == 1


@settings(max_examples=30, deadline=None)
@given(rects, st.integers(1, 30))
def test_growing_moves_the_bounds_and_shrinking_brings_them_back(rect: Rect, by: int) -> None:
    larger = grown(rectangle(rect), by)
    assert bounds(larger) == rect.grown(by)
    back = grown(larger, -by)
    assert bounds(back) | rect == bounds(back)
    assert bounds(back) & rect.grown(1) == bounds(back)


def test_growing_is_round() -> None:
    disc = values(grown(rectangle(Rect(100, 100, 1, 1)), 20), Rect(0, 0, 201, 201))
    y, x = np.nonzero(disc >= 128)
    assert np.hypot(x - 100, y - 100).max() <= 20.5
    assert len(x) == pytest.approx(math.pi * 20.5**2, rel=0.02)


def test_shrinking_leaves_the_border_of_the_page_if_told() -> None:
    page = everything(PAGE)
    assert same(grown(page, -10, PAGE.rect), page)
    assert bounds(grown(page, -10)) == PAGE.rect.grown(-10)
    assert empty(grown(rectangle(Rect(5, 5, 10, 10)), -6))


@pytest.mark.parametrize("radius", [2, 5, 12, 40])
@pytest.mark.parametrize("edge", [300, 517])
def test_the_edge_of_a_feather_stays_where_it_was(radius: int, edge: int) -> None:
    half = feathered(rectangle(Rect(0, 0, edge, 1024)), radius, Rect(0, 0, 1024, 1024))
    row = values(half, Rect(0, 500, 1024, 1))[0].astype(float)
    assert (row[edge - 1] + row[edge]) / 2 == pytest.approx(127.5, abs=1.5)
    ideal = [255 * (0.5 - 0.5 * math.erf((x + 0.5 - edge) / radius / math.sqrt(2))) for x in range(1024)]
    assert np.abs(row - ideal).max() < 3.5


def test_a_feather_does_not_depend_on_tiles() -> None:
    small = np.zeros((400, 400), np.uint8)
    small[150:300, 100:290] = 255
    expected = cv2.GaussianBlur(small, (0, 0), 5)
    found = values(feathered(TileMap.of(small), 5), Rect(0, 0, 400, 400))
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("radius", [9, 33])
def test_a_wide_feather_is_a_blur_of_the_page(radius: int) -> None:
    page = Rect(0, 0, 701, 437)
    small = np.zeros((437, 701), np.uint8)
    small[:300, 90:520] = 255
    expected = cv2.GaussianBlur(small.astype(np.float32), (0, 0), radius, borderType=cv2.BORDER_REPLICATE)
    found = feathered(TileMap.of(small), radius, page)
    assert np.abs(values(found, page) - expected).max() < 4
    assert not values(found, page.grown(300))[:300].any()


def test_feathering_everything_on_its_page_changes_nothing() -> None:
    assert same(feathered(everything(PAGE), 20, PAGE.rect), everything(PAGE))
    assert feathered(everything(PAGE), 0) is not None


def supersampled(points: np.ndarray, size: int, factor: int = 16) -> np.ndarray:
    y, x = (np.mgrid[0 : size * factor, 0 : size * factor] + 0.5) / factor
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (y0 <= y) != (y1 <= y)
        if y0 != y1:
            inside ^= crosses & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return inside.reshape(size, factor, size, factor).mean(axis=(1, 3)) * 255


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.tuples(spots, spots)] * 3))
def test_a_triangle_covers_what_it_covers(points: tuple[tuple[float, float], ...]) -> None:
    found = values(polygon(points, (40, 40)), Rect(0, 0, 40, 40))
    assert np.abs(found - supersampled(np.array(points), 40)).max() < 20
    assert bounds(polygon(points, (40, 40))) & Rect(0, 0, 40, 40) == bounds(polygon(points, (40, 40)))


@given(rects)
def test_a_rectangular_polygon_is_the_rectangle(rect: Rect) -> None:
    corners = [(rect.x, rect.y), (rect.right, rect.y), (rect.right, rect.bottom), (rect.x, rect.bottom)]
    assert same(polygon(corners), rectangle(rect))
    assert same(polygon(corners[::-1], (300, 280)), rectangle(rect, (300, 280)))


def test_a_large_polygon_with_level_sides_has_no_holes() -> None:
    shape = [(10, 100), (900, 100), (900, 130), (700, 800), (10, 800)]
    found = values(polygon(shape), Rect(0, 0, 1000, 1000))
    assert (found[101:799, 11:690] == 255).all() and not found[:100].any()


def test_an_ellipse_has_its_area_and_is_round() -> None:
    found = values(ellipse(Rect(20, 30, 301, 201)), Rect(0, 0, 400, 300)).astype(float)
    assert found.sum() / 255 == pytest.approx(math.pi * 301 * 201 / 4, rel=1e-3)
    box = found[30:231, 20:321]
    assert np.abs(box - box[::-1]).max() <= 1 and np.abs(box - box[:, ::-1]).max() <= 1
    hard = values(ellipse(Rect(20, 30, 301, 201), antialias=False), Rect(0, 0, 400, 300))
    assert set(np.unique(hard)) == {0, 255} and ((hard == 255) == (found >= 127.5)).mean() > 0.999


def test_a_line_drawn_twice_around_stays_selected() -> None:
    once = [(10, 10), (60, 10), (60, 60), (10, 60)]
    assert same(polygon([*once, once[0], *once]), polygon(once))


def test_degenerate_polygons_select_nothing() -> None:
    assert empty(polygon([])) and empty(polygon([(1, 1), (5, 5)])) and empty(polygon([(1, 1), (5, 5), (9, 9)]))


def picture() -> np.ndarray:
    pixels = np.zeros((300, 520, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[20:280, 10:200, 0] = 100
    pixels[20:280, 300:500, 0] = 120
    pixels[150:152, 200:300, 0] = 110
    return pixels


def test_the_wand_follows_what_is_connected_across_tiles() -> None:
    near = wand(picture(), 30, 30, 5, True)
    assert bounds(near) == Rect(10, 20, 190, 260)
    assert bounds(wand(picture(), 30, 30, 10, True)) == Rect(10, 20, 290, 260)
    assert bounds(wand(picture(), 30, 30, 20, True)) == Rect(10, 20, 490, 260)


def test_the_wand_everywhere() -> None:
    pixels = picture()
    found = values(wand(pixels, 30, 30, 20, False), Rect(0, 0, 520, 300)) > 0
    assert (found == (pixels[..., 0] >= 80)).all()
    assert empty(wand(pixels, -1, 5, 20, False))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_the_wand_finds_what_a_plain_flood_finds(seed: int, tolerance: int) -> None:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (9, 14, 4), np.uint8)
    pixels = np.ascontiguousarray(small.repeat(40, 0).repeat(40, 1))
    x, y = int(rng.integers(0, 560)), int(rng.integers(0, 360))
    near = np.abs(pixels.astype(int) - pixels[y, x].astype(int)).max(axis=2) <= tolerance
    _, labels = cv2.connectedComponents(near.astype(np.uint8), connectivity=4)
    found = values(wand(pixels, x, y, tolerance, True), Rect(0, 0, 560, 360)) > 0
    assert (found == (labels == labels[y, x])).all()


def test_the_wand_takes_all_that_is_invisible_for_alike() -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[:, 10:, :3] = 200
    assert bounds(wand(pixels, 2, 2, 0, True)) == Rect(0, 0, 20, 20)
    with pytest.raises(ValueError, match="page"):
        wand(lambda rect: pixels[rect.slices], 1, 1, 0, True)


def test_an_outline_runs_along_the_borders_of_pixels() -> None:
    selection = combined(rectangle(Rect(3, 4, 5, 6)), rectangle(Rect(5, 6, 1, 1)), "subtract")
    lines = outline(selection, Rect(0, 0, 20, 20), 4)
    found = sorted(tuple(int(v) for v in (*line.min(axis=0), *line.max(axis=0))) for line in lines)
    assert found == [(3, 4, 8, 10), (5, 6, 6, 7)]
    assert all((line[0] == line[-1]).all() for line in lines)


@given(rects)
def test_an_outline_is_around_the_selection(rect: Rect) -> None:
    (line,) = outline(rectangle(rect), AREA.grown(200), 1)
    assert [*line.min(axis=0), *line.max(axis=0)] == [rect.x, rect.y, rect.right, rect.bottom]


def test_outlines_of_what_is_not_in_sight() -> None:
    assert outline(rectangle(Rect(500, 500, 9, 9)), Rect(0, 0, 100, 100)) == []
    assert outline(TileMap(1), Rect(0, 0, 100, 100)) == []


def test_a_large_outline_is_quick() -> None:
    page = Rect(0, 0, 8660, 5773)
    selection = ellipse(page)
    times = []
    for _ in range(3):
        start = perf_counter()
        lines = outline(selection, page, 0.2)
        times.append(perf_counter() - start)
    assert min(times) < 0.1  # 30 ms on an idle machine
    low, high = lines[0].min(axis=0), lines[0].max(axis=0)
    assert np.abs(low).max() <= 8 and np.abs(high - [8660, 5773]).max() <= 8


def test_what_hangs_over_the_page_is_cut_off() -> None:
    soft = on_page(rectangle(Rect(-20, 100, 900, 20)), PAGE)
    assert bounds(soft) == Rect(0, 100, 300, 20)
    inside = rectangle(Rect(0, 0, 256, 256))
    assert on_page(inside, PAGE) is inside


def test_covers() -> None:
    selection = rectangle(Rect(10, 10, 400, 50))
    assert covers(None, AREA) and covers(selection, Rect(10, 10, 400, 50)) and not covers(selection, Rect(9, 10, 5, 5))
    assert covers(everything(PAGE), tile_rect((0, 0)))
