"""Measured times and the time left."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from inference.pace import Pace, Stopwatch, timed


def test_nothing_is_told_before_the_first_step() -> None:
    assert Pace((1.0,) * 4, 2).left(0, 0) is None


def test_time_left_counts_steps_variants_and_their_ends() -> None:
    pace = Pace((1.0,) * 4, 2)
    pace.step_took(9.0)
    assert pace.left(0, 1) is None  # the first step tells nothing
    pace.step_took(1.0)
    pace.step_took(3.0)
    assert pace.left(0, 3) == pytest.approx(2.0 * (1 + 4) + 2.0 * 2)  # the slow first step no longer counts
    pace.end_took(0.5)
    assert pace.left(1, 0) == pytest.approx(2.0 * 4 + 0.5)
    assert pace.left(1, 4) == pytest.approx(0.5)


def test_cheaper_steps_count_for_less() -> None:
    pace = Pace((2.0, 2.0, 1.0, 0.5), 1)
    pace.step_took(9.0)
    pace.step_took(4.0)
    pace.end_took(0.0)
    assert pace.left(0, 2) == pytest.approx(2.0 * 1.5)


def test_stages_add_up_also_when_one_fails() -> None:
    watch = Stopwatch()
    with watch.stage("a"):
        time.sleep(0.002)
    with pytest.raises(KeyError), watch.stage("b"):
        raise KeyError
    watch.add("a", 1.0)
    assert list(watch.seconds) == ["a", "b"]
    assert watch.seconds["a"] > 1.0
    assert watch.total == pytest.approx(sum(watch.seconds.values()))


def test_the_user_of_timed_items_is_not_timed() -> None:
    def items() -> Iterator[int]:
        for item in range(3):
            time.sleep(0.002)
            yield item

    seen = []
    for item, seconds in timed(items()):
        time.sleep(0.05)
        seen.append(item)
        assert 0.002 <= seconds < 0.05
    assert seen == [0, 1, 2]
