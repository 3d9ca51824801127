"""Arrays on disk by what they were made from: computed once, and again where a file is damaged. Without PyTorch."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from training.whole_files import write_whole

Array = NDArray[np.float32]


def key_of(*parts: object) -> str:
    """A name for what `parts` determine; bytes and arrays count by content."""
    digest = hashlib.sha256()
    for part in parts:
        data = _bytes(part)
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


def _bytes(part: object) -> bytes:
    if isinstance(part, np.ndarray):
        array = np.ascontiguousarray(cast("NDArray[np.generic]", part))
        return f"{array.dtype}{array.shape}".encode() + array.tobytes()
    return part if isinstance(part, bytes) else str(part).encode()


class DiskCache:
    """float32 arrays in `folder`, one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str, make: Callable[[], Array]) -> Array:
        """The array of that key, made where there is none. Raises `OSError` where it cannot be written."""
        path = self._folder / key[:2] / f"{key}.npy"
        found = _read(path)
        if found is None:
            found = np.ascontiguousarray(make(), np.float32)
            data = io.BytesIO()
            np.save(data, found, allow_pickle=False)
            write_whole(path, data.getvalue())
        return found


def _read(path: Path) -> Array | None:
    try:
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
    except (FileNotFoundError, ValueError, EOFError):
        return None
