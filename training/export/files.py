"""A folder that appears under its name complete or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from training.export.errors import ExportTargetError


def check_target(target: Path, replace: bool) -> None:
    """Raises `ExportTargetError` when `target` cannot become a new package folder."""
    if not target.absolute().parent.is_dir():
        raise ExportTargetError(f"The folder {target.absolute().parent} does not exist: make it first.")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ExportTargetError(f"{target} exists and is no folder: choose another name.")
    if target.is_dir() and any(target.iterdir()) and not replace:
        raise ExportTargetError(f"{target} exists and is not empty: choose another name, or ask for it to be replaced.")


@contextmanager
def staged(target: Path) -> Generator[Path]:
    """A new empty folder beside `target` that takes its name when the block ends well, and vanishes when it does not.

    What stood under the name before stays until the new folder is complete. Raises `ExportTargetError` when the disk
    refuses.
    """
    target = target.absolute()
    stage = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        stage.mkdir()
        yield stage
        _sync(stage)
        _take_name(stage, target)
    except OSError as error:
        raise ExportTargetError(
            f"{target} could not be written ({error.strerror or error}): check the disk."
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


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
