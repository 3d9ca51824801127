"""How far off the model is, step by step: what came thin, its course strong."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from editor.ui import theme

Point = tuple[int, float]
"""(step, loss)"""
WAITING = "The curve begins with the first steps."
TITLE = "How far off it is (lower is better)"
SHARE = 0.05
"""The course follows about this share of all that has come."""
RIGHT = 16


class LossChart(QWidget):
    """steps: of the whole training, so that the curve grows to the right without being squeezed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: tuple[Point, ...] = ()
        self._course: list[Point] = []
        self._steps = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(TITLE)

    def sizeHint(self) -> QSize:
        return QSize(480, 176)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 6 * self.fontMetrics().lineSpacing() + 32)

    @property
    def course(self) -> Sequence[Point]:
        """The smoothed curve."""
        return self._course

    def show_points(self, points: tuple[Point, ...], steps: int) -> None:
        if points is self._points and steps == self._steps:
            return
        self._points, self._steps = points, steps
        self._course = smoothed(points)
        if points:
            self.setAccessibleDescription(f"Step {points[-1][0]} of {steps}: {self._course[-1][1]:.3g}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = theme.current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self.fontMetrics().lineSpacing()
        painter.setPen(look.colour("secondary"))
        painter.drawText(QRectF(0, 0, self.width(), line), 0, TITLE)
        left = self.fontMetrics().horizontalAdvance("0.0000") + 16
        area = QRectF(left, line + 12, self.width() - left - RIGHT, self.height() - 2 * line - 20)
        painter.fillRect(area, look.colour("field"))
        if not self._points:
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, WAITING)
            return
        last, top = max(self._steps, self._points[-1][0], 1), highest(self._points, self._course)
        self._paint_scale(painter, area, last, top)
        painter.setClipRect(area)
        raw = QColor(look.colour("secondary"))
        raw.setAlpha(120)
        shown = thinned(self._points, round(area.width()))
        painter.setPen(QPen(raw, 1))
        painter.drawPolyline(_placed(shown, area, last, top))
        strong = QPen(look.colour("text"), 2.5)
        strong.setCapStyle(Qt.PenCapStyle.RoundCap)
        strong.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(strong)
        painter.drawPolyline(_placed(self._course, area, last, top))

    def _paint_scale(self, painter: QPainter, area: QRectF, last: int, top: float) -> None:
        look, line = theme.current(), self.fontMetrics().lineSpacing()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for share in (0.0, 0.5, 1.0):
            y = area.bottom() - share * area.height()
            painter.setPen(QPen(look.colour("edge"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(look.colour("secondary"))
            painter.drawText(
                QRectF(0, y - line / 2, area.left() - 8, line), right, f"{share * top:.2g}" if share else "0"
            )
        below = QRectF(area.left(), area.bottom() + 4, area.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{last:,} steps")


def smoothed(points: Sequence[Point]) -> list[Point]:
    """A running mean that forgets, begun without a bias (Kingma and Ba, arXiv 1412.6980, section 3)."""
    keep = 1 - 1 / max(4.0, SHARE * len(points))
    mean, weight, found = 0.0, 0.0, list[Point]()
    for step, loss in points:
        mean, weight = keep * mean + (1 - keep) * loss, keep * weight + (1 - keep)
        found.append((step, mean / weight))
    return found


def highest(points: Sequence[Point], course: Sequence[Point]) -> float:
    """The upper end of the scale: a few wild steps are cut off, the course never."""
    losses = sorted(loss for _, loss in points)
    usual = losses[min(len(losses) - 1, round(0.97 * len(losses)))]
    return max(usual, *(loss for _, loss in course), 1e-9) * 1.08


def thinned(points: Sequence[Point], columns: int) -> list[Point]:
    """The lowest and the highest of each column of pixels, where there are more points than those."""
    if len(points) <= 2 * max(1, columns):
        return list(points)
    per = len(points) / max(1, columns)
    found = list[Point]()
    for column in range(columns):
        part = points[round(column * per) : round((column + 1) * per)]
        if part:
            ends = min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])
            found += sorted(set(ends))
    return found


def _placed(points: Sequence[Point], area: QRectF, last: int, top: float) -> QPolygonF:
    return QPolygonF(
        [
            QPointF(area.left() + step / last * area.width(), area.bottom() - loss / top * area.height())
            for step, loss in points
        ]
    )
