from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import RequestError
from inference.savings import StepKind, costs, kinds

WHOLE, SHALLOW = StepKind(), StepKind(deep=False)
ALONE, ALONE_SHALLOW = StepKind(guided=False), StepKind(guided=False, deep=False)

intervals = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda pair: pair[0] < pair[1]).map(tuple)


def test_nothing_is_saved_unless_asked_for() -> None:
    assert kinds(3) == (WHOLE, WHOLE, WHOLE)
    assert sum(costs(kinds(20), 3)) == 60


def test_guidance_is_on_in_the_steps_whose_middle_lies_in_the_interval() -> None:
    assert kinds(5, (0.2, 0.8)) == (ALONE, WHOLE, WHOLE, WHOLE, ALONE)
    assert kinds(4, (0.0, 0.5)) == (WHOLE, WHOLE, ALONE, ALONE)
    assert [kind.guided for kind in kinds(20, (0.1, 0.8))] == [False] * 2 + [True] * 14 + [False] * 4


def test_a_narrow_interval_guides_one_step() -> None:
    assert kinds(4, (0.4, 0.45)) == (ALONE, ALONE, WHOLE, ALONE)
    assert kinds(1, (0.9, 1.0)) == (WHOLE,)


def test_deep_features_are_computed_first_and_then_in_every_nth_step() -> None:
    assert kinds(5, reuse=2) == (WHOLE, SHALLOW, WHOLE, SHALLOW, WHOLE)
    assert kinds(4, reuse=3) == (WHOLE, SHALLOW, SHALLOW, WHOLE)


def test_deep_features_are_not_kept_from_one_set_of_branches_to_another() -> None:
    expected = (ALONE, ALONE_SHALLOW, ALONE, WHOLE, SHALLOW, WHOLE, ALONE, ALONE_SHALLOW)
    assert kinds(8, (0.375, 0.75), reuse=2) == expected


def test_costs_count_branches_and_shares() -> None:
    assert costs(kinds(4), 3, 0.25) == (3, 3, 3, 3)
    assert costs((WHOLE, SHALLOW, ALONE, ALONE_SHALLOW), 3, 0.25) == (3, 0.75, 1, 0.25)
    assert sum(costs(kinds(4, reuse=2), 2, 0.2)) == pytest.approx(8 * 0.6)


@pytest.mark.parametrize(("steps", "interval", "reuse"), [(0, (0, 1), 1), (4, (0.5, 0.5), 1), (4, (0, 1), 0)])
def test_what_makes_no_sense_is_refused(steps: int, interval: tuple[float, float], reuse: int) -> None:
    with pytest.raises(RequestError):
        kinds(steps, interval, reuse)


@given(st.integers(1, 60), intervals, st.integers(1, 70))
def test_every_request_can_be_run(steps: int, interval: tuple[float, float], reuse: int) -> None:
    found = kinds(steps, interval, reuse)
    assert len(found) == steps
    assert found[0].deep
    assert any(kind.guided for kind in found)
    for before, after in pairwise(found):
        assert after.deep or after.guided == before.guided
    shallow_in_a_row = max((len(run) for run in "".join("ds"[not kind.deep] for kind in found).split("d")), default=0)
    assert shallow_in_a_row < reuse
    assert 0 < sum(costs(found, 3, 0.25)) <= 3 * len(found)
