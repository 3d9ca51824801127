from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editor.core.changes import AddLayer, PaintTiles
from editor.core.compositor import composite
from editor.core.document import Document, offset_of
from editor.core.errors import ChangeRefused
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Mask, RasterLayer
from editor.core.selection import feathered, rectangle
from editor.core.stroke import Brush, Stroke, Target, painted
from editor.core.stroke_dab import Dab
from editor.core.stroke_paint import Paint
from editor.core.tiles import TileMap

RED = Paint((255, 0, 0, 255))
PENCIL = Brush(size=1, hardness=1, antialias=False, spacing=0.5, smooth=False)
SOFT = Brush(size=60, hardness=0.2, smooth=False)
LINE = [(100.0, 130.0), (180.0, 250.0), (300.0, 260.0), (420.0, 240.0)]


def document(**layer: object) -> Document:
    raster = RasterLayer(name="Sky", id="sky", **layer)
    return Document(600, 500, (raster,), active="sky")


def drawn(
    start: Document, brush: Brush, paint: Paint, points: list[tuple[float, float]], target: Target = "plane"
) -> Stroke:
    stroke = Stroke(start, brush, paint, target)
    for x, y in points:
        stroke.add(x, y)
    stroke.end()
    return stroke


def result(
    start: Document, brush: Brush, paint: Paint, points: list[tuple[float, float]], target: Target = "plane"
) -> Document:
    change = drawn(start, brush, paint, points, target).change("Stroke")
    return start if change is None else change.apply(start)


def test_a_pencil_line_lines_up_with_the_pixels() -> None:
    pixels = composite(result(document(), PENCIL, RED, [(10.5, 20.5), (40.5, 20.5)]), Rect(0, 0, 600, 500))
    y, x = np.nonzero(pixels[..., 3])
    assert set(y) == {20} and sorted(set(x)) == list(range(10, 41))
    assert set(np.unique(pixels[..., 3])) == {0, 255}


@given(st.integers(0, 99), st.integers(0, 99), st.integers(1, 9))
def test_a_dot_of_a_pencil_is_where_the_pointer_is(x: int, y: int, side: int) -> None:
    dot = result(document(), replace(PENCIL, size=side), RED, [(x + 0.5, y + 0.5)])
    rows, columns = np.nonzero(composite(dot, Rect(0, 0, 120, 120))[..., 3])
    assert columns.max() - columns.min() + 1 <= side and x in columns and y in rows


def test_a_hard_brush_is_round_and_of_its_size() -> None:
    dot = result(document(), Brush(size=50, hardness=1), RED, [(300, 256)])
    alpha = composite(dot, Rect(0, 0, 600, 500))[..., 3] / 255
    assert alpha.sum() == pytest.approx(np.pi * 25**2, rel=0.005)
    assert alpha[256, 275] > 0.99 and alpha[256, 274] == 0 and alpha[230, 300] == 0


@pytest.mark.parametrize(("size", "hardness"), [(3, 0.0), (20, 0.5), (1500, 0.0), (1500, 0.9), (700, 1.0)])
def test_a_dab_is_its_formula(size: float, hardness: float) -> None:
    dab = Dab(size, hardness)
    y, x = np.mgrid[: 2 * dab.reach + 1, : 2 * dab.reach + 1] - dab.reach + 0.5
    part = np.clip((size / 2 + 0.5 - np.hypot(x, y)) / (size / 2 * (1 - hardness) + 1), 0, 1)
    expected = 255 * (part if hardness == 1 else part * part * (3 - 2 * part))
    found = dab.pixels(0, 0)
    assert found.dtype == np.uint8 and np.abs(found - expected).max() < 0.51


def test_a_stroke_does_not_build_up() -> None:
    back_and_forth = [(100.0, 100.0), (200.0, 100.0)] * 5
    half = Paint((255, 0, 0, 255), opacity=0.5)
    pixels = composite(result(document(), SOFT, half, back_and_forth), Rect(0, 0, 600, 500))
    assert pixels[..., 3].max() == 128
    again = composite(result(document(), SOFT, half, back_and_forth[:2]), Rect(0, 0, 600, 500))
    middle = np.abs(pixels.astype(int) - again)[:, 135:165, 3]  # beyond, the way back begins nearer to the end
    assert middle.max() <= 6  # its dabs fall between the others


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.02, 0.98), max_size=8, unique=True).map(sorted), st.booleans())
def test_where_straight_events_are_cut_does_not_matter(cuts: list[float], look: bool) -> None:
    (x0, y0), (x1, y1) = (90.0, 240.0), (330.0, 280.0)
    start = document()
    stroke = Stroke(start, SOFT, RED)
    for part in (0.0, *cuts, 1.0):
        stroke.add(x0 + (x1 - x0) * part, y0 + (y1 - y0) * part)
        if look:
            stroke.shown(start)
    change = stroke.change("Stroke")
    assert change is not None
    whole = result(start, SOFT, RED, [(x0, y0), (x1, y1)])
    cut = composite(change.apply(start), start.rect).astype(int)
    # a dab is drawn at the nearest eighth of a pixel, and sums in another order may round to the next
    assert np.abs(cut - composite(whole, start.rect))[..., 3].max() <= 2


