"""The listing, and telling forms apart."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.pairs.readers import trees
from training.pairs import readers
from training.pairs.pair import PairError, RawPair
from training.pairs.readers import READERS, open_pairs, reader_for

SHARED = {"columns", "names", "pictures", "reader"}


def test_no_reader_is_forgotten_in_the_listing() -> None:
    files = {module.name for module in pkgutil.iter_modules(readers.__path__)} - SHARED
    made = [importlib.import_module(f"{readers.__name__}.{name}").READER for name in sorted(files)]
    assert len(made) >= 7
    assert sorted(one.name for one in made) == sorted(one.name for one in READERS)
    assert len({one.name for one in READERS}) == len(READERS)


def test_reading_and_writing_pairs_imports_no_torch() -> None:
    blocked = {"torch", "diffusers", "transformers", "pyarrow", "datasets", "PySide6"}
    code = (
        "import sys; import training.pairs.readers, training.pairs.writers\n"
        f"found = {blocked!r} & set(sys.modules); sys.exit(str(found) if found else 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def forms(root: Path) -> dict[str, Path]:
    return {
        "instruct-pix2pix": trees.pix2pix(root / "ip2p"),
        "magicbrush": trees.magicbrush(root / "brush"),
        "imagefolder": trees.image_list(
            root / "list", [{"input_image": "images/a.png", "edited_image": "images/b.png", "edit_prompt": "x"}]
        ),
        "parquet": trees.table(
            root / "table" / "train.parquet",
            {
                "input_image": [trees.cell(trees.noise(1))],
                "edited_image": [trees.cell(trees.noise(2))],
                "edit_prompt": ["x"],
            },
        ).parent,
        "webdataset": trees.tar(root / "shards" / "0.tar", trees.sample("a")).parent,
        "folder": trees.two_folders(root / "two"),
        "suffixes": trees.suffixed(root / "names"),
    }


def test_every_form_is_told_by_itself(tmp_path: Path) -> None:
    paths = forms(tmp_path)
    assert set(paths) == {reader.name for reader in READERS}
    assert {name: reader_for(path).name for name, path in paths.items()} == {name: name for name in paths}
    for name, path in paths.items():
        pairs, refused = trees.read(path)
        assert pairs and not refused, name
        assert all(pair.origin["kind"] == name and pair.instruction for pair in pairs)
        assert all(isinstance(value, str) for pair in pairs for value in pair.origin.values())


def test_a_limit_stops_early_and_reads_no_further(tmp_path: Path) -> None:
    root = trees.pix2pix(tmp_path)
    (root / "0000001" / "13_0.jpg").write_bytes(b"broken")
    pairs, refused = trees.read(root, limit=2)
    assert (len(pairs), len(refused)) == (2, 0)


def test_pairs_come_one_after_the_other(tmp_path: Path) -> None:
    root = trees.pix2pix(tmp_path)
    entries = open_pairs(root)
    assert isinstance(next(entries), RawPair)
    (root / "0000001" / "13_0.jpg").unlink()
    assert [isinstance(one, RawPair) for one in entries] == [True, False]


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PairError, match="is not there: check the path"):
        open_pairs(tmp_path / "none")


def test_a_folder_of_another_kind_says_what_was_looked_for(tmp_path: Path) -> None:
    trees.write(tmp_path / "notes.txt", "nothing")
    with pytest.raises(PairError) as caught:
        open_pairs(tmp_path)
    said = str(caught.value).removeprefix(str(tmp_path))
    assert len(said.split()) <= 30 and "\n" not in said
    assert all(word in said for word in ("NAME_before.png", "NAME_after.png", "NAME.txt", "`palimpsest pairs readers`"))


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(PairError, match="holds no pairs in a form that is known"):
        open_pairs(trees.save(tmp_path / "a.png", trees.noise(1)))


def test_a_format_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(PairError, match="There is no format 'zip' of pairs: choose one of"):
        open_pairs(tmp_path, "zip")


def test_a_format_that_is_asked_for_but_not_there(tmp_path: Path) -> None:
    root = trees.two_folders(tmp_path)
    with pytest.raises(PairError, match=r"in the form that was looked for: WebDataset tar files"):
        open_pairs(root, "webdataset")


def test_instructions_of_the_options_go_to_pairs_that_have_none(tmp_path: Path) -> None:
    trees.suffixed(tmp_path)
    trees.save(tmp_path / "dog_before.png", trees.noise(5))
    trees.save(tmp_path / "dog_after.png", trees.noise(6))
    pairs, refused = trees.read(tmp_path, instruction=" add snow ")
    assert [pair.instruction for pair in pairs] == ["make it blue", "add snow"]
    assert not refused
    pairs, refused = trees.read(tmp_path)
    assert [one.where for one in refused] == ["dog"]
    assert "It has no instruction" in refused[0].why and "--instruction" in refused[0].why
