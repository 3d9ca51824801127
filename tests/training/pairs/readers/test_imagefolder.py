"""Lists of pairs beside their pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.pairs.readers import trees

FULL = {
    "original_prompt": "a horse",
    "original_image_file_name": "images/a.png",
    "edit_prompt": 'make it, a "dragon"',
    "edited_prompt": "a dragon",
    "edited_image_file_name": "images/b.png",
}
SHORT = {"input_image": "images/a.png", "edit_prompt": "x", "edited_image": "images/b.png"}
BRUSH = {
    "img_id": "17",
    "source_img": "images/a.png",
    "mask_img": "images/m.png",
    "instruction": "x",
    "target_img": "images/b.png",
}
FIRST = {"file_name": "images/a.png", "edited_image_file_name": "images/b.png", "text": "x"}


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv"])
@pytest.mark.parametrize("row", [FULL, SHORT, FIRST], ids=["full", "short", "first"])
def test_column_sets(tmp_path: Path, row: dict[str, str], name: str) -> None:
    (pair,), refused = trees.read(trees.image_list(tmp_path, [row], name))
    assert not refused
    assert np.array_equal(pair.source, trees.noise(0)) and np.array_equal(pair.target, trees.noise(1))
    assert pair.instruction == row.get("edit_prompt", "x")
    assert pair.origin.get("caption") == row.get("original_prompt")
    assert pair.origin.get("edited_caption") == row.get("edited_prompt")


def test_the_columns_of_magicbrush(tmp_path: Path) -> None:
    trees.save(tmp_path / "images" / "m.png", trees.hole(12, 16))
    (pair,), _ = trees.read(trees.image_list(tmp_path, [BRUSH]))
    assert pair.group == "magicbrush/17"
    assert pair.mask is not None and pair.mask[0, 0] == 255 and pair.mask[-1, -1] == 0


def test_pairs_of_one_caption_or_one_named_group_are_together(tmp_path: Path) -> None:
    rows = [FULL, FULL | {"original_image_file_name": "images/c.png"}, FULL | {"original_prompt": "a cow"}]
    pairs, _ = trees.read(trees.image_list(tmp_path / "a", rows))
    assert pairs[0].group == pairs[1].group != pairs[2].group
    pairs, _ = trees.read(trees.image_list(tmp_path / "b", [FULL | {"group": "my photo"}]))
    assert pairs[0].group == "my photo"


def test_lists_of_splits_and_a_list_of_any_name(tmp_path: Path) -> None:
    trees.image_list(tmp_path / "train", [SHORT])
    trees.image_list(tmp_path / "test", [SHORT, SHORT])
    assert len(trees.read(tmp_path)[0]) == 3
    trees.image_list(tmp_path / "train", [SHORT], "mine.csv")
    assert len(trees.read(tmp_path / "train" / "mine.csv")[0]) == 1


def test_broken_rows_are_refused_and_the_others_come(tmp_path: Path) -> None:
    rows = [
        SHORT,
        SHORT | {"input_image": "images/none.png"},
        SHORT | {"input_image": "../secret.png"},
        SHORT | {"input_image": str(tmp_path / "images" / "a.png")},
        SHORT | {"edited_image": "C:\\a.png"},
        SHORT | {"edited_image": "..\\a.png"},
        SHORT | {"edited_image": "\0"},
        SHORT | {"edited_image": None},
        SHORT | {"edited_image": 3},
        SHORT | {"edit_prompt": ["x"]},
        SHORT | {"edit_prompt": " "},
        {"something": "else"},
        SHORT | {"edited_image": "images"},
    ]
    root = trees.image_list(tmp_path, rows)
    trees.save(tmp_path.parent / "secret.png", trees.noise(1))
    with (root / "metadata.jsonl").open("a") as file:
        file.write('{"broken"\n[1]\n\n"text"\n' + "[" * 5000 + "\n")
        file.write('{"input_image": "images\\\\a.png", "edited_image": "images/b.png", "text": "x"}\n')
    pairs, refused = trees.read(root)
    assert len(pairs) == 2
    assert [one.where.removeprefix("metadata.jsonl, line ") for one in refused] == [*map(str, range(2, 16)), "17", "18"]
    why = [one.why for one in refused]
    assert "none.png is not there" in why[0]
    assert all("leads out of the folder of its list" in one for one in why[1:6])
    assert why[6] == why[7] == "Its edited_image names no file: put the picture's path there."
    assert why[8] == "Its edit_prompt is no text: put the words there."
    assert "no instruction" in why[9]
    assert "its columns are something" in why[10]
    assert "is not there" in why[11]
    assert all("JSON" in one for one in why[12:])


def test_broken_tables(tmp_path: Path) -> None:
    root = trees.image_list(tmp_path, [SHORT], "metadata.csv")
    with (root / "metadata.csv").open("a") as file:
        file.write('images/a.png,too few\nimages/a.png,x,images/b.png,too many\n"open,never closed')
    pairs, refused = trees.read(root)
    assert len(pairs) == 1
    assert [one.why.split(" (")[0] for one in refused] == [
        "It has more or fewer cells than the first line has columns.",
        "It has more or fewer cells than the first line has columns.",
        "It is not valid CSV",
    ]


def test_a_table_of_other_letters(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_bytes(b"input_image,edited_image\n\xff\xfe,b\n")
    _, refused = trees.read(tmp_path / "metadata.csv")
    assert [one.why.endswith("is not text in UTF-8: save it so in a text editor.") for one in refused] == [True]


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    for name in ("metadata.jsonl", "metadata.csv"):
        root = trees.image_list(tmp_path / name, [SHORT], name)
        (root / name).write_bytes(b"\xef\xbb\xbf" + (root / name).read_bytes())
        assert len(trees.read(root)[0]) == 1
