"""Where the pictures and strips of the last saved file lie, so that saving again copies what did not change."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from editor.core.document import Document
from editor.core.geometry import Rect

Key = tuple[object, ...]
"""Planes and tiles in it compare by identity: they never change. The key holds them, so no other takes their place."""
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Strip:
    """One packed strip: its chunk is `size` bytes at `offset` of the file."""

    key: Key
    offset: int
    size: int
    check: int
    raw: int


@dataclass(frozen=True, eq=False)
class Picture:
    """One PNG: `size` bytes at `offset` of the file. rect: what it shows of its plane. keep: what the key's id stands
    for."""

    offset: int
    size: int
    rect: Rect
    strips: tuple[Strip, ...] = ()
    keep: object = None


@dataclass(eq=False)
class OraCache:
    """Belongs to one open document; saving fills it. It holds places in a file, no pixels.

    document: as it was saved, to tell which strips of the merged picture changed; None before the first save.
    """

    path: Path | None = None
    stamp: Stamp = (0, 0, 0)
    document: Document | None = None
    pictures: dict[Key, Picture] = field(default_factory=dict[Key, Picture])
    strips: dict[Key, Strip] = field(default_factory=dict[Key, Strip])

    def remember(self, path: Path, document: Document | None, pictures: dict[Key, Picture]) -> None:
        """`path` was just written, or read, and holds these pictures."""
        self.path, self.stamp, self.document = path, stamp_of(path), document
        self.pictures = pictures
        self.strips = {strip.key: strip for picture in pictures.values() for strip in picture.strips}

    def forget(self) -> None:
        """The file is not what it was: nothing of it can be copied."""
        self.path, self.document, self.pictures, self.strips = None, None, {}, {}

    @contextmanager
    def source(self) -> Generator[BinaryIO | None]:
        """The file that the places lie in; None where it is gone or another program changed it, which forgets all."""
        with contextlib.ExitStack() as stack:
            file = None
            if self.path is not None:
                with contextlib.suppress(OSError):
                    file = stack.enter_context(self.path.open("rb"))
            if file is None or self.path is None or stamp_of(self.path) != self.stamp:
                self.forget()
                file = None
            yield file


def stamp_of(path: Path) -> Stamp:
    """Changes whenever the file does; zeros for a file that is not there."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_size, found.st_mtime_ns, found.st_ino
