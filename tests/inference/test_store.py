from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

import inference.store
from inference import kept
from inference.errors import PackageError
from inference.file_lock import FileLock
from inference.package import open_package, verify_package
from inference.store import ModelStore

ROOT = Path(__file__).parents[2]
Writer = Callable[..., Path]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def store(tmp_path: Path, write_tiny_package: Writer) -> ModelStore:
    """A store with one bundled model; the user's folder does not exist yet."""
    write_tiny_package(tmp_path / "bundled/starter", name="starter")
    return ModelStore(tmp_path / "user", tmp_path / "bundled")


def left(tmp_path: Path) -> set[str]:
    """What lies in the user's folder, the lock aside."""
    return {path.name for path in (tmp_path / "user").glob("*")} - {".lock"}


def names(store: ModelStore) -> list[str]:
    return [package.name for package in store.list()]


def test_the_bundled_model_is_the_default(store: ModelStore, tmp_path: Path) -> None:
    assert names(store) == ["starter"]
    assert store.default().folder == tmp_path / "bundled/starter"
    assert not (tmp_path / "user").exists()


def test_an_added_model_is_found_by_name_and_verified(store: ModelStore, tiny_package: Path, tmp_path: Path) -> None:
    added = store.add(tiny_package)
    assert added.folder == tmp_path / "user/tiny"
    assert added.sha256 == open_package(tiny_package).sha256
    assert names(store) == ["starter", "tiny"]
    assert store.find("tiny") == store.find("TINY") == added
    assert store.default().name == "starter"
    assert left(tmp_path) == {"tiny"}
    shutil.rmtree(tiny_package)
    verify_package(added)


def test_a_folder_is_found_too(store: ModelStore, tiny_package: Path) -> None:
    assert store.find(str(tiny_package)).folder == tiny_package


@pytest.mark.parametrize("name", ["nothing", "", "../bundled", "no/such/folder"])
def test_an_unknown_model_is_told_with_the_known_ones(store: ModelStore, name: str) -> None:
    with pytest.raises(PackageError, match=r"starter|missing"):
        store.find(name)


def test_no_models_at_all(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "a", tmp_path / "b")
    assert store.list() == ()
    with pytest.raises(PackageError, match="models add"):
        store.default()


def test_a_foreign_package_gets_a_manifest(store: ModelStore, tmp_path: Path, write_tiny_package: Writer) -> None:
    source = write_tiny_package(tmp_path / "foreign model", manifest=False, external_data=True)
    added = store.add(source)
    assert added.name == "foreign-model"
    assert added.manifest is not None and added.manifest.source == "foreign model"
    assert added.sha256 == open_package(source).sha256
    assert not (source / "manifest.json").exists()
    verify_package(added)


def test_adding_the_same_again_changes_nothing(store: ModelStore, tiny_package: Path, tmp_path: Path) -> None:
    first = store.add(tiny_package)
    before = (first.folder / "manifest.json").stat().st_ino
    assert store.add(tiny_package) == first
    assert store.add(tmp_path / "bundled/starter").folder == tmp_path / "bundled/starter"
    assert (first.folder / "manifest.json").stat().st_ino == before
    assert left(tmp_path) == {"tiny"}


@pytest.mark.parametrize("name", ["tiny", "Tiny", "starter"])
def test_another_model_of_the_same_name_is_refused(
    store: ModelStore, tiny_package: Path, tmp_path: Path, write_tiny_package: Writer, name: str
) -> None:
    store.add(tiny_package)
    other = write_tiny_package(tmp_path / "other", name=name, text_length=20)
    with pytest.raises(PackageError, match="already named"):
        store.add(other)
    assert store.find("tiny").text_length == 16


def test_a_damaged_source_is_not_added(store: ModelStore, tiny_package: Path, tmp_path: Path) -> None:
    merges = tiny_package / "tokenizer/merges.txt"
    merges.write_text(merges.read_text().replace("m a", "m x", 1))
    with pytest.raises(PackageError, match="hash differs"):
        store.add(tiny_package)
    assert left(tmp_path) == set()


def test_links_become_files(store: ModelStore, tmp_path: Path, write_tiny_package: Writer) -> None:
    source = write_tiny_package(tmp_path / "linked", manifest=False)
    (source / "unet/model.onnx").rename(source / "unet/real.onnx")
    (source / "unet/model.onnx").symlink_to("real.onnx")
    added = store.add(source)
    assert not any(path.is_symlink() for path in added.folder.rglob("*"))
    assert added.unet.read_bytes() == (source / "unet/real.onnx").read_bytes()


def test_a_full_disk_is_seen_before_copying(
    store: ModelStore, tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))
    with pytest.raises(PackageError, match="make room"):
        store.add(tiny_package)
    assert left(tmp_path) == set()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_while_copying_leaves_nothing(
    store: ModelStore, tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(PackageError, match=os.strerror(code)):
        store.add(tiny_package)
    assert left(tmp_path) == set()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, tiny_package: Path) -> None:
    (tmp_path / "user").write_text("a file")
    store = ModelStore(tmp_path / "user", tmp_path / "bundled")
    with pytest.raises(PackageError, match="cannot be changed"):
        store.add(tiny_package)


