"""What is drawn over the page: its border, the pixel grid, and what the tool asks for. Painters in device pixels."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from editor.core.document import Document
from editor.core.geometry import Rect
from editor.tools.tool import Overlay
from editor.ui.canvas.view import Size, View

GRID_FROM = 8.0
"""From this scale on, lines between the pixels."""
HANDLE = 4.0
"""Half the side of a handle, in logical pixels."""
REACH = 16
"""So far around its points may an overlay be drawn, in logical pixels."""
_GRID_DARK, _GRID_LIGHT = QColor(0, 0, 0, 90), QColor(255, 255, 255, 60)
_BORDER = QColor(0, 0, 0, 110)
_SHADE = QColor(0, 0, 0, 130)
_DARK, _LIGHT = QColor(0, 0, 0, 170), QColor(255, 255, 255)


def draw_border(painter: QPainter, document: Document, view: View, size: Size) -> None:
    """One pixel around the page, so that a page as grey as its surround still ends somewhere."""
    page = view.page(document.width, document.height, size).grown(1)
    for line in (
        QRect(page.x, page.y, page.width, 1),
        QRect(page.x, page.bottom - 1, page.width, 1),
        QRect(page.x, page.y + 1, 1, page.height - 2),
        QRect(page.right - 1, page.y + 1, 1, page.height - 2),
    ):
        painter.fillRect(line, _BORDER)


def draw_grid(painter: QPainter, document: Document, view: View, size: Size, clip: Rect) -> None:
    """Lines between pixels, from GRID_FROM on: dark beside light, so that they show on any colour."""
    if view.scale <= GRID_FROM:
        return
    page = view.page(document.width, document.height, size)
    seen = page & clip
    pixels = view.rect_to_document(seen, size) & document.rect
    left, top = view.offset(size)
    for x in (round(left + x * view.scale) for x in range(pixels.x + 1, pixels.right)):
        painter.fillRect(x - 1, seen.y, 1, seen.height, _GRID_DARK)
        painter.fillRect(x, seen.y, 1, seen.height, _GRID_LIGHT)
    for y in (round(top + y * view.scale) for y in range(pixels.y + 1, pixels.bottom)):
        painter.fillRect(seen.x, y - 1, seen.width, 1, _GRID_DARK)
        painter.fillRect(seen.x, y, seen.width, 1, _GRID_LIGHT)


def draw_overlay(painter: QPainter, overlay: Overlay, document: Document, view: View, size: Size, ratio: float) -> None:
    """ratio: device pixels per logical pixel."""
    if overlay.frame is not None:
        _draw_frame(painter, overlay, overlay.frame, document, view, size, ratio)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line in overlay.lines:
        polygon = QPolygonF([QPointF(*view.to_screen(x, y, size)) for x, y in line.tolist()])
        for pen in _two_tones(ratio):
            painter.setPen(pen)
            painter.drawPolyline(polygon)
    if overlay.circle is not None:
        _draw_circle(painter, overlay.circle, view, size, ratio)
    for x, y in overlay.handles:
        _draw_handle(painter, QPointF(*view.to_screen(x, y, size)), ratio)


def bounds(overlay: Overlay, view: View, size: Size, ratio: float) -> Rect | None:
    """The screen rectangle that an overlay is drawn in; None for all of it."""
    if overlay.frame is not None and overlay.shade_outside:
        return None
    points = [(float(x), float(y)) for line in overlay.lines if len(line) for x, y in (line.min(0), line.max(0))]
    points += overlay.handles
    if overlay.frame is not None:
        points += [(overlay.frame.x, overlay.frame.y), (overlay.frame.right, overlay.frame.bottom)]
    if overlay.circle is not None:
        x, y, radius = overlay.circle
        points += [(x - radius, y - radius), (x + radius, y + radius)]
    if not points:
        return Rect(0, 0, 0, 0)
    corners = [view.to_screen(x, y, size) for x, y in points]
    xs, ys = [int(x) for x, _ in corners], [int(y) for _, y in corners]
    return Rect.between(min(xs), min(ys), max(xs) + 1, max(ys) + 1).grown(round(REACH * ratio))


def _draw_frame(
    painter: QPainter, overlay: Overlay, frame: Rect, document: Document, view: View, size: Size, ratio: float
) -> None:
    left, top = view.to_screen(frame.x, frame.y, size)
    box = QRectF(round(left), round(top), round(frame.width * view.scale), round(frame.height * view.scale))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if overlay.shade_outside:
        page = view.page(document.width, document.height, size)
        outside = QPainterPath()
        outside.setFillRule(Qt.FillRule.OddEvenFill)
        outside.addRect(QRectF(page.x, page.y, page.width, page.height).united(box))
        outside.addRect(box)
        painter.fillPath(outside, _SHADE)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in _two_tones(ratio):
        painter.setPen(pen)
        painter.drawRect(box)


def _draw_handle(painter: QPainter, centre: QPointF, ratio: float) -> None:
    side = HANDLE * ratio
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    box = QRectF(round(centre.x() - side), round(centre.y() - side), round(2 * side), round(2 * side))
    painter.fillRect(box.adjusted(-1, -1, 1, 1), _DARK)
    painter.fillRect(box, _LIGHT)


def _draw_circle(painter: QPainter, circle: tuple[float, float, float], view: View, size: Size, ratio: float) -> None:
    centre, radius = QPointF(*view.to_screen(circle[0], circle[1], size)), circle[2] * view.scale
    for pen in _two_tones(ratio):
        painter.setPen(pen)
        if radius >= 2 * ratio:
            painter.drawEllipse(centre, radius, radius)
        else:  # too small to be seen as a circle
            _draw_cross(painter, centre, ratio)


def _draw_cross(painter: QPainter, centre: QPointF, ratio: float) -> None:
    near, far = 3 * ratio, 7 * ratio
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        painter.drawLine(centre + QPointF(dx, dy) * near, centre + QPointF(dx, dy) * far)


def _two_tones(ratio: float) -> tuple[QPen, QPen]:
    """Wide and dark below thin and light: readable on anything."""
    return QPen(_DARK, 3 * ratio), QPen(_LIGHT, ratio)
