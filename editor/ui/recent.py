"""Small pictures of recent files, made from the files themselves and kept for the next start."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPixmap

_LOG = logging.getLogger(__name__)

SIDE = 96
MOST = 60
"""Pictures that are kept; the oldest go first."""
MODIFIED = "modified"


class Thumbnails:
    """folder: where they are kept. A file that was changed since gets no picture until it is opened again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def picture(self, path: Path) -> QPixmap | None:
        """The kept picture of a file; None where there is none, or the file has changed since."""
        kept = QImage(str(self._file(path)))
        return None if kept.isNull() or kept.text(MODIFIED) != _modified(path) else QPixmap.fromImage(kept)

    def keep(self, path: Path, image: QImage) -> None:
        """Remember how a file looks. What cannot be written is left out."""
        size = QSize(SIDE, SIDE)
        small = image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
        small.setText(MODIFIED, _modified(path))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            small.save(str(self._file(path)))  # half a file is read as none
            self._prune()
        except OSError as error:
            _LOG.warning("the picture of %s was not kept: %s", path, error)

    def _prune(self) -> None:
        files = sorted(self._folder.glob("*.png"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for file in files[MOST:]:
            file.unlink(missing_ok=True)

    def _file(self, path: Path) -> Path:
        return self._folder / f"{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]}.png"


def _modified(path: Path) -> str:
    """When the file was last written, "" where there is none."""
    try:
        return str(path.stat().st_mtime_ns)
    except OSError:
        return ""
