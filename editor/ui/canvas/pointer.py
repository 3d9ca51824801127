"""From Qt's events to what tools take, and from a tool's cursor to Qt's."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QCursor, QMouseEvent, QPainter, QPen, QPixmap, QTabletEvent

from editor.tools.tool import PointerEvent

_BUTTONS = {
    Qt.MouseButton.LeftButton: "left",
    Qt.MouseButton.MiddleButton: "middle",
    Qt.MouseButton.RightButton: "right",
}
_MODIFIERS = {
    Qt.KeyboardModifier.ShiftModifier: "shift",
    Qt.KeyboardModifier.ControlModifier: "ctrl",
    Qt.KeyboardModifier.AltModifier: "alt",
}
_SHAPES = {
    "arrow": Qt.CursorShape.ArrowCursor,
    "cross": Qt.CursorShape.CrossCursor,
    "none": Qt.CursorShape.BlankCursor,
    "move": Qt.CursorShape.SizeAllCursor,
    "hand": Qt.CursorShape.OpenHandCursor,
    "grab": Qt.CursorShape.ClosedHandCursor,
    "pick": Qt.CursorShape.CrossCursor,
    "split": Qt.CursorShape.SplitHCursor,
    "size_h": Qt.CursorShape.SizeHorCursor,
    "size_v": Qt.CursorShape.SizeVerCursor,
    "size_f": Qt.CursorShape.SizeFDiagCursor,
    "size_b": Qt.CursorShape.SizeBDiagCursor,
}


def pointer_event(
    event: QMouseEvent | QTabletEvent, place: tuple[float, float], button: str, scale: float, clicks: int = 1
) -> PointerEvent:
    """place: document pixels. scale: logical pixels per document pixel."""
    pressure = event.pressure() if isinstance(event, QTabletEvent) else 1.0
    return PointerEvent(*place, pressure, button, modifiers(event.modifiers()), clicks, scale)


def modifiers(held: Qt.KeyboardModifier) -> frozenset[str]:
    return frozenset(name for modifier, name in _MODIFIERS.items() if held & modifier)


def button_name(button: Qt.MouseButton) -> str:
    """ "left", "middle" or "right"; "" for none and for the further ones."""
    return _BUTTONS.get(button, "")


def cursor(name: str) -> QCursor:
    """An unknown name is an arrow."""
    return _magnifier() if name == "zoom" else QCursor(_SHAPES.get(name, Qt.CursorShape.ArrowCursor))


def _magnifier() -> QCursor:
    pixmap = QPixmap(24, 24)
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for colour, width in ((QColor(0, 0, 0), 4.0), (QColor(255, 255, 255), 2.0)):
        painter.setPen(QPen(colour, width))
        painter.drawEllipse(QPointF(9, 9), 6, 6)
        painter.drawLine(QPointF(13.5, 13.5), QPointF(20, 20))
    painter.end()
    return QCursor(pixmap, 9, 9)
