"""Parquet files as Hugging Face keeps them."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.pairs.readers import trees
from training.pairs.pair import PairError
from training.pairs.readers import open_pairs, parquet

A, B, C = trees.noise(1), trees.noise(2), trees.noise(3)


def full(path: Path) -> Path:
    columns = {
        "original_prompt": ["a horse", "a horse", "a cow"],
        "original_image": [trees.cell(A), trees.cell(B), trees.cell(C)],
        "edit_prompt": ["one", "two", "three"],
        "edited_prompt": ["x", "y", "z"],
        "edited_image": [trees.cell(B), trees.cell(C), trees.cell(A)],
    }
    return trees.table(path, columns)


def test_the_columns_of_instruct_pix2pix(tmp_path: Path) -> None:
    pairs, refused = trees.read(full(tmp_path / "train.parquet"))
    assert not refused
    assert [pair.instruction for pair in pairs] == ["one", "two", "three"]
    assert np.array_equal(pairs[1].source, B) and np.array_equal(pairs[1].target, C)
    assert pairs[0].group == pairs[1].group != pairs[2].group
    assert pairs[0].origin == {
        "kind": "parquet",
        "row": "train.parquet, row 1",
        "caption": "a horse",
        "edited_caption": "x",
    }


def test_the_columns_of_diffusers_in_several_files_and_plain_bytes(tmp_path: Path) -> None:
    for number in range(2):
        columns = {
            "input_image": [trees.encoded(A)] * 5,
            "edit_prompt": [f"{number} {row}" for row in range(5)],
            "edited_image": [trees.encoded(B)] * 5,
        }
        trees.table(tmp_path / "data" / f"train-0000{number}.parquet", columns)
    pairs, refused = trees.read(tmp_path)
    assert not refused
    assert [pair.instruction for pair in pairs] == [f"{number} {row}" for number in range(2) for row in range(5)]
    assert np.array_equal(pairs[7].source, A)


def test_broken_cells_and_files_are_refused_and_the_others_come(tmp_path: Path) -> None:
    struct = {"bytes": None, "path": None}
    cells = [
        trees.cell(A),
        struct,
        struct | {"path": "../x.png"},
        struct | {"path": "/etc/passwd"},
        trees.cell(A),
        None,
    ]
    cells[4] = {"bytes": trees.encoded(trees.noise(1, 64, 64), "JPEG")[:900], "path": None}
    good = [trees.cell(B)] * len(cells)
    trees.table(tmp_path / "a.parquet", {"input_image": cells, "edited_image": good, "edit_prompt": ["x"] * len(cells)})
    (tmp_path / "b.parquet").write_bytes(b"PAR1 nothing of the kind PAR1")
    trees.table(tmp_path / "c.parquet", {"picture": [trees.cell(A)], "words": ["x"]})
    whole = full(tmp_path / "d.parquet").read_bytes()
    (tmp_path / "d.parquet").write_bytes(whole[:200] + bytes(400) + whole[600:])
    full(tmp_path / "e.parquet")
    pairs, refused = trees.read(tmp_path)
    why = {one.where: one.why for one in refused}
    assert len([pair for pair in pairs if pair.origin["row"].startswith("e.parquet")]) == 3
    assert why["a.parquet, row 2"] == why["a.parquet, row 6"]
    assert "holds no picture" in why["a.parquet, row 2"]
    assert "leads out of the folder" in why["a.parquet, row 3"] and "leads out of the folder" in why["a.parquet, row 4"]
    assert "input_image is damaged or incomplete" in why["a.parquet, row 5"]
    assert "is damaged or no Parquet file" in why["b.parquet"]
    assert why["c.parquet"] == "It has no pictures before and after, only the columns picture, words."
    assert any(where.startswith("d.parquet") for where in why)


def test_pictures_beside_the_file(tmp_path: Path) -> None:
    trees.save(tmp_path / "a.png", A)
    trees.save(tmp_path / "b.png", B)
    trees.table(tmp_path / "t.parquet", {"input_image": ["a.png"], "edited_image": ["b.png"], "edit_prompt": ["x"]})
    (pair,), _ = trees.read(tmp_path / "t.parquet")
    assert np.array_equal(pair.source, A)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    evil = pickle.dumps(_Evil(str(tmp_path / "ran")))
    trees.table(tmp_path / "t.parquet", {"input_image": [evil], "edited_image": [evil], "edit_prompt": ["x"]})
    pairs, refused = trees.read(tmp_path / "t.parquet")
    assert (pairs, len(refused)) == ([], 1)
    assert not (tmp_path / "ran").exists()


class _Evil:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(self.path),)


def test_without_pyarrow_one_sentence_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = full(tmp_path / "train.parquet")
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    assert parquet.column_names(path) == ()
    with pytest.raises(PairError, match=r"install them with  pip install 'palimpsest\[train\]'$"):
        open_pairs(path)
