"""A folder that appears under its name complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from inference.file_lock import FileLock
from training.export.errors import ExportTargetError

SPARE = 64 << 20  # left free on the disk, so that nothing else fails for want of space
_LOCK = ".lock"


def check_target(target: Path, replace: bool) -> None:
    """Raises `ExportTargetError` when `target` cannot become a new package folder."""
    if not target.absolute().parent.is_dir():
        raise ExportTargetError(f"The folder {target.absolute().parent} does not exist: make it first.")
    check_writable(target.absolute().parent)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ExportTargetError(f"{target} exists and is no folder: choose another name.")
    if target.is_dir() and any(target.iterdir()) and not replace:
        raise ExportTargetError(f"{target} exists and is not empty: choose another name, or ask for it to be replaced.")


def check_writable(folder: Path) -> None:
    """Raises `ExportTargetError` where no file can be made in `folder`, before anything has been computed for it."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ExportTargetError(
            f"Nothing can be written in {folder} ({error.strerror or error}): choose another folder."
        ) from error


def check_space(target: Path, needed: int) -> None:
    """Raises `ExportTargetError` where fewer than `needed` bytes, and some to spare, are free for `target`."""
    free = shutil.disk_usage(target.absolute().parent).free
    if free < needed + SPARE:
        raise ExportTargetError(
            f"{target} needs {_gigabytes(needed + SPARE)} of free disk and there are {_gigabytes(free)}: make room, or "
            "choose another folder."
        )


@contextmanager
def staged(target: Path) -> Generator[Path]:
    """A new empty folder beside `target` that takes its name when the block ends well, and vanishes when it does not.

    What stood under the name before stays until the new folder is complete. What earlier runs left that were killed is
    taken away first. Raises `ExportTargetError` when the disk refuses.
    """
    target = target.absolute()
    clean(target)
    stage = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        stage.mkdir()
        # Says that somebody is at work here; the system takes it back from whoever is killed.
        with FileLock(stage / _LOCK):
            yield stage
        (stage / _LOCK).unlink()
        _sync(stage)
        _take_name(stage, target)
    except OSError as error:
        raise ExportTargetError(
            f"{target} could not be written ({error.strerror or error}): check the disk."
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def clean(target: Path) -> None:
    """Takes away what runs for `target` left that were killed, and puts back a package that was about to give way."""
    target = target.absolute()
    for left in _beside(target, ".part"):
        if not _in_use(left):
            shutil.rmtree(left, ignore_errors=True)
    for old in _beside(target, ".old"):
        with suppress(OSError):
            shutil.rmtree(old) if target.exists() else old.rename(target)


def _beside(target: Path, ending: str) -> list[Path]:
    with suppress(OSError):
        names = (path for path in target.parent.iterdir() if path.name.startswith(f".{target.name}."))
        return sorted(path for path in names if path.name.endswith(ending) and path.is_dir())
    return []


def _in_use(stage: Path) -> bool:
    if not (stage / _LOCK).is_file():
        return False
    try:
        with FileLock(stage / _LOCK):
            return False
    except (OSError, TimeoutError):
        return True


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def folder_sizes(folder: Path) -> dict[str, int]:
    """Bytes in each entry of `folder`, by name."""
    return {entry.name: sum(file.stat().st_size for file in _files(entry)) for entry in sorted(folder.iterdir())}


def _take_name(stage: Path, target: Path) -> None:
    if not target.exists():
        stage.rename(target)
        return
    old = stage.with_suffix(".old")
    target.rename(old)
    try:
        stage.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    for file in _files(folder):
        with file.open("rb") as stream:
            os.fsync(stream.fileno())


def _files(entry: Path) -> list[Path]:
    return [entry] if entry.is_file() else [file for file in sorted(entry.rglob("*")) if file.is_file()]
