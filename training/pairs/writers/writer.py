"""What a writer is, and writing a folder so that it appears whole or not at all. Without PyTorch."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2

from training.items import Item
from training.pairs.pair import Grey, PairError, Rgb

Progress = Callable[[float], None]
"""Told the share that is done, 0 to 1."""


class NotWritten(PairError):
    """The folder could not be written; nothing of it was left."""


@dataclass(frozen=True)
class Writer:
    """One form in which pairs leave the program.

    name: as options give it. title: in words. write: makes the folder that must not be there yet, whole or not at all;
    raises `NotWritten` where that fails, and `PairError` where a pair cannot be read.
    """

    name: str
    title: str
    write: Callable[[Sequence[Item], Path, Progress], None]


@contextmanager
def new_folder(target: Path) -> Generator[Path]:
    """An empty folder beside `target` that takes its name when the block ends without an error, else is removed.

    Raises `NotWritten` where `target` exists and where the disk refuses.
    """
    stage = target.absolute().with_name(f".palimpsest-{secrets.token_hex(8)}.part")
    try:
        _check_free(target)
        stage.mkdir()
        yield stage
        _sync(stage)
        stage.rename(target.absolute())
    except OSError as error:
        raise NotWritten(f"{target} was not written: {_reason(error, target.absolute())}.") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def write_file(path: Path, data: bytes) -> None:
    """A new file, on the disk when this returns; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def png(image: Rgb | Grey) -> bytes:
    """A picture as PNG, uint8 (H, W, 3) RGB or (H, W); equal pictures give equal bytes."""
    return cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)[1].tobytes()


def told(items: Sequence[Item], progress: Progress) -> Generator[tuple[int, Item]]:
    """The items with their numbers from 0; `progress` hears of each that is done. Raises `PairError` for none."""
    if not items:
        raise PairError("There are no pairs to write: add some, or switch some on.")
    for number, item in enumerate(items):
        yield number, item
        progress((number + 1) / len(items))


def digits(count: int) -> int:
    """How many digits the numbers of `count` things take, so that names sort as the pairs do; at least 4."""
    return max(4, len(str(count - 1)))


def _sync(stage: Path) -> None:
    """Makes the files' names last, as their contents do; Windows and some network disks know no such call."""
    for folder in (*(path for path in stage.rglob("*") if path.is_dir()), stage):
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _check_free(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise NotWritten(f"{target} is there already, so nothing was written: name a folder that does not exist yet.")


def _reason(error: OSError, target: Path) -> str:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return _no_way_to(target)
    reasons = {
        errno.ENOSPC: "the disk is full; free some space or choose another folder",
        errno.EACCES: "writing there is not allowed; choose another folder",
        errno.EPERM: "writing there is not allowed; choose another folder",
        errno.EROFS: "the disk is read-only; choose another folder",
        errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    }
    return reasons.get(error.errno or 0) or f"the system says: {error.strerror or error}"


def _no_way_to(target: Path) -> str:
    """By what is on the disk: systems differ in what they call it."""
    lowest = next((folder for folder in target.parents if folder.exists()), target.parent)
    if not lowest.is_dir():
        return f"{lowest} is not a folder; choose another"
    if lowest != target.parent:
        return "the folder above it does not exist; make it or choose another"
    return f"nothing can be made in {lowest}; choose another folder"
