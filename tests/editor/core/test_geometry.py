"""Rectangles against sets of pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from editor.core.geometry import EMPTY, Rect, around

RECTS = st.builds(Rect, *(st.integers(-6, 6) for _ in range(2)), *(st.integers(-1, 7) for _ in range(2)))


def pixels(rect: Rect) -> set[tuple[int, int]]:
    return {(x, y) for x in range(rect.x, rect.right) for y in range(rect.y, rect.bottom)}


@given(RECTS, RECTS)
def test_intersection_and_enclosure(first: Rect, second: Rect) -> None:
    assert pixels(first & second) == pixels(first) & pixels(second)
    both = pixels(first) | pixels(second)
    enclosing = first | second
    assert both <= pixels(enclosing)
    if both:
        for axis, (start, end) in enumerate(((enclosing.x, enclosing.right), (enclosing.y, enclosing.bottom))):
            values = {pixel[axis] for pixel in both}
            assert (min(values), max(values) + 1) == (start, end)
    else:
        assert enclosing.empty
    if not (first & second).empty:
        assert around([first, second]) == enclosing


@given(RECTS, st.integers(-8, 8), st.integers(-8, 8))
def test_points_and_moves(rect: Rect, x: int, y: int) -> None:
    assert rect.contains(x, y) == ((x, y) in pixels(rect))
    assert pixels(rect.moved(x, y)) == {(left + x, top + y) for left, top in pixels(rect)}


def test_the_rest() -> None:
    rect = Rect.between(1, 2, 4, 8)
    assert rect == Rect(1, 2, 3, 6)
    assert rect.grown(2) == Rect(-1, 0, 7, 10)
    assert rect.grown(-2).empty
    assert rect.contains(3.99, 2.0)
    assert not rect.contains(4.0, 2.0)
    assert np.zeros((10, 10))[rect.slices].shape == (6, 3)
    assert around([]) == EMPTY
    assert EMPTY.empty
