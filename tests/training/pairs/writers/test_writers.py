"""Pairs that leave the program and come back."""

from __future__ import annotations

import importlib
import json
import pkgutil
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.training.pairs.readers import trees
from training.items import Item, Pictures
from training.pairs import writers
from training.pairs.pair import Grey, PairError, Rgb
from training.pairs.writers import WRITERS, NotWritten, Writer, writer_named

NAMES = [writer.name for writer in WRITERS]


def item(name: str, instruction: str, source: Rgb, target: Rgb, mask: Grey | None = None) -> Item:
    return Item(name, instruction, f"photo {name}", lambda: Pictures(source, target, mask))


def items() -> list[Item]:
    mask = np.zeros((12, 16), np.uint8)
    mask[:5] = 200
    return [
        item("a", "make it blue", trees.noise(1), trees.noise(2), mask),
        item("b", 'zwei\nZeilen, "Ölgemälde"', trees.noise(3, 5, 9), trees.noise(4, 5, 9)),
        item("c", "{}", trees.noise(5), trees.noise(6)),
    ]


def ignore(share: float) -> None:
    assert 0 <= share <= 1


def test_no_writer_is_forgotten_in_the_listing() -> None:
    files = {module.name for module in pkgutil.iter_modules(writers.__path__)} - {"writer"}
    assert files == {writer.name for writer in WRITERS}
    for name in files:
        assert importlib.import_module(f"{writers.__name__}.{name}").WRITER is writer_named(name)


@pytest.mark.parametrize("writer", WRITERS, ids=NAMES)
def test_what_was_written_is_read_again(tmp_path: Path, writer: Writer) -> None:
    shares: list[float] = []
    writer.write(items(), tmp_path / "out", shares.append)
    pairs, refused = trees.read(tmp_path / "out")
    assert not refused
    assert {pair.origin["kind"] for pair in pairs} == {writer.name}
    for pair, one in zip(pairs, items(), strict=True):
        pictures = one.read()
        assert pair.instruction == one.instruction
        assert np.array_equal(pair.source, pictures.source) and np.array_equal(pair.target, pictures.target)
        assert (pair.mask is None) == (pictures.mask is None)
        assert pictures.mask is None or np.array_equal(pair.mask, pictures.mask)
        assert writer.name == "folder" or pair.group == one.group
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


WORDS = st.text(min_size=1, max_size=40).map(str.strip).filter(bool)
SMALL = st.tuples(st.integers(1, 6), st.integers(1, 6))
PICTURES = SMALL.flatmap(lambda size: st.tuples(*[arrays.arrays(np.uint8, (*size, 3))] * 2))


@pytest.mark.parametrize("writer", WRITERS, ids=NAMES)
@settings(max_examples=20, deadline=None)
@given(instruction=WORDS, pictures=PICTURES)
def test_any_instruction_and_any_picture_come_back(writer: Writer, instruction: str, pictures: tuple[Rgb, Rgb]) -> None:
    with TemporaryDirectory() as folder:
        target = Path(folder, "out")
        writer.write([item("a", instruction, *pictures)], target, ignore)
        (pair,), refused = trees.read(target)
    assert not refused
    assert pair.instruction == instruction
    assert np.array_equal(pair.source, pictures[0]) and np.array_equal(pair.target, pictures[1])


@pytest.mark.parametrize("writer", WRITERS, ids=NAMES)
def test_a_target_that_is_there_is_left_alone(tmp_path: Path, writer: Writer) -> None:
    for target in (tmp_path / "folder", tmp_path / "file"):
        target.mkdir() if target.name == "folder" else target.write_text("mine")
        with pytest.raises(NotWritten, match="is there already, so nothing was written: name a folder"):
            writer.write(items(), target, ignore)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def broken() -> Pictures:
    raise PairError("A picture of the pair is gone.")


@pytest.mark.parametrize("writer", WRITERS, ids=NAMES)
def test_a_pair_that_cannot_be_read_leaves_nothing(tmp_path: Path, writer: Writer) -> None:
    with pytest.raises(PairError, match="is gone"):
        writer.write([*items(), Item("x", "x", "x", broken)], tmp_path / "out", ignore)
    assert list(tmp_path.iterdir()) == []