def test_one_change_at_a_time(
    store: ModelStore, tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference.store, "_PATIENCE", 0.0)
    (tmp_path / "user").mkdir()
    with FileLock(tmp_path / "user/.lock"), pytest.raises(PackageError, match="Another program"):
        store.add(tiny_package)
    assert store.add(tiny_package).name == "tiny"


def test_what_a_faster_process_installed_stays(
    store: ModelStore, tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelStore, "_present", lambda self, name: None)
    first = store.add(tiny_package)
    assert store.add(tiny_package).folder == first.folder
    assert left(tmp_path) == {"tiny"}


def test_removing(store: ModelStore, tiny_package: Path, tmp_path: Path) -> None:
    store.add(tiny_package)
    store.remove("tiny")
    assert names(store) == ["starter"] and left(tmp_path) == set()
    for name, word in (("starter", "comes with the program"), ("tiny", "no model"), ("..", "no model")):
        with pytest.raises(PackageError, match=word):
            store.remove(name)
    assert (tmp_path / "bundled/starter").is_dir()


def test_what_was_made_of_a_model_goes_with_it(
    store: ModelStore, tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    added, shelf = store.add(tiny_package), kept.shelf("some")
    made = kept.Lot(shelf, (added.unet,), 100)
    kept.opened(made, lambda folder: (folder / "file").write_bytes(b"large"), lambda folder: None)
    assert wait_until((shelf / made.key() / "whole.json").exists)
    store.remove("tiny")
    assert not [path for path in shelf.iterdir() if path.is_dir()]


def wait_until(what: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    return what()


def test_removing_a_link_keeps_what_it_leads_to(store: ModelStore, tiny_package: Path, tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user/tiny").symlink_to(tiny_package)
    assert names(store) == ["starter", "tiny"]
    store.remove("tiny")
    assert left(tmp_path) == set() and open_package(tiny_package).name == "tiny"


def test_a_broken_model_does_not_hide_the_others(store: ModelStore, tiny_package: Path, tmp_path: Path) -> None:
    added = store.add(tiny_package)
    added.unet.unlink()
    assert names(store) == ["starter"]
    ((folder, problem),) = store.problems()
    assert folder == added.folder and "missing" in problem
    with pytest.raises(PackageError, match="missing"):
        store.find("tiny")
    with pytest.raises(PackageError, match="models remove tiny"):
        store.add(tiny_package)
    store.remove("tiny")
    assert store.add(tiny_package).name == "tiny"


def test_another_model_does_not_stand_in_for_a_damaged_bundled_one(
    store: ModelStore, tiny_package: Path, tmp_path: Path
) -> None:
    store.add(tiny_package)
    (tmp_path / "bundled/starter/unet/model.onnx").unlink()
    with pytest.raises(PackageError, match=r"starter.*missing"):
        store.default()
    shutil.rmtree(tmp_path / "bundled/starter")
    assert store.default().name == "tiny"


CHILD = """
import sys, time
from pathlib import Path
from inference.store import ModelStore
def slow(share):
    print("copied", flush=True)
    time.sleep(60)
ModelStore(Path(sys.argv[1]), Path(sys.argv[2])).add(Path(sys.argv[3]), slow)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_the_next_start_cleans_up_after_a_killed_add(store: ModelStore, tiny_package: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", CHILD, str(tmp_path / "user"), str(tmp_path / "bundled"), str(tiny_package)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "copied\n"
            assert names(ModelStore(tmp_path / "user", tmp_path / "bundled")) == ["starter"]
            assert len(left(tmp_path)) == 1  # work in progress is nobody's leftover
        finally:
            child.kill()
    assert len(left(tmp_path)) == 1
    after = ModelStore(tmp_path / "user", tmp_path / "bundled")
    assert left(tmp_path) == set()
    assert after.add(tiny_package).name == "tiny"


def test_the_next_start_finishes_a_killed_removal(tmp_path: Path, tiny_package: Path) -> None:
    (tmp_path / "user/.removing-x").mkdir(parents=True)
    tiny_package.rename(tmp_path / "user/.removing-x/package")
    assert ModelStore(tmp_path / "user", tmp_path / "bundled").list() == ()
    assert left(tmp_path) == set()


def test_a_store_that_cannot_be_written_can_be_read(
    store: ModelStore, tiny_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(tiny_package)
    (tmp_path / "user/.adding-x").mkdir()

    def fail(self: FileLock) -> FileLock:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "__enter__", fail)
    assert names(ModelStore(tmp_path / "user", tmp_path / "bundled")) == ["starter", "tiny"]


def test_the_manifest_of_a_store_is_its_own(store: ModelStore, tiny_package: Path) -> None:
    """Whatever else lies in the source's folder is not copied."""
    (tiny_package / "notes.txt").write_text("private")
    added = store.add(tiny_package)
    listed = json.loads((added.folder / "manifest.json").read_text())["files"]
    assert {path.relative_to(added.folder).as_posix() for path in added.folder.rglob("*") if path.is_file()} == {
        *listed,
        "manifest.json",
    }
