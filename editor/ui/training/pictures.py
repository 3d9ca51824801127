"""Pictures from files, read aside and kept, for lists and strips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPixmap

from editor.core.observe import Signal
from editor.edits.background import Background

KEPT = 600
Key = tuple[Path, int]
"""A file, and the side in device pixels of the square that its picture fits into; 0 for its own size."""


class Pictures:
    """Gives what it has and reads the rest aside; `ready` tells the file once its picture is there, or cannot be.

    Make it, and call it, on the thread of the window; `close` before what it tells is gone.
    """

    def __init__(self, background: Background) -> None:
        self.ready: Signal[Path] = Signal()
        self._background = background
        self._made: dict[Key, QPixmap | None] = {}
        self._wanted: set[Key] = set()
        self._closed = False

    def get(self, path: Path, side: int, scale: float = 1.0) -> QPixmap | None:
        """The picture, `side` logical pixels at most; None where it is not there yet, or cannot be read."""
        key = path, round(side * scale)
        if key in self._made:
            picture = self._made.pop(key)
            self._made[key] = picture  # the last one to go
            return picture
        if key not in self._wanted and not self._closed:
            self._wanted.add(key)
            self._background.run(lambda progress: _read(key), self._put(key, scale), lambda error: self._fail(key))
        return self._made.get(key)

    def cannot_read(self, path: Path) -> bool:
        """True once reading it has failed."""
        return any(kept is None for (file, _), kept in self._made.items() if file == path)

    def forget(self, path: Path) -> None:
        """The file has changed."""
        self._made = {key: picture for key, picture in self._made.items() if key[0] != path}

    def close(self) -> None:
        self._closed = True

    def _put(self, key: Key, scale: float) -> Callable[[QImage | None], None]:
        def put(image: QImage | None) -> None:
            if self._closed:
                return
            picture = QPixmap.fromImage(image) if image is not None else None
            if picture is not None:
                picture.setDevicePixelRatio(scale)
            self._keep(key, picture)

        return put

    def _fail(self, key: Key) -> None:
        if not self._closed:
            self._keep(key, None)

    def _keep(self, key: Key, picture: QPixmap | None) -> None:
        self._wanted.discard(key)
        self._made[key] = picture
        while len(self._made) > KEPT:
            del self._made[next(iter(self._made))]
        self.ready.emit(key[0])


def _read(key: Key) -> QImage | None:
    """In a thread. Small ones are scaled while they are read."""
    path, side = key
    reader = QImageReader(str(path))
    size = reader.size()
    if side and size.isValid():
        reader.setScaledSize(size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    return None if image.isNull() else image
