"""View maths: there and back, zooming around a point, whole-pixel places."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from editor.core.geometry import Rect
from editor.ui.canvas.view import KEPT, LARGEST, SMALLEST, View, fitted, next_level

SCALES = st.floats(SMALLEST, LARGEST)
PLACES = st.floats(-20_000, 20_000)
SIZES = st.tuples(st.integers(1, 5000), st.integers(1, 3000))
VIEWS = st.builds(View, SCALES, PLACES, PLACES)


@given(VIEWS, SIZES, PLACES, PLACES)
def test_screen_to_document_and_back(view: View, size: tuple[int, int], x: float, y: float) -> None:
    there = view.to_document(x, y, size)
    back = view.to_screen(*there, size)
    assert math.isclose(back[0], x, abs_tol=1e-5) and math.isclose(back[1], y, abs_tol=1e-5)


@given(VIEWS, SIZES, SCALES, st.floats(0, 1), st.floats(0, 1))
def test_zoom_keeps_the_point_under_the_pointer(
    view: View, size: tuple[int, int], scale: float, across: float, down: float
) -> None:
    anchor = (across * size[0], down * size[1])
    point = view.to_document(*anchor, size)
    after = view.zoomed(scale, anchor, size).to_screen(*point, size)
    assert abs(after[0] - anchor[0]) <= 0.51 and abs(after[1] - anchor[1]) <= 0.51


@given(VIEWS, SIZES, st.integers(-300, 300), st.integers(-300, 300))
def test_panning_moves_by_whole_pixels(view: View, size: tuple[int, int], dx: int, dy: int) -> None:
    before, after = view.offset(size), view.panned(dx, dy).offset(size)
    assert abs(after[0] - before[0] - dx) <= 1 and abs(after[1] - before[1] - dy) <= 1


@given(st.integers(1, 30_000), st.integers(1, 30_000), SIZES)
def test_fitted_page_is_inside_and_in_the_middle(width: int, height: int, size: tuple[int, int]) -> None:
    view = fitted(width, height, size, 24)
    page = view.page(width, height, size)
    if SMALLEST < view.scale < LARGEST and min(size) > 100:
        assert page & Rect(0, 0, *size) == page
    assert abs(page.x + page.width / 2 - size[0] / 2) <= 1.5


@given(VIEWS, st.tuples(st.integers(100, 5000), st.integers(100, 3000)))
def test_page_stays_in_sight(view: View, size: tuple[int, int]) -> None:
    kept = view.within(800, 600, size)
    seen = kept.page(800, 600, size) & Rect(0, 0, *size)
    wanted = min(KEPT, round(800 * kept.scale), size[0] // 2)
    assert seen.width >= wanted - 2


def test_levels_reach_both_ends_and_stop_there() -> None:
    scale = 1.0
    for _ in range(50):
        scale = next_level(scale, larger=True)
    assert scale == LARGEST and next_level(scale, larger=True) == LARGEST
    for _ in range(50):
        scale = next_level(scale, larger=False)
    assert scale == SMALLEST


@given(VIEWS, SIZES, st.integers(0, 500), st.integers(0, 500), st.integers(1, 400), st.integers(1, 400))
def test_rectangles_reach_far_enough(
    view: View, size: tuple[int, int], x: int, y: int, width: int, height: int
) -> None:
    screen = view.rect_to_screen(Rect(x, y, width, height), size)
    left, top = view.to_screen(x, y, size)
    assert screen.x <= left and screen.y <= top
    back = view.rect_to_document(screen, size)
    assert back & Rect(x, y, width, height) == Rect(x, y, width, height)
