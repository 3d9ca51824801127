"""Files that appear whole or not at all: written beside the target, synced, then renamed over it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from editor.core.errors import OutputNotWritable

REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your share of the disk is used up; free some space or choose another folder",
    errno.EFBIG: "it would be larger than this disk or account allows; choose another folder or format",
    errno.EACCES: "writing in its folder is not allowed; choose another folder",
    errno.EPERM: "writing in its folder is not allowed; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOENT: "its folder does not exist; make the folder or choose another",
    errno.ENOTDIR: "its folder does not exist; make the folder or choose another",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Opens a seekable binary file that becomes `path` once the block ends without an error.

    An older file keeps its permissions, and a symbolic link keeps pointing at it. After any error (an interrupt too)
    nothing new is left in the folder and an older file is as it was. Raises OutputNotWritable.
    """
    target = _checked_target(path)
    # A short name of our own: the target's, made longer, could pass the 255 bytes that a name may have.
    temporary = target.with_name(f".palimpsest-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` as `path`, whole or not at all. Raises OutputNotWritable."""
    with replacing(path) as file:
        file.write(data)


def not_written(path: Path, error: OSError) -> OutputNotWritable:
    """The sentence for a failed write."""
    reason = REASONS.get(error.errno or 0) or f"the system says: {error.strerror or error}"
    return OutputNotWritable(f"{path} was not written: {reason}.")


def _checked_target(path: Path) -> Path:
    try:
        target = path.resolve()
        mode = target.stat().st_mode if target.exists() else None
    except (OSError, RuntimeError) as error:  # RuntimeError: links that point at each other
        if isinstance(error, OSError) and error.errno in REASONS:
            raise not_written(path, error) from error
        raise OutputNotWritable(f"{path} was not written: its folder cannot be reached ({error}).") from error
    if mode is None:
        return target
    if stat.S_ISDIR(mode):
        raise OutputNotWritable(f"{path} was not written: it is a folder; give a file name.")
    if not stat.S_ISREG(mode):  # renaming over /dev/null would replace the device
        raise OutputNotWritable(f"{path} was not written: it is a device, not a file; give a file name.")
    if not os.access(target, os.W_OK):  # a rename would not ask
        raise OutputNotWritable(f"{path} was not written: it is write-protected; choose another name.")
    return target


def _sync_folder(folder: Path) -> None:
    # Makes the rename itself survive a power cut; Windows and some network disks know no such call.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
