"""Replay and the general set: exact answers, the same every time, and nothing of the pictures that are held out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from training.closed_form import LONG_SIDE, answered, known_answers
from training.general import general_items
from training.items import Item, Pictures
from training.replay import EACH, IDENTITY, replay_items
from training.starter.grammar import suggestions
from training.starter.instruction import Instruction
from training.starter.kinds import KINDS, target

KNOWN = suggestions()


def photo_item(number: int, side: int = 48) -> Item:
    rng = np.random.default_rng(number)
    pictures = Pictures(*(rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(2)))
    return Item(f"pair{number}", "make it teal", f"photo{number % 3}", lambda: pictures)


TRAIN = tuple(photo_item(number) for number in range(6))


def test_every_kind_has_one_short_form() -> None:
    answers = known_answers(KNOWN)
    assert [one.kind for one in answers.values()] == [kind.name for kind in KINDS]
    assert known_answers(("make it teal", "add fog")) == {"add fog": Instruction("fog")}


def test_the_answer_is_the_kinds_own() -> None:
    source = TRAIN[0].read().source
    found = answered(source, Instruction("black_and_white"))
    exact = target(source.astype(np.float32) / 255, Instruction("black_and_white"))
    assert found.source is source
    assert np.abs(found.target / 255 - exact).max() <= 0.5 / 255 + 1e-6


def test_large_pictures_are_computed_small() -> None:
    found = answered(np.zeros((300, 2 * LONG_SIDE, 3), np.uint8), Instruction("fog"))
    assert found.source.shape == found.target.shape == (150, LONG_SIDE, 3)


def test_replay_has_identity_earlier_pairs_and_computed_answers() -> None:
    earlier = (photo_item(40), TRAIN[2])
    items = replay_items(TRAIN, earlier, KNOWN, seed=1)
    unchanged = [item for item in items if item.instruction in IDENTITY]
    assert len(unchanged) >= 3 and np.array_equal(unchanged[0].read().source, unchanged[0].read().target)
    assert earlier[0] in items and TRAIN[2] not in items  # what is taught now is no replay
    computed = [item for item in items if item not in unchanged and item is not earlier[0]]
    assert len(computed) >= max(len(KNOWN) - 1, EACH * 6)
    assert {item.group for item in computed} == {"photo0", "photo1", "photo2"}
    assert all(not np.array_equal(item.read().target, TRAIN[0].read().target) for item in computed[:3])


def test_replay_is_the_same_every_time_and_another_for_another_seed() -> None:
    once, again = (replay_items(TRAIN, (), KNOWN, seed=1) for _ in range(2))
    assert [item.id for item in once] == [item.id for item in again]
    assert np.array_equal(once[-1].read().target, again[-1].read().target)
    assert [item.id for item in once] != [item.id for item in replay_items(TRAIN, (), KNOWN, seed=2)]
    assert len({item.id for item in once}) > 0.9 * len(once)


def test_a_model_of_unknown_skills_is_shown_identity_and_earlier_pairs_alone() -> None:
    items = replay_items(TRAIN, (photo_item(40),), ("make him a cyborg",), seed=1)
    assert len(items) == 4


@pytest.mark.parametrize("count", [1, 8, 24, 200])
def test_the_general_set_spreads_over_all_kinds_and_pictures(count: int) -> None:
    items = general_items(TRAIN, KNOWN, seed=0, count=count)
    assert len(items) == min(count, len(KNOWN))
    assert len({item.instruction for item in items}) == len(items)
    assert {item.group for item in items} <= {"photo0", "photo1", "photo2"}
    assert [item.id for item in items] == [item.id for item in general_items(TRAIN, KNOWN, seed=0, count=count)]
    pictures = items[0].read()
    assert pictures.source.shape == pictures.target.shape


def test_there_is_no_general_set_where_no_answer_can_be_computed() -> None:
    assert general_items(TRAIN, ("make him a cyborg",), seed=0) == ()
    assert general_items((), KNOWN, seed=0) == ()


def test_none_of_it_needs_pytorch() -> None:
    code = "import sys; import training.replay, training.general, training.places; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
