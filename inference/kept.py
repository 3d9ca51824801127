"""Large files that are made once for this machine and kept in the user's cache, each lot in a folder of its own.

Whoever wants a lot that another thread or process is making waits for it. Where there is too much, what was used
longest ago goes first. A lot is used as soon as it is made, and gets its name once the disk has it, so that none with a
name can be broken by a power cut.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from inference.cache_folder import cache_folder
from inference.file_lock import FileLock

MOST_BYTES = 10 << 30
"""All lots of a shelf together."""
SPARE_BYTES = 2 << 30
"""Left free on the disk."""

_SHELVES, _RECORD = "made", "whole.json"
_PART, _LOCK = ".part", ".lock"
_KEEP = "keep "  # what the threads are called that give a lot its name
_WAIT_SECONDS = 120.0  # for another who makes the same lot

Used = TypeVar("Used")


@dataclass(frozen=True)
class Lot:
    """What is made of some files. shelf: the folder that its own lies in. size: bytes that it takes at most.

    aside: bytes of disk that making it takes besides.
    sources: the files, which are the same while place, size and time are. besides, content: all the rest that it
    depends on.
    """

    shelf: Path
    sources: tuple[Path, ...]
    size: int
    besides: tuple[str, ...] = ()
    content: bytes = field(default=b"", repr=False)
    aside: int = 0

    def key(self) -> str:
        """The name of its folder. Raises OSError where a source is missing."""
        digest = hashlib.blake2b(self.content, digest_size=16)
        for source in self.sources:
            state = source.stat()
            digest.update(f"{source.resolve()}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
        for text in self.besides:
            digest.update(f"{text}\0".encode())
        return digest.hexdigest()


def shelf(name: str) -> Path:
    """That of the user's cache, which may not be there yet."""
    return cache_folder() / _SHELVES / name


def opened(lot: Lot, make: Callable[[Path], object], use: Callable[[Path], Used]) -> Used:
    """What `use` makes of the lot's folder, filled by `make` if there is none that is whole.

    use: raises OSError or ValueError where what it finds is damaged, which is then made again.
    Raises OSError where the lot cannot be kept (a full disk, a folder that cannot be written, another who takes too
    long to make it), and what `make` and `use` raise.
    """
    target = lot.shelf / lot.key()
    with contextlib.suppress(OSError, ValueError):
        return _used(target, use)
    lot.shelf.mkdir(parents=True, exist_ok=True)
    with ExitStack() as turn:
        turn.enter_context(FileLock(target.with_name(f"{target.name}{_LOCK}"), _WAIT_SECONDS))
        with contextlib.suppress(OSError, ValueError):
            return _used(target, use)
        shutil.rmtree(target, ignore_errors=True)
        return _made(lot, target, make, use, turn)


def settle() -> None:
    """Wait until the disk has all that was made in this process; a process that is ended before has made it in vain."""
    for thread in threading.enumerate():
        if thread.name.startswith(_KEEP):
            thread.join()


def discard(folder: Path) -> None:
    """Delete what was made of files in `folder`, for a model that is removed; what cannot be deleted stays."""
    root = folder.resolve()
    for record in (cache_folder() / _SHELVES).glob(f"*/*/{_RECORD}"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            sources = json.loads(record.read_text(encoding="utf-8"))["sources"]
            if any(Path(source).is_relative_to(root) for source in sources):
                shutil.rmtree(record.parent, ignore_errors=True)


def _used(folder: Path, use: Callable[[Path], Used]) -> Used:
    """Raises OSError or ValueError where the lot is missing or not whole."""
    try:
        sizes: dict[str, int] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))["sizes"]
        whole = all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (TypeError, KeyError, AttributeError):
        whole = False
    if not whole:
        raise ValueError(f"{folder} is not whole")
    with contextlib.suppress(OSError):
        os.utime(folder)
    return use(folder)


def _made(lot: Lot, target: Path, make: Callable[[Path], object], use: Callable[[Path], Used], turn: ExitStack) -> Used:
    part = target.with_name(f"{target.name}{_PART}")
    shutil.rmtree(part, ignore_errors=True)
    _make_room(lot)
    part.mkdir()
    try:
        make(part)
        _write_record(part, lot.sources)
        if sys.platform == "win32":  # where what is mapped cannot be renamed
            _publish(part, target)
            return use(target)
        used = use(part)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    # Until the disk has it may take longer than all before.
    thread = threading.Thread(target=_finish, args=(part, target, turn.pop_all()), name=f"{_KEEP}{target.name}")
    thread.start()
    return used


def _write_record(folder: Path, sources: Sequence[Path]) -> None:
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    record = {"sources": [str(source.resolve()) for source in sources], "sizes": sizes}
    (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")


def _finish(part: Path, target: Path, turn: ExitStack) -> None:
    with turn, contextlib.suppress(OSError):
        _publish(part, target)


def _publish(part: Path, target: Path) -> None:
    for path in part.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    part.replace(target)


def _make_room(lot: Lot) -> None:
    """Delete what was used longest ago. Raises OSError where the disk has no room even so."""
    kept = lot.size
    for folder, size in _by_age(lot.shelf):
        kept += size
        if kept > MOST_BYTES:
            shutil.rmtree(folder, ignore_errors=True)
    if shutil.disk_usage(lot.shelf).free < lot.size + lot.aside + SPARE_BYTES:
        raise OSError("the disk is full")


def _by_age(shelf: Path) -> list[tuple[Path, int]]:
    """(folder, bytes) of each lot, the one used last first; those that were never finished among them."""
    found: list[tuple[float, Path, int]] = []
    for folder in shelf.iterdir():
        with contextlib.suppress(OSError):
            if folder.is_dir():
                size = sum(file.stat().st_size for file in folder.rglob("*"))
                found.append((folder.stat().st_mtime, folder, size))
    return [(folder, size) for _, folder, size in sorted(found, reverse=True)]
