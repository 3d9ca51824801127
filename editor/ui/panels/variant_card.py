"""One variant in the strip: its picture, how far it is, and what it changed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from editor.edits.savings import EXACT, described, saving_of
from editor.edits.times import about
from editor.edits.values import VariantItem
from editor.ui import icons, theme
from editor.ui.widgets.checkerboard import checkerboard

WIDTH, HEIGHT = 92, 104
PICTURE = 80
MARGIN = 4
STATE_ICONS: dict[str, tuple[str, icons.Tone]] = {
    "waiting": ("circle-dashed", "secondary"),
    "failed": ("circle-alert", "error"),
    "cancelled": ("circle-stop", "secondary"),
}


class VariantCard(QWidget):
    """Tells what the pointer does; the strip decides what that means."""

    chosen = Signal(str, bool)
    activated = Signal(str)
    menu_wanted = Signal(str, object)

    def __init__(self, item: VariantItem, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._item = item
        self._chosen = self._shown = False
        self._model = ""
        self._pixels: NDArray[np.uint8] | None = None
        self._picture: QImage | None = None
        self.setFixedSize(WIDTH, HEIGHT)
        self.show_item(item, chosen=False, shown=False)

    @property
    def item(self) -> VariantItem:
        return self._item

    def show_item(self, item: VariantItem, *, chosen: bool, shown: bool, model: str = "") -> None:
        """chosen: among those that "keep all chosen" takes. shown: the one on the canvas. model: what tells its model
        from that of others, "" where there are none."""
        now = chosen, shown, model
        if item is self._item and now == (self._chosen, self._shown, self._model) and self.toolTip():
            return
        pixels = _pixels(item)
        if pixels is not self._pixels:
            self._pixels, self._picture = pixels, _thumbnail(pixels)
        self._item, self._chosen, self._shown, self._model = item, chosen, shown, model
        self.setToolTip(_words(item, bool(model)))
        self.setAccessibleName(f"Variant {item.index + 1}: {_words(item, bool(model))}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, HEIGHT)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        add = bool(event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self._item.id, add)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.activated.emit(self._item.id)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(self._item.id, event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        look = theme.current()
        area = QRect((WIDTH - PICTURE) // 2, MARGIN, PICTURE, PICTURE)
        painter.fillRect(area, look.colour("field"))
        self._paint_picture(painter, area)
        if self._item.state == "running":
            _paint_ring(painter, area, self._item.progress)
        elif self._item.state in STATE_ICONS:
            name, tone = STATE_ICONS[self._item.state]
            painter.drawPixmap(_middle(area, theme.ICON).topLeft(), self._icon(name, theme.ICON, tone))
        if self._item.outside_mask_changed:
            badge = QRect(area.right() - 21, area.top() + 2, 20, 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("panel"))
            painter.drawRoundedRect(badge, 4, 4)
            painter.drawPixmap(_middle(badge, 16).topLeft(), self._icon("triangle-alert", 16, "warning"))
        if self._model:
            self._paint_model(painter, area)
        self._paint_frame(painter, area)
        self._paint_words(painter, area)

    def _icon(self, name: str, side: int, tone: icons.Tone) -> QPixmap:
        return icons.pixmap(name, side, self.devicePixelRatioF(), tone)

    def _paint_picture(self, painter: QPainter, area: QRect) -> None:
        if self._picture is None:
            return
        size = self._picture.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
        spot = QRect(0, 0, size.width(), size.height())
        spot.moveTopLeft(
            area.topLeft() + QPoint((area.width() - size.width()) // 2, (area.height() - size.height()) // 2)
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._picture.hasAlphaChannel():
            painter.fillRect(spot, checkerboard(4))
        painter.setOpacity(1.0 if self._item.done else 0.55)
        painter.drawImage(spot, self._picture)
        painter.setOpacity(1.0)

    def _paint_frame(self, painter: QPainter, area: QRect) -> None:
        if self._chosen or self._shown:
            look = theme.current()
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.colour("accent" if self._shown else "secondary"), 2))
            painter.drawRoundedRect(QRectF(area).adjusted(-2, -2, 2, 2), 3, 3)

    def _paint_model(self, painter: QPainter, area: QRect) -> None:
        """On a plate at the foot of the picture."""
        look, font = theme.current(), theme.sized(self.font(), theme.SMALL)
        metrics = QFontMetrics(font)
        plate = QRect(area.left(), area.bottom() + 1 - metrics.height() - 2, area.width(), metrics.height() + 2)
        colour = look.colour("panel")
        colour.setAlphaF(0.85)
        painter.fillRect(plate, colour)
        painter.setPen(look.colour("text"))
        painter.setFont(font)
        name = metrics.elidedText(self._model, Qt.TextElideMode.ElideMiddle, plate.width() - 6)
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, name)

    def _paint_words(self, painter: QPainter, area: QRect) -> None:
        painter.setPen(theme.current().colour("text" if self._item.done else "secondary"))
        painter.setFont(theme.sized(self.font(), theme.SMALL))
        below = QRect(0, area.bottom() + 3, WIDTH, HEIGHT - area.bottom() - 3)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, _caption(self._item))


def _paint_ring(painter: QPainter, area: QRect, part: float) -> None:
    look, ring = theme.current(), QRectF(0, 0, 32, 32)
    ring.moveCenter(QRectF(area).center())
    painter.setBrush(look.colour("panel"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(ring.adjusted(-4, -4, 4, 4))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(look.colour("edge"), 3))
    painter.drawEllipse(ring)
    painter.setPen(QPen(look.colour("accent"), 3))
    painter.drawArc(ring, 90 * 16, -round(360 * 16 * min(1.0, max(0.02, part))))


def _middle(area: QRect, side: int) -> QRect:
    """A square in the middle of an area."""
    return QRect(area.left() + (area.width() - side) // 2, area.top() + (area.height() - side) // 2, side, side)


def _pixels(item: VariantItem) -> NDArray[np.uint8] | None:
    """What there is to see of it: the result, or the rough preview before that."""
    return item.pixels if item.pixels is not None else item.preview


def _thumbnail(pixels: NDArray[np.uint8] | None) -> QImage | None:
    """Twice the size on the screen, for fine displays. None before there is anything to show."""
    if pixels is None:
        return None
    step = max(1, math.ceil(max(pixels.shape[:2]) / (PICTURE * 6)))
    image = _image(np.ascontiguousarray(pixels[::step, ::step]))
    target = QSize(PICTURE * 2, PICTURE * 2)
    return image.scaled(target, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _image(pixels: NDArray[np.uint8]) -> QImage:
    """uint8 (h, w, 3 or 4) as an image with memory of its own."""
    height, width, channels = pixels.shape
    clear = channels == 4 and bool((pixels[..., 3] < 255).any())
    kind = QImage.Format.Format_RGBA8888 if clear else QImage.Format.Format_RGBX8888
    if channels == 3:
        kind = QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, width * channels, kind).copy()


def percent(part: float) -> str:
    """ "12 %"; what is there at all is never said to be nothing."""
    return "under 1 %" if 0 < part < 0.01 else f"{part:.0%}".replace("%", " %")


def _caption(item: VariantItem) -> str:
    if item.done:
        return percent(item.changed_fraction)
    words = {"waiting": "waiting", "running": about(item.seconds_left) or "working", "failed": "failed"}
    return words.get(item.state, "cancelled")


def _words(item: VariantItem, named: bool) -> str:
    settings = item.settings
    lines = [settings.instruction, f"seed {item.seed}, follow {settings.text_scale:g}, keep {settings.image_scale:g}"]
    if named:
        lines.append(f"model {settings.model}")
    if saving_of(settings.guidance_interval, settings.reuse) is not EXACT:
        lines.append(f"speed: {described(settings.guidance_interval, settings.reuse)}")
    if item.done:
        lines.append(f"{percent(item.changed_fraction)} of the pixels changed, in {item.seconds:.1f} s")
        outside = item.outside_mask_changed
        lines.append(f"{outside} pixels changed outside the selection" if outside else "nothing changed outside")
    if item.state == "failed":
        lines.append("failed; the message below says why")
    return "\n".join(lines)
