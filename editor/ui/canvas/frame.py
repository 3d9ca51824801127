"""What is on the screen below all overlays, as one image: the page on its surround, in device pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPixmap

from editor.core.geometry import EMPTY, Rect
from editor.core.tiles import Samples
from editor.ui.canvas.bgra import DEEPEST
from editor.ui.canvas.picture import Picture, Wanted
from editor.ui.canvas.view import Size, View
from editor.ui.theme import current

CHECK = 8
"""Side of a square of the checkerboard, in logical pixels."""
NEAREST = 2.0
"""From this scale on, document pixels are squares."""


def level_for(scale: float) -> int:
    """The mip level that is shown at about half to full size: a little larger than its own rather than half of a finer
    one, which has four times the pixels."""
    return 0 if scale >= 1 else min(DEEPEST, math.floor(math.log2(1 / scale) + 0.1))


@dataclass(frozen=True)
class Part:
    """A picture in a rectangle of the screen; the split view has two."""

    picture: Picture
    rect: Rect


class Frame:
    """Kept from one repaint to the next: moving the view shifts it, a stroke redraws a corner of it."""

    def __init__(self) -> None:
        self.image = QImage()
        self._view = View()
        self._checks: QBrush | None = None
        self._check_side = 0

    @property
    def size(self) -> Size:
        return self.image.width(), self.image.height()

    def resize(self, size: Size) -> None:
        self.image = QImage(max(1, size[0]), max(1, size[1]), QImage.Format.Format_RGB32)

    def forget_colours(self) -> None:
        """The theme may have changed."""
        self._checks = None

    def draw(self, parts: tuple[Part, ...], view: View, rects: list[Rect], ratio: float = 1.0) -> None:
        """Draw these screen rectangles anew."""
        self._view = view
        painter = QPainter(self.image)
        surround, checks = QColor(current().surround), self._brush(ratio)
        for rect in rects:
            inside = rect & Rect(0, 0, *self.size)
            if inside.empty:
                continue
            if not any(_covers(part, view, inside, self.size) for part in parts):
                painter.fillRect(_qrect(inside), surround)
            for part in parts:
                _draw_part(painter, part.picture, view, inside & part.rect, self.size, checks)
        painter.end()

    def shifted(self, view: View) -> list[Rect] | None:
        """Move everything to where `view` has it; the screen rectangles left to be drawn, None where that is all."""
        left, top = view.offset(self.size)
        was_left, was_top = self._view.offset(self.size)
        dx, dy, (width, height) = left - was_left, top - was_top, self.size
        if view.scale != self._view.scale or abs(dx) >= width or abs(dy) >= height:
            return None
        self._view = view
        if not dx and not dy:
            return []
        moved = self.image.copy()
        painter = QPainter(self.image)
        painter.drawImage(QPoint(dx, dy), moved)
        painter.end()
        bare = [
            Rect(0 if dx > 0 else width + dx, 0, abs(dx), height),
            Rect(0, 0 if dy > 0 else height + dy, width, abs(dy)),
        ]
        return [rect for rect in bare if not rect.empty]

    def blit(self, painter: QPainter, x: float, y: float, ratio: float) -> None:
        """Draw it at (x, y) in logical pixels, one of its pixels on one of the screen's."""
        self.image.setDevicePixelRatio(ratio)
        painter.drawImage(QPointF(x, y), self.image)
        self.image.setDevicePixelRatio(1)

    def _brush(self, ratio: float) -> QBrush:
        side = max(1, round(CHECK * ratio))
        if self._checks is None or side != self._check_side:
            self._checks, self._check_side = checkerboard(side), side
        return self._checks


def checkerboard(side: int) -> QBrush:
    """Neutral squares of the theme, `side` pixels each."""
    theme = current()
    pixmap = QPixmap(2 * side, 2 * side)
    pixmap.fill(QColor(theme.check_light))
    painter = QPainter(pixmap)
    dark = QColor(theme.check_dark)
    painter.fillRect(side, 0, side, side, dark)
    painter.fillRect(0, side, side, side, dark)
    painter.end()
    return QBrush(pixmap)


