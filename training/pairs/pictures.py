"""Pictures on the disk, each under the hash of its content: written aside, synced, then renamed. Without PyTorch."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pairs.pair import PairError

Picture = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB, or uint8 (H, W), grey."""

PART = ".part"
# A photo's rows are smoothed by one filter and then packed without a search: 4 times as fast, and no larger.
_FAST = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG),
]


def content_hash(picture: Picture) -> str:
    """SHA-256 of shape and pixels, as 64 hex digits: the same whatever library wrote the file."""
    digest = hashlib.sha256(" ".join(map(str, picture.shape)).encode())
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()


class PictureFolder:
    """PNG files `ab/<hash>.png`. Nothing is made before the first `write`; `OSError` passes through."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def path(self, sha: str) -> Path:
        """Where the picture of that hash is, or would be."""
        return self.folder / sha[:2] / f"{sha}.png"

    def write(self, sha: str, data: bytes) -> None:
        """Keep a picture's PNG file, on the disk for good when this returns. One that is there and sound stays."""
        path = self.path(sha)
        if path.exists():
            with contextlib.suppress(PairError):  # a damaged one is written anew
                self.read(sha)
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.folder / f".{secrets.token_hex(8)}{PART}"
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        for folder in (path.parent, self.folder):
            sync_folder(folder)

    def read(self, sha: str) -> Picture:
        """The picture, its content compared with its name. Raises `PairError` where it is missing or damaged."""
        path = self.path(sha)
        try:
            picture = decoded(path.read_bytes())
        except FileNotFoundError as error:
            raise PairError(f"The picture {path} is missing: remove its pair, or bring the file back.") from error
        except OSError as error:
            reason = error.strerror or error
            raise PairError(f"The picture {path} cannot be read ({reason}): check the disk.") from error
        if picture is None or content_hash(picture) != sha:
            raise PairError(f"The picture {path} is damaged: remove its pair and add it again.")
        return picture

    def remove(self, sha: str) -> bool:
        """Take a picture away; one that is not there is no fault. False where it is in use, on Windows."""
        path = self.path(sha)
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            return False
        with contextlib.suppress(OSError):  # others are in it
            path.parent.rmdir()
        return True

    def remove_parts(self) -> None:
        """Take away what writes that were killed have left; nobody may be writing."""
        for part in self.folder.glob(f".*{PART}"):
            with contextlib.suppress(PermissionError):
                part.unlink(missing_ok=True)


def encoded(picture: Picture) -> bytes:
    """A PNG file of 8 bits."""
    pixels = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", pixels, _FAST)
    if not done:
        raise PairError("A picture cannot be written as PNG: it may be too large.")
    return data.tobytes()


def decoded(data: bytes) -> Picture | None:
    """The picture in a PNG file that `encoded` made, or None."""
    try:
        # Typed as never failing; it answers None, or raises, where the bytes are no picture.
        found = cast("Picture | None", cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))
    except cv2.error:
        return None
    if found is None or found.dtype != np.uint8 or (found.ndim == 3 and found.shape[2] != 3):
        return None
    return found if found.ndim == 2 else np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last; Windows and some network disks know no such call."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
