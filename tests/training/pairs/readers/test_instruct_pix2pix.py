"""The released tree of InstructPix2Pix."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.pairs.readers import trees
from training.pairs.pair import PairError
from training.pairs.readers import open_pairs


@pytest.mark.parametrize("key", ["caption", "input"])
def test_the_tree_with_both_spellings(tmp_path: Path, key: str) -> None:
    pairs, refused = trees.read(trees.pix2pix(tmp_path, key))
    assert not refused
    assert [pair.group for pair in pairs] == [f"instruct-pix2pix/000000{n}" for n in (0, 0, 1)]
    assert [pair.origin["seed"] for pair in pairs] == ["11", "12", "13"]
    assert pairs[0].instruction == "make it a dragon 0000000"
    assert (pairs[0].origin["caption"], pairs[0].origin["edited_caption"]) == ("a horse 0000000", "a dragon")
    assert np.abs(pairs[0].source.astype(int) - trees.smooth(11)).max() <= 3
    assert np.abs(pairs[0].target.astype(int) - (255 - trees.smooth(11))).max() <= 3


def test_a_part_of_the_tree_a_shard_and_one_prompt(tmp_path: Path) -> None:
    trees.pix2pix(tmp_path / "all" / "shard-00")
    (tmp_path / "all" / "shard-00" / "seeds.json").unlink()
    for path, count in (
        (tmp_path / "all", 3),
        (tmp_path / "all" / "shard-00", 3),
        (tmp_path / "all" / "shard-00" / "0000000", 2),
    ):
        pairs, refused = trees.read(path)
        assert (len(pairs), refused) == (count, [])
        assert pairs[0].group == "instruct-pix2pix/0000000"


def test_broken_entries_are_refused_and_the_others_come(tmp_path: Path) -> None:
    root = trees.pix2pix(tmp_path)
    (root / "0000000" / "12_1.jpg").unlink()
    trees.write(root / "0000001" / "prompt.json", "{")
    secret = trees.save(tmp_path.parent / "secret_0.jpg", trees.smooth(1))
    listed: list[object] = [["0000000", ["11", "12", "../../secret"]], ["0000001", ["13"]], ["0000009", ["1"]]]
    listed += [["../outside", ["1"]], [str(secret.parent), ["secret"]], "odd", ["0000000"], [1, 2]]
    trees.write(root / "seeds.json", json.dumps(listed))
    pairs, refused = trees.read(root)
    assert len(pairs) == 1
    assert len(refused) == 9
    why = {one.where: one.why for one in refused}
    assert "12_1.jpg is not there" in why["0000000/12"]
    assert "leads out of the folder" in why["0000000/../../secret"]
    assert why["0000001"] == "prompt.json is not valid JSON; get it again."
    assert "is not there" in why["0000009"]
    assert "leads out of the folder" in why["../outside"] and "leads out of the folder" in why[str(secret.parent)]
    assert why["seeds.json"].endswith("is no folder with its seeds: each entry is [name, [seeds]].")


@pytest.mark.parametrize("text", ["{", "{}", "[" * 100_000])
def test_a_list_that_is_broken(tmp_path: Path, text: str) -> None:
    trees.write(trees.pix2pix(tmp_path) / "seeds.json", text)
    with pytest.raises(PairError, match=r"seeds.json (is not valid JSON|holds no list): get it again, or remove it"):
        list(open_pairs(tmp_path))