def wanted(picture: Picture, view: View, part: Rect, size: Size, near: tuple[float, float] | None) -> Wanted:
    """What a picture has to have ready for a part of the screen; `near` is the pointer there, if it is."""
    if picture.document is None or part.empty:
        return Wanted()
    rect = view.rect_to_document(part, size) & picture.document.rect
    x, y = view.to_document(*(near or (part.x + part.width / 2, part.y + part.height / 2)), size)
    return Wanted(rect, level_for(view.scale), x, y)


def _covers(part: Part, view: View, rect: Rect, size: Size) -> bool:
    """True where the page alone fills a screen rectangle."""
    document = part.picture.document
    return document is not None and view.page(document.width, document.height, size) & part.rect & rect == rect


def _draw_part(painter: QPainter, picture: Picture, view: View, rect: Rect, size: Size, checks: QBrush) -> None:
    document = picture.document
    if document is None:
        return
    page = view.page(document.width, document.height, size)
    shown = rect & page
    if shown.empty:
        return
    pixels, opaque = _pixels(picture, view, shown, page, Rect(0, 0, document.width, document.height))
    if not opaque:
        painter.setBrushOrigin(page.x, page.y)
        painter.fillRect(_qrect(shown), checks)
    kind = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    height, width = pixels.shape[:2]
    painter.drawImage(QPoint(shown.x, shown.y), QImage(pixels.data, width, height, width * 4, kind))


def _pixels(picture: Picture, view: View, shown: Rect, page: Rect, whole: Rect) -> tuple[Samples, bool]:
    """The screen pixels of `shown`, a part of the page on the screen."""
    level = level_for(view.scale)
    step = 1 << level
    scale = view.scale * step
    # The last pixel of a mip may reach over the page's edge, where its tile repeats the page's last pixels.
    reach = Rect(0, 0, -(-whole.width // step), -(-whole.height // step))
    local = shown.moved(-page.x, -page.y)
    if scale == 1:
        return picture.read(local, level)
    if scale >= NEAREST:
        return _squares(picture, local, reach, scale)
    return _smooth(picture, local, reach, level, scale)


def _squares(picture: Picture, local: Rect, reach: Rect, scale: float) -> tuple[Samples, bool]:
    columns = _nearest(local.x, local.width, scale, reach.width)
    rows = _nearest(local.y, local.height, scale, reach.height)
    source = Rect.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    pixels, opaque = picture.read(source, 0)
    words = pixels.view(np.uint32)[..., 0]
    spread = np.take(np.take(words, columns - source.x, axis=1), rows - source.y, axis=0)
    return spread.view(np.uint8).reshape(local.height, local.width, 4), opaque


def _nearest(first: int, count: int, scale: float, limit: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    centres = np.floor((np.arange(first, first + count) + 0.5) / scale).astype(np.intp)
    return np.clip(centres, 0, limit - 1)


def _smooth(picture: Picture, local: Rect, reach: Rect, level: int, scale: float) -> tuple[Samples, bool]:
    source = _around(local, scale) & reach
    if source == EMPTY:
        source = Rect(max(0, min(reach.width - 1, local.x)), max(0, min(reach.height - 1, local.y)), 1, 1)
    pixels, opaque = picture.read(source, level)
    step = 1 / scale
    place = np.array(
        [
            [step, 0, (local.x + 0.5) * step - 0.5 - source.x],
            [0, step, (local.y + 0.5) * step - 0.5 - source.y],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (local.width, local.height)
    return np.asarray(
        cv2.warpAffine(pixels, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    ), opaque


def _around(local: Rect, scale: float) -> Rect:
    return Rect.between(
        math.floor(local.x / scale) - 2,
        math.floor(local.y / scale) - 2,
        math.ceil(local.right / scale) + 2,
        math.ceil(local.bottom / scale) + 2,
    )


def _qrect(rect: Rect) -> QRect:
    return QRect(rect.x, rect.y, rect.width, rect.height)
