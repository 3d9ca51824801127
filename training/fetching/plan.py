"""What would be fetched: decided before a byte of it is, so that the user can be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from inference.errors import PackageError
from inference.package_files import inside
from training.fetching.errors import FetchError

_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Remote:
    """One file. path: inside the target, with slashes. hash: "sha256:HEX", "git:HEX" (git's name of a blob) or ""."""

    path: str
    url: str
    size: int
    hash: str = ""


@dataclass(frozen=True)
class Plan:
    """name: what the model may be called. licence: as the host states it, or "". single: one file, not a folder."""

    source: str
    host: str
    name: str
    licence: str
    files: tuple[Remote, ...]
    single: bool

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def place(folder: Path, name: str) -> Path:
    """Where the file of this name goes. Raises `FetchError` for a name that leaves the folder or that no disk takes."""
    parts = name.split("/")
    odd = any(_FORBIDDEN.search(part) or _RESERVED.fullmatch(part) or part.endswith((".", " ")) for part in parts)
    try:
        if odd or "" in parts:
            raise PackageError(name)
        return inside(folder, name)
    except PackageError as error:
        raise FetchError(
            f"The host names a file {name!r}, which does not stay in the folder, so it is refused."
        ) from error
