"""Equal files of several packages, kept on the disk once: hard links, found by content."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.errors import PackageError
from inference.manifest import FileRecord, hash_file

# The block of most file systems: nothing is gained for files that fit into one.
_BLOCK = 4096


@dataclass(frozen=True)
class Usage:
    """bytes: what the files of a package amount to; shared: how many of them other packages need as well."""

    bytes: int
    shared: int

    @property
    def own(self) -> int:
        """What removing the package frees, in bytes."""
        return self.bytes - self.shared


def share(folder: Path, records: Iterable[FileRecord], others: Mapping[str, Path]) -> int:
    """Make links of those files of a package that are in `others` (path by SHA-256) too; returns the bytes saved.

    Nothing is linked to that does not have the content it should, and where the disk knows no links the files stay.
    """
    saved = 0
    for record in records:
        twin = others.get(record.sha256)
        if twin is not None and record.size >= _BLOCK and _link(twin, folder / record.path, record.sha256):
            saved += record.size
    return saved


def usages(folders: Iterable[Path]) -> dict[Path, Usage]:
    """How much each package folder holds, and how much of that other ones of them hold too."""
    sizes = {folder: _sizes(folder) for folder in folders}
    owners: dict[tuple[int, int], int] = {}
    for files in sizes.values():
        for file in files:
            owners[file] = owners.get(file, 0) + 1
    return {
        folder: Usage(sum(files.values()), sum(size for file, size in files.items() if owners[file] > 1))
        for folder, files in sizes.items()
    }


def _link(twin: Path, file: Path, sha256: str) -> bool:
    aside = file.with_name(f".{file.name}.link")
    try:
        twin = twin.resolve()
        # A copy that has gone bad on the disk must not take the place of a good one.
        if twin.samefile(file) or hash_file(twin) != sha256:
            return False
        os.link(twin, aside)
        aside.replace(file)
    except (OSError, PackageError):
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        return False
    return True


def _sizes(folder: Path) -> dict[tuple[int, int], int]:
    """Bytes of every file below `folder`, by what the disk knows it by."""
    found: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # gone meanwhile, or a link that leads nowhere
                state = Path(parent, name).stat()
                found[state.st_dev, state.st_ino] = state.st_size
    return found
