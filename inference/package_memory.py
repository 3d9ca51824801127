"""Packages that were opened before: reading a large one takes a part of a second, looking at its files next to none."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from inference.package import ModelPackage, open_package

Stamp = tuple[tuple[str, int, int], ...]


class PackageMemory:
    """Opens a package as `open_package` does, and only once while none of its files changes. From any thread."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, ModelPackage]] = {}
        self._lock = threading.Lock()

    def __call__(self, folder: Path) -> ModelPackage:
        """Raises `PackageError` as `open_package` does."""
        stamp = _stamp(folder)
        with self._lock:
            known = self._known.get(folder)
        if known is not None and known[0] == stamp:
            return known[1]
        package = open_package(folder)
        with self._lock:
            self._known[folder] = stamp, package
        return package


def _stamp(folder: Path) -> Stamp:
    """Path, size and time of every file: what changes when a file does."""
    found = list[tuple[str, int, int]]()
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                state = path.stat()
            except OSError:  # gone meanwhile, or a link that leads nowhere
                found.append((str(path), -1, 0))
            else:
                found.append((str(path), state.st_size, state.st_mtime_ns))
    return tuple(sorted(found))
