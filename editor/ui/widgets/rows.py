"""Rows of lists with room to breathe: a title, and a second text in the quieter colour."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from editor.ui import theme
from editor.ui.widgets.options import rect_of, state_of

DETAIL = Qt.ItemDataRole.UserRole + 1
"""The second text of a row, at its right end."""
SIDE_MARGIN = theme.GRID
Index = QModelIndex | QPersistentModelIndex


class RowDelegate(QStyledItemDelegate):
    """height: of every row. picture: side of the square in which icons stand, 0 for rows without."""

    def __init__(self, height: int = theme.CONTROL, picture: int = 0, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._height, self._picture = height, picture

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(super().sizeHint(option, index).width(), self._height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        area, look = rect_of(option), theme.current()
        if state_of(option) & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, look.colour("selected"))
        elif state_of(option) & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, look.colour("raised"))
        enabled = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
        inside = area.adjusted(SIDE_MARGIN, 0, -SIDE_MARGIN, 0)
        if self._picture:
            self._paint_picture(painter, inside, index.data(Qt.ItemDataRole.DecorationRole))
            inside.setLeft(inside.left() + self._picture + SIDE_MARGIN)
        metrics, right = painter.fontMetrics(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        title, detail = str(index.data() or ""), str(index.data(DETAIL) or "")
        room = inside.width() - min(metrics.horizontalAdvance(title), inside.width()) - 2 * SIDE_MARGIN
        painter.setPen(look.colour("text" if enabled else "disabled"))
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter, _cut(metrics, title, inside.width()))
        painter.setPen(look.colour("secondary" if enabled else "disabled"))
        painter.drawText(inside, right, _cut(metrics, detail, room))

    def _paint_picture(self, painter: QPainter, inside: QRect, icon: object) -> None:
        if isinstance(icon, QIcon):
            square = QRect(inside.left(), inside.center().y() - self._picture // 2 + 1, self._picture, self._picture)
            icon.paint(painter, square)


def _cut(metrics: QFontMetrics, text: str, width: int) -> str:
    return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, max(0, width))
