"""Small pictures of recent files, made from the files themselves and kept for the next start."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPixmap

SIDE = 96


class Thumbnails:
    """folder: where they are kept. A file that was changed since gets no picture until it is opened again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def picture(self, path: Path) -> QPixmap | None:
        """The kept picture of a file; None where there is none."""
        file = self._file(path)
        pixmap = QPixmap(str(file)) if file.exists() else QPixmap()
        return None if pixmap.isNull() else pixmap

    def keep(self, path: Path, image: QImage) -> None:
        """Remember how a file looks. What cannot be written is left out."""
        self._folder.mkdir(parents=True, exist_ok=True)
        size = QSize(SIDE, SIDE)
        small = image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
        small.save(str(self._file(path)), "PNG")

    def _file(self, path: Path) -> Path:
        return self._folder / f"{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]}.png"
