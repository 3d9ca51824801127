"""A small square that turns both dials at once: to the right follows more, upwards keeps more."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from editor.edits.session import EditSession
from editor.ui import theme
from editor.ui.bind import Binding, watch

SIDE = 96
INSET = 8.0
KEYS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


class DialPad(QWidget):
    """text, image: (low, high) of the two scales."""

    def __init__(self, text: tuple[float, float], image: tuple[float, float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._image = text, image
        self._session: EditSession | None = None
        self._bindings: list[Binding] = []
        self.setFixedSize(SIDE, SIDE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Both dials")
        self.setToolTip("Right: follow the instruction more. Up: keep more of the original.")

    def show_session(self, session: EditSession) -> None:
        for binding in self._bindings:
            binding.end()
        self._session = session
        self._bindings = [watch(session, name, self, lambda value: self.update()) for name in _FIELDS]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._turn(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._turn(event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = KEYS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        spot, cell = self._spot(), self._inside().width() / 20
        self._turn(QPointF(spot.x() + step[0] * cell, spot.y() - step[1] * cell))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = theme.current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.colour("accent" if self.hasFocus() else "edge"), 1))
        painter.setBrush(look.colour("field"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        self._paint_grid(painter)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("accent"))
        painter.drawEllipse(self._spot(), 5, 5)

    def _paint_grid(self, painter: QPainter) -> None:
        inside = self._inside()
        painter.setPen(QPen(theme.current().colour("line" if theme.current().name == "light" else "raised"), 1))
        for part in (0.25, 0.5, 0.75):
            x, y = inside.left() + part * inside.width(), inside.top() + part * inside.height()
            painter.drawLine(QPointF(x, inside.top()), QPointF(x, inside.bottom()))
            painter.drawLine(QPointF(inside.left(), y), QPointF(inside.right(), y))

    def _turn(self, spot: QPointF) -> None:
        if self._session is None:
            return
        inside = self._inside()
        right = min(1.0, max(0.0, (spot.x() - inside.left()) / inside.width()))
        up = min(1.0, max(0.0, (inside.bottom() - spot.y()) / inside.height()))
        self._session.text_scale = round(_at(self._text, right), 1)
        self._session.image_scale = round(_at(self._image, up), 2)

    def _spot(self) -> QPointF:
        inside, session = self._inside(), self._session
        if session is None:
            return inside.center()
        right, up = _part(self._text, session.text_scale), _part(self._image, session.image_scale)
        return QPointF(inside.left() + right * inside.width(), inside.bottom() - up * inside.height())

    def _inside(self) -> QRectF:
        return QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET)


_FIELDS = ("text_scale", "image_scale")


def _at(range: tuple[float, float], part: float) -> float:
    return range[0] + (range[1] - range[0]) * part


def _part(range: tuple[float, float], value: float) -> float:
    return min(1.0, max(0.0, (value - range[0]) / (range[1] - range[0])))
