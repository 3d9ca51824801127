"""Thumbnails of layers and masks, made one at a time when nothing else is to be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage, QPixmap

from editor.core.document import Document, find, offset_of
from editor.core.thumbnails import layer_thumbnail, mask_thumbnail
from editor.core.tiles import Samples

Key = tuple[str, bool]
"""The id of a layer, and whether its mask is meant."""
KEPT = 1000
NARROW = 8
"""No thumbnail is narrower than an eighth of its length."""


class Thumbnails(QObject):
    """Gives what it has and makes the rest later; `ready(id)` is called when a new one is there.

    A thumbnail holds as long as its pixels and mask are the same objects, at the same place on a page of the same size.
    """

    def __init__(self, ready: Callable[[str], None], side: int, parent: QObject) -> None:
        super().__init__(parent)
        self._ready = ready
        self._side = side
        self._scale = 1.0
        self._document: Document | None = None
        self._made: dict[Key, tuple[tuple[object, ...], QPixmap]] = {}
        self._wanted: dict[Key, None] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._make_one)

    def show(self, document: Document | None, scale: float) -> None:
        """scale: device pixels per logical pixel."""
        if scale != self._scale:
            self._made.clear()
        self._document, self._scale = document, scale
        if document is None or len(self._made) > KEPT:
            self._made.clear()
            self._wanted.clear()

    def get(self, id: str, mask: bool = False) -> QPixmap | None:
        """The newest there is, even if outdated; None if there is none yet."""
        if self._document is None or find(self._document, id) is None:
            return None
        made = self._made.get((id, mask))
        if made is None or not _same(made[0], self._state((id, mask))):
            self._wanted[(id, mask)] = None
            self._timer.start()
        return made[1] if made else None

    def _state(self, key: Key) -> tuple[object, ...]:
        document = cast(Document, self._document)
        layer = find(document, key[0])
        place = offset_of(document, key[0]) if layer is not None else None
        plane = None if key[1] else getattr(layer, "plane", None)
        return plane, getattr(layer, "mask", None), place, (document.width, document.height)

    def _make_one(self) -> None:
        if not self._wanted or self._document is None:
            self._timer.stop()
            return
        key = next(iter(self._wanted))
        del self._wanted[key]
        layer = find(self._document, key[0])
        if layer is None or (key[1] and layer.mask is None):
            return
        make = mask_thumbnail if key[1] else layer_thumbnail
        side = round(self._side * self._scale)
        picture = _pixmap(_enlarged(make(self._document, key[0], side), side))
        picture.setDevicePixelRatio(self._scale)
        self._made[key] = (self._state(key), picture)
        self._ready(key[0])


def _same(before: tuple[object, ...], after: tuple[object, ...]) -> bool:
    return before[0] is after[0] and before[1] is after[1] and before[2:] == after[2:]


def _enlarged(pixels: Samples, side: int) -> Samples:
    """Of a page of a few pixels every pixel becomes a square, and no page is so narrow that it cannot be seen."""
    whole = max(1, side // max(pixels.shape[:2]))
    down, across = (max(whole, -(-side // (NARROW * length))) for length in pixels.shape[:2])
    return np.repeat(np.repeat(pixels, down, axis=0), across, axis=1)


def _pixmap(pixels: Samples) -> QPixmap:
    """pixels: uint8 (h, w, 4) straight RGBA or (h, w) grey."""
    rows = np.ascontiguousarray(pixels)
    kind = QImage.Format.Format_Grayscale8 if rows.ndim == 2 else QImage.Format.Format_RGBA8888
    image = QImage(rows.data, rows.shape[1], rows.shape[0], rows.strides[0], kind)
    return QPixmap.fromImage(image)  # copies, so the array may go