@pytest.mark.parametrize("brush", [SOFT, replace(SOFT, smooth=True), replace(SOFT, hardness=1, size=7)])
@pytest.mark.parametrize("shift", [(0, 0), (37, 90), (-300, 130)])
def test_the_borders_of_tiles_do_not_matter(brush: Brush, shift: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (500, 600, 4), np.uint8)
    aligned = document(plane=TileMap.of(picture))
    moved = document(plane=TileMap.of(picture, -shift[0], -shift[1]), x=shift[0], y=shift[1])
    paint = Paint((10, 200, 90, 200), opacity=0.7)
    one, two = result(aligned, brush, paint, LINE), result(moved, brush, paint, LINE)
    assert (composite(one, one.rect) == composite(two, two.rect)).all()
    assert (composite(one, one.rect) != composite(aligned, aligned.rect)).any()


def test_what_is_shown_is_what_comes() -> None:
    start = document(plane=TileMap.of(np.full((500, 600, 4), 90, np.uint8)))
    stroke = Stroke(start, SOFT, RED)
    assert stroke.shown(start) is not None
    for x, y in LINE:
        stroke.add(x, y)
        stroke.shown(start)
    shown, change = stroke.shown(start), stroke.change("Stroke")
    assert change is not None and change.label == "Stroke" and stroke.shown(start) is shown
    assert (composite(shown, start.rect) == composite(change.apply(start), start.rect)).all()


def test_a_document_without_the_layer_is_shown_as_it_is() -> None:
    other = Document(50, 50)
    assert drawn(document(), SOFT, RED, LINE).shown(other) is other


def test_only_what_grew_is_made_anew() -> None:
    start = document(plane=TileMap.of(np.full((500, 600, 4), 90, np.uint8)))
    stroke = Stroke(start, Brush(size=20, smooth=False), RED)
    stroke.add(50, 50)
    first = stroke.shown(start).layers[0]
    for x in range(60, 400, 10):
        stroke.add(x, 50)
    second = stroke.shown(start).layers[0]
    stroke.add(420, 50)
    third = stroke.shown(start).layers[0]
    assert isinstance(first, RasterLayer) and isinstance(second, RasterLayer) and isinstance(third, RasterLayer)
    assert first.plane.tiles[1, 0] is start.layers[0].plane.tiles[1, 0]
    assert second.plane.tiles[0, 0] is third.plane.tiles[0, 0]
    assert second.plane.tiles[1, 0] is not third.plane.tiles[1, 0]


def test_a_change_holds_only_tiles_that_changed() -> None:
    start = document()
    change = drawn(start, Brush(size=20), RED, [(50, 50), (200, 60)]).change("Stroke")
    assert isinstance(change, PaintTiles) and set(change.tiles) == {(0, 0)}
    assert drawn(start, Brush(size=20), RED, [(-500, -500)]).change("Stroke") is None
    red = document(plane=TileMap.of(np.full((500, 600, 4), (255, 0, 0, 255), np.uint8)))
    assert drawn(red, Brush(size=20), RED, [(50, 50)]).change("Stroke") is None


def test_the_selection_weighs_the_stroke() -> None:
    selection = feathered(rectangle(Rect(150, 0, 200, 500)), 10)
    start = replace(document(), selection=selection)
    pixels = composite(result(start, Brush(size=100, hardness=1), RED, [(100, 250), (500, 250)]), start.rect)
    expected = selection.read(Rect(0, 250, 600, 1))[0, :, 0].astype(int)
    assert np.abs(pixels[250, 100:500, 3] - expected[100:500]).max() <= 1
    assert not pixels[:190].any()


def test_laying_colour_over_half_transparent_pixels() -> None:
    base = np.full((500, 600, 4), (0, 100, 200, 128), np.uint8)
    half = Paint((255, 0, 0, 255), opacity=0.5)
    pixel = composite(
        result(document(plane=TileMap.of(base)), Brush(size=50), half, [(100, 100)]), Rect(100, 100, 1, 1)
    )
    alpha = 0.5 + 128 / 255 * 0.5
    expected = (np.array([255, 0, 0]) * 0.5 + np.array([0, 100, 200]) * (128 / 255 * 0.5)) / alpha
    assert np.abs(pixel[0, 0] - np.append(expected, alpha * 255)).max() <= 0.51


