from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference import kept

ROOT = Path(__file__).parents[2]
CONTENT = b"what takes long to make"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cache" / "made" / "shelf"
    kept.settle()


def make(folder: Path) -> None:
    (folder / "file").write_bytes(CONTENT)


def never(folder: Path) -> None:
    raise AssertionError(f"{folder} is made again")


def read(folder: Path) -> bytes:
    return (folder / "file").read_bytes()


def lot(shelf: Path, key: str = "key", size: int = 100, aside: int = 0) -> kept.Lot:
    source = shelf.parents[1] / f"{key}.source"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.touch()
    return Named(shelf, (source,), size, (key,), aside=aside)


class Named(kept.Lot):
    """With a name that can be read."""

    def key(self) -> str:
        return self.besides[0]


def opened(shelf: Path, key: str = "key", making: Callable[[Path], object] = make, size: int = 100) -> bytes:
    return kept.opened(lot(shelf, key, size), making, read)


def test_what_is_there_is_not_made_again(shelf: Path) -> None:
    assert opened(shelf) == CONTENT
    kept.settle()
    assert opened(shelf, making=never) == CONTENT
    assert sorted(path.name for path in shelf.iterdir()) == ["key", "key.lock"]


def test_each_key_has_its_own(shelf: Path) -> None:
    opened(shelf)
    other = kept.opened(lot(shelf, "other"), lambda folder: (folder / "file").write_bytes(b"other"), read)
    kept.settle()
    assert (opened(shelf, making=never), other, opened(shelf, "other", never)) == (CONTENT, b"other", b"other")


def cut(folder: Path) -> None:
    (folder / "file").write_bytes(CONTENT[:-1])


def without_file(folder: Path) -> None:
    (folder / "file").unlink()


def without_record(folder: Path) -> None:
    (folder / "whole.json").unlink()


def strange_record(folder: Path) -> None:
    (folder / "whole.json").write_bytes(b"\xff")


def empty_record(folder: Path) -> None:
    (folder / "whole.json").write_bytes(b"[]")


@pytest.mark.parametrize("damage", [cut, without_file, without_record, strange_record, empty_record])
def test_what_is_not_whole_is_made_again(shelf: Path, damage: Callable[[Path], None]) -> None:
    opened(shelf)
    kept.settle()
    damage(shelf / "key")
    assert opened(shelf) == CONTENT
    kept.settle()
    assert opened(shelf, making=never) == CONTENT


def test_what_cannot_be_used_is_made_again(shelf: Path) -> None:
    opened(shelf)
    kept.settle()
    uses = list[Path]()

    def picky(folder: Path) -> bytes:
        uses.append(folder)
        if len(uses) <= 2:  # before, and after having waited for others
            raise ValueError("not for this machine")
        return read(folder)

    assert kept.opened(lot(shelf), make, picky) == CONTENT and len(uses) == 3


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_what_goes_wrong_leaves_nothing(shelf: Path, error: type[BaseException]) -> None:
    def fail(folder: Path) -> None:
        make(folder)
        raise error("half way")

    with pytest.raises(error, match="half way"):
        opened(shelf, making=fail)
    assert [path.name for path in shelf.iterdir()] == ["key.lock"]
    assert opened(shelf) == CONTENT


