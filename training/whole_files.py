"""Files that are there whole or not at all, whenever the machine stops. Without PyTorch."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` aside, to the disk, and gives it its name. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def write_json(path: Path, value: object) -> None:
    """Writes `value` as JSON, whole or not at all. Raises `OSError`."""
    write_whole(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def sync_folder(folder: Path) -> None:
    """Brings the names in `folder` to the disk. Windows has no such call, and keeps its own journal of names."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