def test_erasing_lowers_alpha_alone_and_leaves_blank_tiles_out() -> None:
    start = document(plane=TileMap.of(np.full((40, 40, 4), (9, 8, 7, 255), np.uint8)))
    half = result(start, Brush(size=10, hardness=1), Paint(opacity=0.5, erase=True), [(20, 20)])
    assert composite(half, Rect(20, 20, 1, 1))[0, 0].tolist() == [9, 8, 7, 128]
    change = drawn(start, Brush(size=200, hardness=1), Paint(erase=True), [(20, 20)]).change("Erase")
    assert isinstance(change, PaintTiles) and not composite(change.apply(start), start.rect).any()


def test_painting_on_a_mask() -> None:
    start = document(plane=TileMap.of(np.full((500, 600, 4), 255, np.uint8)), mask=Mask(TileMap(1, blank=255)))
    black = result(start, Brush(size=50, hardness=1), Paint((0, 0, 0, 255)), [(100, 100)], "mask")
    assert (
        composite(black, Rect(100, 100, 1, 1))[0, 0, 3] == 0 and composite(black, Rect(200, 100, 1, 1))[0, 0, 3] == 255
    )
    grey = result(black, Brush(size=50, hardness=1), Paint((255, 255, 255, 255), 0.5), [(100, 100)], "mask")
    assert composite(grey, Rect(100, 100, 1, 1))[0, 0, 3] == 128
    assert result(start, Brush(), Paint((255, 255, 255, 255)), [(100, 100)], "mask") is start


def test_pressure() -> None:
    def alpha(brush: Brush, pressure: float) -> np.ndarray:
        start = document()
        stroke = Stroke(start, brush, RED)
        stroke.add(200, 200, pressure)
        return composite(stroke.shown(start), start.rect)[..., 3]

    size, opacity = Brush(size=40, hardness=1, pressure="size"), Brush(size=40, hardness=1, pressure="opacity")
    assert alpha(size, 0.5).sum() / alpha(size, 1).sum() == pytest.approx(0.25, rel=0.02)
    assert alpha(opacity, 0.5).max() == 128 and alpha(opacity, 1).max() == 255
    assert (alpha(Brush(size=40), 0.2) == alpha(Brush(size=40), 1)).all()


def test_a_curve_passes_through_the_pointer() -> None:
    points = [(100.0, 100.0), (200.0, 60.0), (300.0, 140.0), (320.0, 300.0)]
    curve = composite(result(document(), Brush(size=9, smooth=True), RED, points), Rect(0, 0, 600, 500))
    assert all(curve[int(y), int(x), 3] == 255 for x, y in points)
    straight = composite(result(document(), Brush(size=9, smooth=False), RED, points), Rect(0, 0, 600, 500))
    assert (curve != straight).any()
    assert all(composite(result(document(), Brush(), RED, points[:n]), Rect(0, 0, 600, 500)).any() for n in (1, 2, 3))


def test_without_a_layer_a_stroke_makes_one() -> None:
    start = Document(300, 300)
    stroke = drawn(start, Brush(), RED, [(100, 100)])
    change = stroke.change("Brush stroke")
    assert isinstance(change, AddLayer) and change.label == "Brush stroke"
    after = change.apply(start)
    assert after.active == after.layers[0].id and composite(after, Rect(100, 100, 1, 1))[0, 0, 0] == 255
    assert (composite(stroke.shown(start), start.rect) == composite(after, start.rect)).all()


def test_a_layer_in_a_moved_group() -> None:
    layer = RasterLayer(name="Cloud", id="cloud", x=30, y=-20)
    start = Document(600, 500, (GroupLayer(name="Sky", id="group", x=11, y=7, children=(layer,)),), active="cloud")
    assert offset_of(start, "cloud") == (41, -13)
    dot = composite(result(start, Brush(size=9, hardness=1), RED, [(100.5, 200.5)]), start.rect)
    y, x = np.nonzero(dot[..., 3])
    assert (y.mean(), x.mean()) == (200, 100)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (document(locked=True), "locked"),
        (document(visible=False), "hidden"),
        (Document(9, 9, (GroupLayer(name="All", id="g"),), active="g"), "group"),
    ],
)
def test_refusals_are_sentences(start: Document, words: str) -> None:
    with pytest.raises(ChangeRefused, match=rf"{words}.*\.$"):
        Stroke(start, Brush(), RED)


def test_no_mask_to_paint_on() -> None:
    with pytest.raises(ChangeRefused, match="no mask"):
        Stroke(document(), Brush(), RED, "mask")


def test_painting_a_whole_coverage() -> None:
    start = replace(document(), selection=rectangle(Rect(0, 0, 300, 500)))
    change = painted(start, "sky", rectangle(Rect(200, 100, 300, 300)), RED, "Fill")
    pixels = composite(change.apply(start), start.rect)
    expected = np.zeros((500, 600), bool)
    expected[100:400, 200:300] = True
    assert ((pixels[..., 3] == 255) == expected).all() and (pixels[expected] == (255, 0, 0, 255)).all()
