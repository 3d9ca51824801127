"""The line between before and after."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from editor.ui.theme import SMALL, current, sized

GRIP = 12.0
"""Radius of the grip, in logical pixels."""
NEAR = 8.0
"""So close to the line, in logical pixels, a press takes hold of it."""
_PLATE, _INK = QColor(0, 0, 0, 150), QColor(255, 255, 255)


def line_at(split: float, width: int) -> int:
    """Device pixels from the left, where `split` in [0, 1] lies in a viewport of this width."""
    return round(min(1.0, max(0.0, split)) * width)


def draw_split(
    painter: QPainter,
    x: int,
    width: int,
    height: int,
    ratio: float,
    font: QFont,
    labels: tuple[str, str] = ("before", "after"),
) -> None:
    """painter: in device pixels. x: where the line is. labels: of its two sides."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(0, 0, 0, 150), 3 * ratio))
    painter.drawLine(QPointF(x, 0), QPointF(x, height))
    painter.setPen(QPen(_INK, ratio))
    painter.drawLine(QPointF(x, 0), QPointF(x, height))
    _draw_grip(painter, QPointF(x, height / 2), ratio)
    small = sized(font, SMALL)
    draw_label(painter, labels[0], QPointF(x - 8 * ratio, 8 * ratio), ratio, small, to_left=True)
    draw_label(painter, labels[1], QPointF(x + 8 * ratio, 8 * ratio), ratio, small)


def draw_label(
    painter: QPainter, text: str, corner: QPointF, ratio: float, font: QFont, to_left: bool = False
) -> QRectF:
    """White on a dark plate, readable on any picture; `corner` is its top left (or right). Where it was drawn."""
    metrics = QFontMetricsF(font)
    width, height = (metrics.horizontalAdvance(text) + 12) * ratio, (metrics.height() + 4) * ratio
    box = QRectF(corner.x() - width if to_left else corner.x(), corner.y(), width, height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PLATE)
    painter.drawRoundedRect(box, 3 * ratio, 3 * ratio)
    painter.setPen(_INK)
    painter.save()
    painter.translate(box.topLeft())
    painter.scale(ratio, ratio)
    painter.setFont(font)
    painter.drawText(QRectF(0, 0, width / ratio, height / ratio), Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    return box


def _draw_grip(painter: QPainter, centre: QPointF, ratio: float) -> None:
    radius = GRIP * ratio
    painter.setPen(QPen(_INK, ratio))
    painter.setBrush(QColor(current().surround))
    painter.drawEllipse(centre, radius, radius)
    painter.setPen(QPen(_INK, 1.5 * ratio))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for side in (-1, 1):
        tip = centre + QPointF(side * 7 * ratio, 0)
        for rise in (-4, 4):
            painter.drawLine(tip, tip + QPointF(-side * 4 * ratio, rise * ratio))
