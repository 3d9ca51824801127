"""Packages that are made in the store: staged, adopted without a copy, kept once where their files are the same."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import inference.shared_files
from inference.errors import Cancelled, PackageError
from inference.import_report import Agreement, ImportReport, read_report, save_report
from inference.manifest import FileRecord
from inference.package import open_package, verify_package
from inference.shared_files import share, usages
from inference.store import ModelStore

ROOT = Path(__file__).parents[2]
Writer = Callable[..., Path]
REPORT = ImportReport((Agreement("unet", 2e-5, 1e-4), Agreement("vae_encoder", 1e-6, 1e-5)), ("A note.",), 12.5)


@pytest.fixture
def store(tmp_path: Path, write_tiny_package: Writer) -> ModelStore:
    """A store with one bundled model."""
    write_tiny_package(tmp_path / "bundled/starter", name="starter")
    return ModelStore(tmp_path / "user", tmp_path / "bundled")


def left(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "user").glob("*")} - {".lock"}


def adopt(store: ModelStore, write: Writer, name: str, **options: object) -> Path:
    with store.staging() as staging:
        return store.adopt(write(staging / "package", name=name, **options)).folder


def test_a_staged_package_is_renamed_and_not_copied(
    store: ModelStore, tmp_path: Path, write_tiny_package: Writer
) -> None:
    told: list[float] = []
    with store.staging() as staging:
        folder = write_tiny_package(staging / "package", name="made")
        before = (folder / "unet/model.onnx").stat().st_ino
        package = store.adopt(folder, REPORT, told.append)
        assert not folder.exists()
    assert package.folder == tmp_path / "user/made" and left(tmp_path) == {"made"}
    assert package.unet.stat().st_ino == before
    assert read_report(package.folder) == REPORT and REPORT.worst == 2e-5
    assert told == sorted(told) and told[-1] == 1
    verify_package(package)


def test_what_is_not_adopted_goes(store: ModelStore, tmp_path: Path, write_tiny_package: Writer) -> None:
    with pytest.raises(RuntimeError), store.staging() as staging:
        write_tiny_package(staging / "package", name="made")
        raise RuntimeError
    assert left(tmp_path) == set()


@pytest.mark.parametrize("harm", ["hash", "manifest", "file"])
def test_a_package_that_is_not_right_is_not_adopted(
    store: ModelStore, tmp_path: Path, write_tiny_package: Writer, harm: str
) -> None:
    with pytest.raises(PackageError), store.staging() as staging:
        folder = write_tiny_package(staging / "package", name="made", manifest=harm != "manifest")
        merges = folder / "tokenizer/merges.txt"
        if harm == "hash":
            merges.write_text(merges.read_text().replace("m a", "m x", 1))
        if harm == "file":
            merges.unlink()
        store.adopt(folder)
    assert left(tmp_path) == set()


def test_the_same_again_changes_nothing_and_another_of_the_name_is_refused(
    store: ModelStore, tmp_path: Path, write_tiny_package: Writer
) -> None:
    first = adopt(store, write_tiny_package, "made")
    before = (first / "manifest.json").stat().st_ino
    assert adopt(store, write_tiny_package, "made") == first and (first / "manifest.json").stat().st_ino == before
    with pytest.raises(PackageError, match="already named"):
        adopt(store, write_tiny_package, "made", text_length=20)
    for name in ("made", "MADE", "starter"):
        with pytest.raises(PackageError, match="installed already"):
            store.check_name(name)
    store.check_name("other")
    assert left(tmp_path) == {"made"}


def test_equal_files_are_kept_once_and_go_with_the_last(
    store: ModelStore, tmp_path: Path, write_tiny_package: Writer
) -> None:
    first = adopt(store, write_tiny_package, "first")
    alone = store.usages()[first]
    assert alone.shared == 0 and alone.own == alone.bytes
    second = adopt(store, write_tiny_package, "second")
    third = store.add(write_tiny_package(tmp_path / "third", name="third")).folder
    graph = "unet/model.onnx"
    assert (first / graph).samefile(second / graph) and (first / graph).samefile(third / graph)
    assert store.usages()[second].shared > 0.8 * alone.bytes
    assert not (first / graph).samefile(tmp_path / "bundled/starter" / graph)
    store.remove("first")
    store.remove("third")
    verify_package(store.find("second"))
    assert store.usages()[second].shared == 0


def test_a_damaged_twin_is_not_linked_to(store: ModelStore, write_tiny_package: Writer) -> None:
    first = adopt(store, write_tiny_package, "first")
    graph = first / "unet/model.onnx"
    data = bytearray(graph.read_bytes())
    data[-1] ^= 1
    graph.write_bytes(data)
    second = adopt(store, write_tiny_package, "second")
    assert not graph.samefile(second / "unet/model.onnx")
    verify_package(open_package(second))


def test_a_disk_without_links_keeps_the_copies(
    store: ModelStore, write_tiny_package: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    first, second = adopt(store, write_tiny_package, "first"), adopt(store, write_tiny_package, "second")
    assert not (first / "unet/model.onnx").samefile(second / "unet/model.onnx")
    assert store.usages()[first].shared == 0
    assert [path.name for path in second.rglob(".*") if path.is_file()] == []


def test_a_model_that_is_only_linked_here_is_left_alone(
    store: ModelStore, tmp_path: Path, write_tiny_package: Writer
) -> None:
    elsewhere = write_tiny_package(tmp_path / "elsewhere", name="elsewhere")
    (tmp_path / "user").mkdir()
    (tmp_path / "user/elsewhere").symlink_to(elsewhere)
    made = adopt(store, write_tiny_package, "made")
    assert not (elsewhere / "unet/model.onnx").samefile(made / "unet/model.onnx")


def test_adding_tells_how_far_it_is_and_can_be_stopped(store: ModelStore, tmp_path: Path, tiny_package: Path) -> None:
    def stop(share: float) -> None:
        if share > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        store.add(tiny_package, stop)
    assert left(tmp_path) == set()
    told: list[float] = []
    store.add(tiny_package, told.append)
    assert told == sorted(told) and told[-1] == 1


def test_a_report_goes_with_a_copy(store: ModelStore, tmp_path: Path, tiny_package: Path) -> None:
    save_report(tiny_package, REPORT)
    assert read_report(store.add(tiny_package).folder) == REPORT


@pytest.mark.parametrize("text", ["", "[]", "{", '{"parity": [{}]}', '{"parity": 3}', '{"seconds": "soon"}'])
def test_a_report_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".import.json").write_text(text)
    assert read_report(tmp_path) is None
    assert read_report(tmp_path / "nowhere") is None


CHILD = """
import sys, time
from pathlib import Path
from inference.store import ModelStore
with ModelStore(Path(sys.argv[1]), Path(sys.argv[2])).staging() as staging:
    (staging / "half").write_text("half")
    print("staged", flush=True)
    time.sleep(60)
