"""Pairs told by the ends of their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.pairs.readers import trees
from training.pairs.pair import PairError
from training.pairs.readers import open_pairs

SIDES = [
    ("_before", "_after"),
    ("-before", "-after"),
    (".source", ".target"),
    (" input", " output"),
    ("_original", "_edited"),
    ("_0", "_1"),
    ("_Before", "_AFTER"),
]


@pytest.mark.parametrize("sides", SIDES)
def test_ends_of_names(tmp_path: Path, sides: tuple[str, str]) -> None:
    (pair,), refused = trees.read(trees.suffixed(tmp_path, *sides))
    assert not refused
    assert pair.instruction == "make it blue"
    assert np.array_equal(pair.source, trees.noise(1)) and np.array_equal(pair.target, trees.noise(2))
    assert pair.origin == {"kind": "suffixes", "name": "cat", "path": str(tmp_path)}


def test_a_mask_and_another_ending_for_each(tmp_path: Path) -> None:
    trees.suffixed(tmp_path)
    (tmp_path / "cat_after.png").unlink()
    trees.save(tmp_path / "cat_after.jpeg", trees.smooth(1, 12, 16))
    trees.save(tmp_path / "cat_mask.png", np.full((12, 16), 255, np.uint8))
    (pair,), _ = trees.read(tmp_path)
    assert pair.mask is not None and pair.mask.min() == 255


def test_folders_in_the_folder_and_a_shared_instruction(tmp_path: Path) -> None:
    for name in ("x", "y"):
        trees.save(tmp_path / name / "before.png", trees.noise(1))
        trees.save(tmp_path / name / "after.png", trees.noise(2))
        trees.write(tmp_path / name / "instruction.txt", f"do {name}")
    pairs, refused = trees.read(tmp_path)
    assert not refused
    assert [(pair.instruction, pair.origin["name"]) for pair in pairs] == [("do x", "x"), ("do y", "y")]


def test_a_missing_partner_is_refused_and_the_others_come(tmp_path: Path) -> None:
    trees.suffixed(tmp_path)
    trees.save(tmp_path / "dog_before.png", trees.noise(1))
    trees.save(tmp_path / "hen_target.png", trees.noise(1))
    pairs, refused = trees.read(tmp_path)
    assert len(pairs) == 1
    assert {one.where: one.why for one in refused} == {
        "dog": "It has no picture whose name ends in after: put it there, or remove its partner.",
        "hen": "It has no picture whose name ends in source: put it there, or remove its partner.",
    }


@pytest.mark.parametrize(("name", "where"), [("x_before.png", "x"), ("deep/before.png", "deep")])
def test_half_a_pair_alone_is_told_as_among_others(tmp_path: Path, name: str, where: str) -> None:
    trees.save(tmp_path / name, trees.noise(1))
    pairs, (refused,) = trees.read(tmp_path)
    assert (pairs, refused.where) == ([], where)
    assert refused.why == "It has no picture whose name ends in after: put it there, or remove its partner."


def test_numbered_photos_are_no_pairs(tmp_path: Path) -> None:
    for name in ("IMG_1", "IMG_2", "0", "1"):
        trees.save(tmp_path / f"{name}.png", trees.noise(1))
    with pytest.raises(PairError, match="holds no pairs in a form that is known"):
        open_pairs(tmp_path)
    trees.suffixed(tmp_path)
    pairs, refused = trees.read(tmp_path)
    assert (len(pairs), refused) == (1, [])


def test_half_of_a_numbered_pair_is_told_where_there_are_such_pairs(tmp_path: Path) -> None:
    trees.suffixed(tmp_path, "_0", "_1")
    trees.save(tmp_path / "dog_0.png", trees.noise(1))
    _, refused = trees.read(tmp_path)
    assert [one.where for one in refused] == ["dog"]


def test_names_with_dots_and_words_in_them(tmp_path: Path) -> None:
    trees.save(tmp_path / "v1.2_before_noon_before.png", trees.noise(1))
    trees.save(tmp_path / "v1.2_before_noon_after.png", trees.noise(2))
    (pair,), refused = trees.read(tmp_path, instruction="x")
    assert (pair.origin["name"], refused) == ("v1.2_before_noon", [])
