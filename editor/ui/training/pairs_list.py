"""The list of pairs: the picture before and after, the instruction, and the switch that lets a pair take part."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QAbstractItemModel, QEvent, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from editor.jobs.pairs import PairEntry
from editor.ui import theme
from editor.ui.training.pairs_model import ENTRY, Index, PairsModel, about
from editor.ui.training.pictures import Pictures
from editor.ui.widgets.options import rect_of, state_of

PICTURE = QSize(112, 84)
MARGIN, GAP, BOX, ARROW = 8, 16, 16, 16
PROBLEM = "A picture of this pair cannot be read: remove the pair and add it again."


class PairRow(QStyledItemDelegate):
    """Draws one pair, and puts the field for its instruction in its place."""

    def __init__(self, pictures: Pictures, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures = pictures

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        words = 3 * option_metrics(option).lineSpacing() + 20
        return QSize(320, max(PICTURE.height(), words) + 2 * MARGIN)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry, area, look = index.data(ENTRY), rect_of(option), theme.current()
        if not isinstance(entry, PairEntry):
            return
        state = state_of(option)
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, look.colour("selected"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, look.colour("raised"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(look.colour("accent"), 1))
            painter.drawRect(area.adjusted(0, 0, -1, -1))
        self._paint_box(painter, option, box_of(area), entry.enabled)
        before, after = pictures_of(area)
        faded = 1.0 if entry.enabled else 0.4
        self._paint_picture(painter, before, entry.source_path, faded)
        self._paint_picture(painter, after, entry.target_path, faded)
        _paint_arrow(painter, QRect(before.right(), area.top(), after.left() - before.right(), area.height()))
        self._paint_words(painter, area, entry, bool(state & QStyle.StateFlag.State_Selected))
        painter.restore()

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        field = QLineEdit(parent)
        field.setMaxLength(400)
        field.setAccessibleName("Instruction")
        return field

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        words = words_of(rect_of(option))
        editor.setGeometry(words.left() - MARGIN, words.top() - 2, words.width() + MARGIN, theme.CONTROL)

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index) -> bool:
        """A click on the box, or Space, switches the pair."""
        if isinstance(event, QMouseEvent):
            if event.type() != QEvent.Type.MouseButtonRelease or event.button() != Qt.MouseButton.LeftButton:
                return False
            if not box_of(rect_of(option)).adjusted(-8, -32, 8, 32).contains(event.position().toPoint()):
                return False
        elif not (isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space):
            return False
        on = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        value = Qt.CheckState.Unchecked if on else Qt.CheckState.Checked
        return model.setData(index, value, Qt.ItemDataRole.CheckStateRole)

    def _paint_box(self, painter: QPainter, option: QStyleOptionViewItem, area: QRect, on: bool) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.colour("accent" if on else "secondary"), 1))
        painter.setBrush(look.colour("accent" if on else "field"))
        painter.drawRoundedRect(area, 3, 3)
        if on:
            painter.setPen(QPen(look.colour("on_accent"), 2))
            left, middle = area.left(), area.center()
            painter.drawPolyline(
                [middle.__class__(left + 4, middle.y()), middle.__class__(left + 7, middle.y() + 3),
                 middle.__class__(left + 12, middle.y() - 4)]
            )  # fmt: skip
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_picture(self, painter: QPainter, area: QRect, path: Path, opacity: float) -> None:
        scale = painter.device().devicePixelRatio()
        picture = self._pictures.get(path, PICTURE.width(), scale)
        painter.setOpacity(opacity)
        paint_inside(painter, area, picture)
        painter.setOpacity(1.0)

    def _paint_words(self, painter: QPainter, area: QRect, entry: PairEntry, selected: bool) -> None:
        # On the colour of chosen rows only the clearest ones can be read well.
        quiet, bad = ("text", "warning") if selected else ("secondary", "error")
        look, words = theme.current(), words_of(area)
        metrics = painter.fontMetrics()
        height = metrics.lineSpacing()
        painter.setPen(look.colour("text" if entry.enabled else quiet))
        place = words.adjusted(0, 6, 0, 0)
        painter.drawText(place, 0, metrics.elidedText(entry.instruction, Qt.TextElideMode.ElideRight, words.width()))
        place.adjust(0, height + 8, 0, 0)
        painter.setPen(look.colour(quiet))
        text = about(entry) if entry.enabled else ", ".join(filter(None, ("left out", about(entry))))
        painter.drawText(place, 0, metrics.elidedText(text, Qt.TextElideMode.ElideRight, words.width()))
        if any(self._pictures.cannot_read(path) for path in (entry.source_path, entry.target_path)):
            place.adjust(0, height + 6, 0, 0)
            painter.setPen(look.colour(bad))
            painter.drawText(place, 0, metrics.elidedText(PROBLEM, Qt.TextElideMode.ElideRight, words.width()))


class PairsList(QListView):
    """delete_pressed: the key, while the list has the focus."""

    delete_pressed = Signal()

    def __init__(self, model: PairsModel, pictures: Pictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pairs = model
        self.setModel(model)
        self.setItemDelegate(PairRow(pictures, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.setAccessibleName("Pairs")
        self.setToolTip("Double click or F2: other words. Space: takes part or not. Delete: remove.")
        end = pictures.ready.connect(lambda path: self.viewport().update())
        self.destroyed.connect(lambda: end())

    def selected(self) -> tuple[str, ...]:
        """The ids of the chosen pairs, as they are listed."""
        rows = sorted(self.selectionModel().selectedIndexes(), key=lambda index: index.row())
        found = [self._pairs.entry(index) for index in rows]
        return tuple(entry.id for entry in found if entry is not None)

    def event(self, event: QEvent) -> bool:
        """Delete acts on the list while it has the focus, whatever the menus say."""
        keys = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in keys:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


def option_metrics(option: QStyleOptionViewItem) -> QFontMetrics:
    """Of the text in a row."""
    return cast(QFontMetrics, cast(Any, option).fontMetrics)


def box_of(area: QRect) -> QRect:
    """The switch of a row."""
    return QRect(area.left() + MARGIN, area.center().y() - BOX // 2, BOX, BOX)


def pictures_of(area: QRect) -> tuple[QRect, QRect]:
    """(before, after)"""
    left = box_of(area).right() + GAP
    before = QRect(left, area.center().y() - PICTURE.height() // 2, PICTURE.width(), PICTURE.height())
    return before, before.translated(PICTURE.width() + 2 * MARGIN + ARROW, 0)


def words_of(area: QRect) -> QRect:
    """Where the instruction stands, and what is said of the pair."""
    left = pictures_of(area)[1].right() + GAP
    return QRect(left, area.top() + MARGIN, max(0, area.right() - MARGIN - left), area.height() - 2 * MARGIN)


def paint_inside(painter: QPainter, area: QRect, picture: QPixmap | None) -> None:
    """In the middle of its place; an empty frame where there is none yet."""
    if picture is None:
        painter.fillRect(area, theme.current().colour("field"))
        return
    size = picture.deviceIndependentSize().toSize().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRect(area.topLeft(), size)
    place.moveCenter(area.center())
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawPixmap(place, picture)


def _paint_arrow(painter: QPainter, area: QRect) -> None:
    painter.setPen(theme.current().colour("secondary"))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "\u2192")
