"""A lock between processes that the system takes back when its owner dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType

_POLL = 0.05


class FileLock:
    """Holds `path` (made if it is not there, and never deleted) locked inside a `with` block.

    Raises `TimeoutError` where another owner, in this process or another, keeps it for longer than `timeout` seconds,
    and `OSError` where the file cannot be opened.
    """

    def __init__(self, path: Path, timeout: float = 0.0) -> None:
        self._path, self._timeout = path, timeout
        self._handle = -1

    def __enter__(self) -> FileLock:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        end = time.monotonic() + self._timeout
        while not _try_lock(handle):
            if time.monotonic() >= end:
                os.close(handle)
                raise TimeoutError(f"{self._path} is in use")
            time.sleep(_POLL)
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._handle)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