"""


def test_work_in_progress_stays_and_that_of_the_dead_does_not(
    store: ModelStore, tmp_path: Path, tiny_package: Path
) -> None:
    arguments = [sys.executable, "-c", CHILD, str(tmp_path / "user"), str(tmp_path / "bundled")]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "staged\n"
            ModelStore(tmp_path / "user", tmp_path / "bundled")
            assert len(list((tmp_path / "user").glob(".adding-*/half"))) == 1
            store.add(tiny_package)  # others are not kept waiting
        finally:
            child.kill()
    ModelStore(tmp_path / "user", tmp_path / "bundled")
    assert left(tmp_path) == {"tiny"}


def test_free_bytes_are_told_before_there_is_a_folder(tmp_path: Path) -> None:
    assert ModelStore(tmp_path / "a/b/c", tmp_path / "d").free_bytes > 0


CONTENTS = st.lists(st.integers(0, 5), min_size=1, max_size=5)


@given(st.lists(CONTENTS, min_size=1, max_size=4))
@settings(deadline=None, max_examples=25)
def test_sharing_changes_no_content_and_counts_right(packages: list[list[int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folders, known = list[Path](), dict[str, Path]()
        for place, contents in enumerate(packages):
            folder = Path(name, str(place))
            folder.mkdir()
            records = [_file(folder / f"{at}", content) for at, content in enumerate(contents)]
            share(folder, records, known)
            known |= {record.sha256: folder / record.path for record in records}
            folders.append(folder)
        for folder, contents in zip(folders, packages, strict=True):
            assert [(folder / f"{at}").read_bytes() for at in range(len(contents))] == [_bytes(c) for c in contents]
        found = usages(folders)
        for place, contents in enumerate(packages):
            others = {content for at, other in enumerate(packages) for content in other if at != place}
            assert found[folders[place]].shared <= sum(len(_bytes(c)) for c in contents)
            assert {c for c in contents if len(_bytes(c)) >= 4096} & others or found[folders[place]].shared == 0


def _bytes(content: int) -> bytes:
    """Contents from 3 on are smaller than a block of the disk."""
    return random.Random(content).randbytes(5000 if content < 3 else 100)


def _file(path: Path, content: int) -> FileRecord:
    data = _bytes(content)
    path.write_bytes(data)
    return FileRecord(path.name, hashlib.sha256(data).hexdigest(), len(data))


def test_small_files_are_not_worth_a_link(tmp_path: Path) -> None:
    record = _file(tmp_path / "a", 4)
    _file(tmp_path / "b", 4)
    assert share(tmp_path, [record], {record.sha256: tmp_path / "b"}) == 0
    assert inference.shared_files.usages([]) == {}
