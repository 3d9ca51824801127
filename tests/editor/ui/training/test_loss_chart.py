"""The curve: its course, its scale, and that it thins what is too much to draw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from editor.ui.training.loss_chart import LossChart, highest, smoothed, thinned

POINTS = st.lists(st.floats(0, 10), min_size=1, max_size=200).map(lambda losses: list(enumerate(losses, 1)))


@given(POINTS)
def test_the_course_stays_among_what_came(points: list[tuple[int, float]]) -> None:
    course = smoothed(points)
    low, high = min(loss for _, loss in points), max(loss for _, loss in points)
    assert [step for step, _ in course] == [step for step, _ in points]
    assert course[0][1] == pytest.approx(points[0][1])  # begun without a bias
    assert all(low - 1e-9 <= loss <= high + 1e-9 for _, loss in course)


@given(POINTS, st.integers(1, 40))
def test_thinning_keeps_the_extremes(points: list[tuple[int, float]], columns: int) -> None:
    shown = thinned(points, columns)
    assert len(shown) <= max(len(points), 2 * columns) and set(shown) <= set(points)
    losses = [loss for _, loss in points]
    assert {min(losses), max(losses)} <= {loss for _, loss in shown}


def test_one_wild_step_does_not_flatten_the_rest() -> None:
    points = [(step, 0.1) for step in range(1, 100)]
    points[5] = (6, 50.0)
    assert highest(points, []) < 1.0
    assert highest(points, [(1, 2.0)]) > 2.0  # the course is always seen


def test_it_tells_where_it_is(qtbot: QtBot) -> None:
    chart = LossChart()
    qtbot.addWidget(chart)
    chart.resize(400, 200)
    empty = chart.grab().toImage()
    points = tuple((step, 1 / step) for step in range(1, 50))
    chart.show_points(points, 100)
    assert chart.accessibleDescription().startswith("Step 49 of 100: ") and len(chart.course) == 49
    assert chart.grab().toImage() != empty
