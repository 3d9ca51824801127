"""MagicBrush, from Hugging Face and as the folder of its dev and test sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.pairs.readers import trees


def test_the_folder(tmp_path: Path) -> None:
    pairs, refused = trees.read(trees.magicbrush(tmp_path))
    assert not refused
    assert [pair.group for pair in pairs] == ["magicbrush/242679", "magicbrush/242679", "magicbrush/77"]
    assert [pair.instruction for pair in pairs] == ["turn 0", "turn 1", "turn 2"]
    first, second, _ = pairs
    assert first.source.shape == first.target.shape == (20, 30, 3)
    assert np.array_equal(first.source, trees.noise(0, 20, 30))
    assert second.source.shape == (40, 60, 3)
    for pair in pairs:
        assert pair.mask is not None and pair.mask.shape == pair.source.shape[:2]
        high, wide = pair.mask.shape
        assert pair.mask[: high // 2, : wide // 2].min() == 255
        assert pair.mask[high // 2 :].max() == 0 and pair.mask[:, wide // 2 :].max() == 0


def test_sessions_in_place_of_turns_and_sets_in_folders(tmp_path: Path) -> None:
    for name in ("dev", "test"):
        (trees.magicbrush(tmp_path / name) / "edit_turns.json").unlink()
    pairs, refused = trees.read(tmp_path)
    assert (len(pairs), refused) == (6, [])


def test_broken_turns_are_refused_and_the_others_come(tmp_path: Path) -> None:
    root = trees.magicbrush(tmp_path)
    turns = json.loads((root / "edit_turns.json").read_text())
    turns += ["odd", {}, turns[0] | {"output": "242679-output9.png"}, turns[0] | {"input": "../242679/secret.png"}]
    turns += [turns[0] | {"instruction": 3}, turns[0] | {"mask": ""}]
    trees.write(root / "edit_turns.json", json.dumps(turns))
    pairs, refused = trees.read(root)
    assert len(pairs) == 4
    assert pairs[3].mask is None
    assert [one.where for one in refused] == [f"edit_turns.json, turn {n}" for n in range(4, 9)]
    parts = ("no JSON object", "names no input", "is not there", "leads out of the folder", "no instruction")
    assert all(part in one.why for part, one in zip(parts, refused, strict=True))


@pytest.mark.parametrize("text", ["{", "3", '{"1": 2}'])
def test_a_broken_list(tmp_path: Path, text: str) -> None:
    trees.write(trees.magicbrush(tmp_path / "a") / "edit_turns.json", text)
    trees.magicbrush(tmp_path / "b")
    pairs, refused = trees.read(tmp_path)
    assert (len(pairs), [one.where for one in refused]) == (3, ["a/edit_turns.json"])


def test_the_table(tmp_path: Path) -> None:
    columns = {
        "img_id": ["17", "17", "18"],
        "turn_index": [1, 2, 1],
        "source_img": [trees.cell(trees.noise(n, 20, 20)) for n in range(3)],
        "mask_img": [trees.cell(trees.hole(40, 40)), trees.cell(np.full((20, 20), 255, np.uint8)), None],
        "instruction": ["a", "b", "c"],
        "target_img": [trees.cell(trees.noise(n, 41, 41)) for n in range(3)],
    }
    trees.table(tmp_path / "data" / "dev-00000-of-00001.parquet", columns)
    pairs, refused = trees.read(tmp_path)
    assert not refused
    assert [pair.group for pair in pairs] == ["magicbrush/17", "magicbrush/17", "magicbrush/18"]
    assert {pair.origin["kind"] for pair in pairs} == {"magicbrush"}
    assert all(pair.target.shape == pair.source.shape == (20, 20, 3) for pair in pairs)
    first, second, third = (pair.mask for pair in pairs)
    assert first is not None and (first[0, 0], first[-1, -1], first.shape) == (255, 0, (20, 20))
    assert second is not None and second.min() == 255
    assert third is None
