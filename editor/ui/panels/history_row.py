"""How one step looks in the history."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from editor.ui import theme
from editor.ui.panels.history_rows import Row
from editor.ui.theme import Theme
from editor.ui.widgets.options import rect_of, state_of

LANE = 2 * theme.GRID
DEEPEST = 8
"""Lanes that are drawn; deeper branches share the last one."""
ROW_ROLE = Qt.ItemDataRole.UserRole
STATE_ROLE = Qt.ItemDataRole.UserRole + 1
"""What a step is to the current one: "current", "done" or "undone"."""


class HistoryRow(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(8 * theme.GRID, 3 * theme.GRID)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row, state, rect, look = index.data(ROW_ROLE), index.data(STATE_ROLE), rect_of(option), theme.current()
        if state == "current":
            painter.fillRect(rect, look.colour("selected"))
        elif state_of(option) & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, look.colour("raised"))
        painter.save()
        _paint_tree(painter, rect, row, state, look)
        _paint_label(painter, rect, row, state, look)
        if state_of(option) & QStyle.StateFlag.State_HasFocus:
            painter.setPen(look.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        painter.restore()


def _x(rect: QRect, depth: int) -> float:
    return rect.left() + theme.GRID + LANE * min(depth, DEEPEST) + 0.5


def _paint_tree(painter: QPainter, rect: QRect, row: Row, state: str, look: Theme) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(look.colour("disabled"), 1.5))
    top, middle, bottom = rect.top(), rect.center().y() + 0.5, rect.bottom() + 1
    for lane in row.lanes:
        painter.drawLine(QPointF(_x(rect, lane), top), QPointF(_x(rect, lane), bottom))
    x = _x(rect, row.depth)
    if row.branches:
        painter.drawLine(QPointF(_x(rect, row.depth - 1), middle), QPointF(x, middle))
    elif not row.first:
        painter.drawLine(QPointF(x, top), QPointF(x, middle))
    if not row.last:
        painter.drawLine(QPointF(x, middle), QPointF(x, bottom))
    colour = look.colour({"current": "text", "done": "secondary"}.get(state, "disabled"))
    painter.setPen(QPen(colour, 1.5))
    painter.setBrush(look.colour("panel") if state == "undone" else colour)
    painter.drawEllipse(QPointF(x, middle), 3.5, 3.5)


def _paint_label(painter: QPainter, rect: QRect, row: Row, state: str, look: Theme) -> None:
    painter.setPen(look.colour("secondary" if state == "undone" else "text"))
    font = painter.font()
    font.setBold(state == "current")
    font.setItalic(state == "undone")
    painter.setFont(font)
    left = round(_x(rect, row.depth)) + 10
    room = QRect(left, rect.top(), rect.right() - left - 4, rect.height())
    text = QFontMetrics(font).elidedText(row.step.label, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
