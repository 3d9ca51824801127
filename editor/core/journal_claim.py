"""Who owns a record: a lock that the system takes back when its owner dies. That tells a crash from a running one."""

from __future__ import annotations

import os
import sys
from pathlib import Path


class Claim:
    """The lock on `path`, held until `release` or the end of the process."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, path: Path) -> Claim | None:
        """None where another owner, in this process or another, has it, or where the file cannot be made."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None
        if _locked(handle):
            return cls(handle)
        os.close(handle)
        return None

    def release(self) -> None:
        """Calling it twice does no harm."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _locked(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
