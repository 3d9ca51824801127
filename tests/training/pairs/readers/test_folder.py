"""Two folders with equal names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.pairs.readers import trees


@pytest.mark.parametrize(
    "sides", [("before", "after"), ("source", "target"), ("INPUT", "Output"), ("original", "edited")]
)
def test_pairs_of_two_folders(tmp_path: Path, sides: tuple[str, str]) -> None:
    pairs, refused = trees.read(trees.two_folders(tmp_path, *sides))
    assert not refused
    two, one = pairs
    assert (one.instruction, two.instruction) == ("make it blue", "add rain")
    assert np.array_equal(one.source, trees.noise(1)) and np.array_equal(one.target, trees.noise(2))
    assert one.mask is not None and one.mask[4].min() == 255 and one.mask[0].max() == 0
    assert two.mask is None
    assert two.origin == {"kind": "folder", "name": "deep/two", "path": str(tmp_path)}


@pytest.mark.parametrize("folder", ["instruction", "instructions", "text", "before", "after", "."])
def test_where_instructions_may_lie(tmp_path: Path, folder: str) -> None:
    trees.two_folders(tmp_path)
    (tmp_path / "after" / "one.txt").unlink()
    trees.write(tmp_path / folder / "one.txt", "﻿paint it \n")
    assert {pair.instruction for pair in trees.read(tmp_path)[0]} == {"paint it", "add rain"}


def test_broken_pairs_are_refused_and_the_others_come(tmp_path: Path) -> None:
    root = trees.two_folders(tmp_path)
    trees.save(root / "before" / "alone.png", trees.noise(8))
    trees.save(root / "after" / "late.png", trees.noise(8))
    for side in ("before", "after"):
        trees.save(root / side / "cut.jpg", trees.noise(8, 64, 64))
        trees.save(root / side / "twice.png", trees.noise(8))
    data = (root / "after" / "cut.jpg").read_bytes()
    (root / "after" / "cut.jpg").write_bytes(data[: len(data) // 2])
    trees.save(root / "after" / "twice.jpg", trees.noise(9))
    pairs, refused = trees.read(root)
    assert len(pairs) == 2
    assert {one.where: one.why for one in refused} == {
        "alone": "It has no picture in after/: put it there, or remove its partner.",
        "late": "It has no picture in before/: put it there, or remove its partner.",
        "cut": "cut.jpg is damaged or incomplete (its data ends too early); try another copy of it.",
        "twice": "It has several pictures in after/ (twice.jpg, twice.png): keep one of them.",
    }


def test_a_text_that_is_no_text(tmp_path: Path) -> None:
    root = trees.two_folders(tmp_path)
    (root / "after" / "one.txt").write_bytes(b"\xff\x00\xfa")
    _, refused = trees.read(root)
    assert [one.where for one in refused] == ["one"]
    assert refused[0].why.endswith("is not text in UTF-8: save it so in a text editor.")


def test_text_of_windows_in_two_byte_characters(tmp_path: Path) -> None:
    root = trees.two_folders(tmp_path)
    (root / "after" / "one.txt").write_text("mach es blau, Ölgemälde", "utf-16")
    assert "mach es blau, Ölgemälde" in {pair.instruction for pair in trees.read(root)[0]}


def test_hidden_files_and_links_to_folders_are_passed_over(tmp_path: Path) -> None:
    root = trees.two_folders(tmp_path / "set")
    trees.save(root / "before" / ".hidden.png", trees.noise(1))
    trees.save(tmp_path / "elsewhere" / "x.png", trees.noise(1))
    (root / "before" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    pairs, refused = trees.read(root)
    assert (len(pairs), refused) == (2, [])