def stop(share: float) -> None:
    raise KeyboardInterrupt


def full(share: float) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("writer", WRITERS, ids=NAMES)
def test_an_interrupt_or_a_full_disk_leaves_nothing(tmp_path: Path, writer: Writer) -> None:
    cases: tuple[tuple[Callable[[float], None], type[BaseException], str], ...] = (
        (stop, KeyboardInterrupt, "^$"),
        (full, NotWritten, "was not written: the disk is full; free some space"),
    )
    for progress, error, words in cases:
        with pytest.raises(error, match=words):
            writer.write(items(), tmp_path / "out", progress)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", WRITERS, ids=NAMES)
def test_no_pairs_and_no_folder_above(tmp_path: Path, writer: Writer) -> None:
    with pytest.raises(PairError, match="There are no pairs to write"):
        writer.write([], tmp_path / "out", ignore)
    with pytest.raises(NotWritten, match="the folder above it does not exist"):
        writer.write(items(), tmp_path / "none" / "out", ignore)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", WRITERS, ids=NAMES)
def test_a_file_above(tmp_path: Path, writer: Writer) -> None:
    (tmp_path / "file").touch()
    for target in (tmp_path / "file" / "out", tmp_path / "file" / "deeper" / "out"):
        with pytest.raises(NotWritten) as caught:
            writer.write(items(), target, ignore)
        assert str(caught.value) == f"{target} was not written: {tmp_path / 'file'} is not a folder; choose another."


def test_a_folder_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise FileNotFoundError(2, "No such file or directory")  # as /proc says

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(NotWritten) as caught:
        WRITERS[0].write(items(), tmp_path / "out", ignore)
    assert str(caught.value).endswith(f"was not written: nothing can be made in {tmp_path}; choose another folder.")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="was not written"):
        WRITERS[0].write(items(), tmp_path / ("n" * 400), ignore)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format() -> None:
    with pytest.raises(
        PairError, match="There is no format 'zip' to write: choose one of folder, imagefolder, webdataset"
    ):
        writer_named("zip")


def test_names_sort_as_the_pairs_do(tmp_path: Path) -> None:
    many = [item(str(n), f"number {n}", np.full((1, 1, 3), n, np.uint8), trees.noise(n, 1, 1)) for n in range(12)]
    for writer in WRITERS:
        writer.write(many, tmp_path / writer.name, ignore)
        assert [pair.instruction for pair in trees.read(tmp_path / writer.name)[0]] == [
            f"number {n}" for n in range(12)
        ]


def test_shards_close_when_they_are_full_and_have_the_same_bytes_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.pairs.writers.webdataset.SHARD_BYTES", 4000)
    for name in ("one", "two"):
        writer_named("webdataset").write(items(), tmp_path / name, ignore)
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert len(one) > 1
    assert [path.name for path in one] == [path.name for path in two]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert len(trees.read(tmp_path / "one")[0]) == 3


def test_the_imagefolder_is_one_for_the_datasets_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer_named("imagefolder").write(items(), tmp_path / "out", ignore)
    rows = _loaded(tmp_path / "out", tmp_path / "cache", monkeypatch)
    assert [row["edit_prompt"] for row in rows] == [one.instruction for one in items()]
    assert [row["group"] for row in rows] == [one.group for one in items()]
    for row, one in zip(rows, items(), strict=True):
        pictures = one.read()
        assert np.array_equal(np.asarray(row["input_image"]), pictures.source)
        assert np.array_equal(np.asarray(row["edited_image"]), pictures.target)
        assert (row["mask"] is None) == (pictures.mask is None)


def test_an_imagefolder_without_masks_has_no_column_for_them(tmp_path: Path) -> None:
    writer_named("imagefolder").write(items()[1:], tmp_path / "out", ignore)
    row = json.loads((tmp_path / "out" / "metadata.jsonl").read_text().splitlines()[0])
    assert set(row) == {"input_image_file_name", "edit_prompt", "edited_image_file_name", "group"}


def _loaded(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    def refuse(*_: object) -> None:
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    table = datasets.load_dataset("imagefolder", data_dir=str(folder), split="train", cache_dir=str(cache))
    return list(table)