def test_it_has_no_name_before_the_disk_has_it(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, sync = list[list[str]](), os.fsync

    def watched(handle: int) -> None:
        names.append(sorted(path.name for path in shelf.iterdir() if path.is_dir()))
        sync(handle)

    monkeypatch.setattr(kept.os, "fsync", watched)
    opened(shelf)
    kept.settle()
    assert names == [["key.part"]] * 2  # the file and the record


def test_those_who_want_the_same_wait_for_one(shelf: Path) -> None:
    made, found = list[Path](), list[bytes]()

    def slowly(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.2)
        make(folder)

    threads = [threading.Thread(target=lambda: found.append(opened(shelf, making=slowly))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CONTENT] * 4 and len(made) == 1


def test_who_waits_too_long_goes_without(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_WAIT_SECONDS", 0.1)
    began, end = threading.Event(), threading.Event()

    def until_told(folder: Path) -> None:
        began.set()
        end.wait()
        make(folder)

    thread = threading.Thread(target=lambda: opened(shelf, making=until_told))
    thread.start()
    began.wait()
    with pytest.raises(OSError, match="in use"):
        opened(shelf)
    end.set()
    thread.join()


def test_what_was_used_longest_ago_goes_first(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, key in enumerate(("old", "older", "used")):
        opened(shelf, key)
        kept.settle()
        os.utime(shelf / key, (100 - place, 100 - place))
    opened(shelf, "used", never)
    size = sum(file.stat().st_size for file in (shelf / "used").iterdir())
    monkeypatch.setattr(kept, "MOST_BYTES", 3 * size)
    opened(shelf, "new", size=size)
    kept.settle()
    assert sorted(path.name for path in shelf.iterdir() if path.is_dir()) == ["new", "old", "used"]


def test_what_is_there_for_a_moment_only_drives_nothing_out(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(shelf, "old")
    kept.settle()
    monkeypatch.setattr(kept, "MOST_BYTES", 1000)
    kept.opened(lot(shelf, "new", size=500, aside=5000), make, read)
    kept.settle()
    assert sorted(path.name for path in shelf.iterdir() if path.is_dir()) == ["new", "old"]
    free = shutil.disk_usage(shelf).free - kept.SPARE_BYTES
    with pytest.raises(OSError, match="disk is full"):
        kept.opened(lot(shelf, "newest", size=500, aside=free), never, read)


def test_a_full_disk_is_an_oserror_before_anything_is_made(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SPARE_BYTES", 1 << 60)
    with pytest.raises(OSError, match="disk is full"):
        opened(shelf, making=never)


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_one_that_is_killed_at_work_hinders_nobody(shelf: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from inference import kept
def make(lot):
    (lot / "file").write_bytes(b"half")
    print("begun", flush=True)
    time.sleep(60)
class Named(kept.Lot):
    def key(self):
        return "key"
kept.opened(Named(Path(sys.argv[1]), (), 100), make, lambda lot: None)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(shelf)], cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"begun\n"
        child.send_signal(signal.SIGKILL)
    assert (shelf / "key.part" / "file").read_bytes() == b"half"
    assert opened(shelf) == CONTENT
    kept.settle()
    assert sorted(path.name for path in shelf.iterdir()) == ["key", "key.lock"]


def test_a_key_tells_files_and_all_the_rest_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for file in (first, second):
        file.write_bytes(b"same")
        os.utime(file, (1, 1))

    def key(*sources: Path, besides: tuple[str, ...] = (), content: bytes = b"") -> str:
        return kept.Lot(tmp_path, sources, 0, besides, content).key()

    keys = {
        key(first),
        key(second),
        key(first, second),
        key(first, besides=("1.31",)),
        key(first, besides=("1.", "31")),
        key(first, content=b"graph"),
    }
    assert len(keys) == 6 and key(first) in keys
    os.utime(first, (2, 2))
    assert key(first) not in keys
    with pytest.raises(FileNotFoundError):
        key(tmp_path / "c")


def test_what_was_made_of_a_folder_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    mine, other = (tmp_path / "models" / name / "unet" / "model.onnx" for name in ("mine", "mine-too"))
    for source in (mine, other):
        source.parent.mkdir(parents=True)
        source.touch()
        kept.opened(kept.Lot(kept.shelf("some"), (source,), 100), make, read)
    kept.settle()
    (kept.shelf("some") / "strange").mkdir()
    (kept.shelf("some") / "strange" / "whole.json").write_bytes(b"[]")
    kept.discard(tmp_path / "models" / "mine")
    assert kept.opened(kept.Lot(kept.shelf("some"), (other,), 100), never, read) == CONTENT
    made = list[Path]()
    kept.opened(kept.Lot(kept.shelf("some"), (mine,), 100), lambda folder: (made.append(folder), make(folder)), read)
    assert len(made) == 1
