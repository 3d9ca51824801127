"""Whole source pictures are kept for judging, and stay there."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.pairs.split import split

GROUPS = st.lists(st.text(max_size=8), max_size=40)
SHARES = st.floats(0, 0.99)


def sides(groups: list[str], share: float) -> tuple[set[str], set[str]]:
    train, held = split([(group, number) for number, group in enumerate(groups)], share, lambda item: item[0])
    return {group for group, _ in train}, {group for group, _ in held}


@given(GROUPS, SHARES)
def test_every_item_is_on_one_side_in_its_order(groups: list[str], share: float) -> None:
    items = [(group, number) for number, group in enumerate(groups)]
    train, held = split(items, share, lambda item: item[0])
    assert sorted((*train, *held), key=lambda item: item[1]) == items
    assert list(train) == sorted(train, key=lambda item: item[1])
    assert list(held) == sorted(held, key=lambda item: item[1])


@given(GROUPS, SHARES)
def test_no_group_is_on_both_sides(groups: list[str], share: float) -> None:
    train, held = sides(groups, share)
    assert not train & held


@given(GROUPS, st.floats(0.001, 0.99))
def test_of_two_groups_or_more_each_side_has_one(groups: list[str], share: float) -> None:
    train, held = sides(groups, share)
    if len(set(groups)) >= 2:
        assert train and held
    else:
        assert not held


@given(GROUPS, SHARES, st.randoms())
def test_names_alone_decide(groups: list[str], share: float, random: Random) -> None:
    shuffled = list(groups)
    random.shuffle(shuffled)
    assert sides(shuffled, share) == sides(groups, share)


@given(GROUPS.filter(bool), SHARES, st.data())
def test_another_pair_of_a_known_group_moves_nothing(groups: list[str], share: float, data: st.DataObject) -> None:
    more = data.draw(st.lists(st.sampled_from(groups), max_size=10))
    assert sides(groups + more, share) == sides(groups, share)


def test_new_groups_move_none_of_many() -> None:
    few, many = [f"photo {n}" for n in range(60)], [f"photo {n}" for n in range(600)]
    train, held = sides(few, 0.1)
    more_train, more_held = sides(many, 0.1)
    assert train <= more_train and held <= more_held
    assert 0.07 < len(more_held) / len(many) < 0.13


def test_nothing_is_held_out_where_nothing_is_wanted() -> None:
    assert split(["a", "b"], 0.0, str) == (("a", "b"), ())


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="should lie in"):
        split(["a", "b"], share, str)
