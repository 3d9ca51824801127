"""Plots: round ticks, points where they belong, words that fit, and letters of any script."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.drawing import PAPER, Page, Style, fitted, shortened, width_of, wrapped
from training.plot import HEIGHT, SCALE, WIDTH, Axis, Plot, Series, _axes, draw, ticks


def pixels(png: bytes) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB."""
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def count(picture: NDArray[np.uint8], colour: str) -> int:
    return int((picture == rgb(colour)).all(axis=2).sum())


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 10))
def test_ticks_are_round_and_within(low: float, length: float, most: int) -> None:
    found = ticks(low, low + length, most)
    assert 1 <= len(found) <= most
    assert low - 1e-6 * length - 1e-6 <= found[0] and found[-1] <= low + length * (1 + 1e-6) + 1e-6
    assert len(found) >= 2 or most < 5


def test_ticks_of_a_usual_range() -> None:
    assert ticks(9.3, 38.2) == (10, 15, 20, 25, 30, 35)
    assert ticks(0.05, 0.17) == (0.06, 0.08, 0.1, 0.12, 0.14, 0.16)


def plot(points: tuple[tuple[float, float], ...], **changes: object) -> Plot:
    values = {"title": "a title", "x_title": "across", "y_title": "up", "series": (Series("one", points),)}
    return Plot(**{**values, **changes})


def test_a_point_is_drawn_where_its_values_say() -> None:
    points = ((0.0, 0.0), (10.0, 4.0), (2.5, 3.0))
    made = plot(points)
    picture = pixels(draw(made))
    assert picture.shape == (HEIGHT * SCALE, WIDTH * SCALE, 3)
    x_axis, y_axis = _axes(made)
    for x, y in points:
        at = picture[round(y_axis.at(y) * SCALE), round(x_axis.at(x) * SCALE)]
        assert tuple(at) == rgb("#56b4e9")
    assert x_axis.at(0) < x_axis.at(2.5) < x_axis.at(10)
    assert y_axis.at(4) < y_axis.at(0)


def test_an_axis_is_linear() -> None:
    axis = Axis(2, 4, 100, 300)
    assert (axis.at(2), axis.at(3), axis.at(4)) == (100, 200, 300)


def test_a_joined_series_has_a_line_and_others_have_none() -> None:
    points = ((0.0, 0.0), (10.0, 10.0))
    line = pixels(draw(plot((), series=(Series("one", points, joined=True),))))
    dots = pixels(draw(plot(points)))
    middle = (slice(480, 560), slice(700, 900))
    assert count(line[middle], "#56b4e9") > 100
    assert count(dots[middle], "#56b4e9") == 0


def test_the_diagonal_is_where_x_equals_y() -> None:
    made = plot(((10.0, 20.0), (20.0, 35.0)), diagonal="the same")
    x_axis, y_axis = _axes(made)
    assert (x_axis.low, x_axis.high) == (y_axis.low, y_axis.high)
    assert (draw(made) != draw(plot(((10.0, 20.0), (20.0, 35.0))))) is True


def test_each_series_has_its_own_colour_and_legend() -> None:
    series = tuple(Series(f"number {i}", ((float(i), 1.0), (float(i), 2.0))) for i in range(3))
    picture = pixels(draw(plot((), series=series)))
    legend = picture[50 * SCALE : 68 * SCALE]
    for colour in ("#56b4e9", "#e69f00", "#2fc08f"):
        assert count(legend, colour) > 50
        assert count(picture, colour) > 3 * count(legend, colour) - 200


@pytest.mark.parametrize("points", [(), ((3.0, 3.0),), ((1.0, 2.0), (1.0, 2.0)), ((0.0, 60.0), (60.0, 60.0))])
def test_few_or_equal_points_are_still_a_plot(points: tuple[tuple[float, float], ...]) -> None:
    assert pixels(draw(plot(points, note="some words"))).shape == ((HEIGHT + 16) * SCALE, WIDTH * SCALE, 3)


def test_the_page_is_opaque_and_its_text_has_contrast() -> None:
    page = Page(200, 40)
    page.text(10, 25, "Hello", Style(18))
    picture = pixels(page.png())
    assert tuple(picture[0, 0]) == rgb(PAPER)
    assert picture.max() > 200


def test_letters_of_other_scripts_take_up_room() -> None:
    assert width_of("é", Style(14)) > 4
    assert width_of("Größe", Style(14)) > width_of("Gre", Style(14))
    assert width_of("日本", Style(14)) >= 0  # a machine without such a font leaves them out


def test_text_is_cut_and_wrapped_to_its_room() -> None:
    style = Style(14)
    long = "turn the red things blue and the blue things red"
    assert shortened("short", style, 100) == "short"
    cut = shortened(long, style, 100)
    assert cut.endswith("…") and width_of(cut, style) <= 100
    assert shortened("two\nlines", style, 200) == "two lines"
    lines = wrapped(f"{long} {'x' * 60}", style, 120)
    assert len(lines) > 2 and all(width_of(line, style) <= 120 for line in lines)
    assert " ".join(lines).startswith(long)
    assert wrapped("", style, 100) == []


def test_pictures_are_brought_to_size_and_never_enlarged() -> None:
    assert fitted(np.zeros((100, 400, 3), np.uint8), 200, 200).shape == (50, 200, 3)
    assert fitted(np.zeros((400, 100, 3), np.uint8), 200, 200).shape == (200, 50, 3)
    assert fitted(np.zeros((10, 20, 3), np.uint8), 200, 200).shape == (10, 20, 3)
