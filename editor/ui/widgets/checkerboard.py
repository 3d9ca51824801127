"""The checkerboard behind transparent pixels."""

from __future__ import annotations

from PySide6.QtGui import QBrush, QPainter, QPixmap

from editor.ui import theme


def checkerboard(side: int = 8) -> QBrush:
    """A brush of squares of `side` logical pixels in the colours of the theme."""
    look = theme.current()
    pattern = QPixmap(2 * side, 2 * side)
    pattern.fill(look.colour("check_light"))
    painter = QPainter(pattern)
    painter.fillRect(side, 0, side, side, look.colour("check_dark"))
    painter.fillRect(0, side, side, side, look.colour("check_dark"))
    painter.end()
    return QBrush(pattern)
