"""The system's clipboard, with alpha."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData
from PySide6.QtGui import QClipboard, QImage

Rgba = NDArray[np.uint8]


class SystemClipboard:
    """Asks the system what it holds only when that has changed: the question may be slow."""

    def __init__(self, clipboard: QClipboard) -> None:
        self._clipboard = clipboard
        self._has_picture: bool | None = None
        clipboard.dataChanged.connect(self._changed)

    @property
    def has_picture(self) -> bool:
        if self._has_picture is None:
            data = cast(QMimeData | None, self._clipboard.mimeData())  # None where the platform has no clipboard
            self._has_picture = data is not None and data.hasImage()
        return self._has_picture

    def copy(self, pixels: Rgba) -> None:
        """pixels: uint8 (h, w, 4), straight alpha."""
        data = QMimeData()
        data.setImageData(image_of(pixels))
        self._clipboard.setMimeData(data)

    def paste(self) -> Rgba | None:
        image = self._clipboard.image()
        return None if image.isNull() else pixels_of(image)

    def _changed(self) -> None:
        self._has_picture = None


def image_of(pixels: Rgba) -> QImage:
    """uint8 (h, w, 4) as an image with memory of its own."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels)
    return QImage(rows.data, width, height, width * 4, QImage.Format.Format_RGBA8888).copy()


def pixels_of(image: QImage) -> Rgba:
    """Any image as uint8 (h, w, 4) straight RGBA."""
    plain = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : plain.width() * 4].reshape(plain.height(), plain.width(), 4).copy()
