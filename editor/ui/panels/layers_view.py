"""The list of layers: choosing, renaming, hiding, locking, and dragging to another place."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView, QWidget

from editor.core.changes.change import Change
from editor.core.changes.set_property import SetProperty
from editor.core.document import find
from editor.core.layer import GroupLayer, Layer
from editor.ui import theme
from editor.ui.panels.layers_model import EYE, LAYER, LOCK, LayersModel
from editor.ui.panels.layers_moves import Place, above, below, into, move
from editor.ui.panels.layers_row import parts


class LayersView(QTreeView):
    """`thumbnail_clicked(id, mask)`: on which picture of the layer the user wants to work. `delete_pressed`: the key,
    which means layers while the list has the focus."""

    thumbnail_clicked = Signal(str, bool)
    delete_pressed = Signal()

    def __init__(self, model: LayersModel, do: Callable[[Change], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers = model
        self._do = do
        self._place: Place | None = None
        self._line: QRect = QRect()
        self.setModel(model)
        self._set_up()

    def selected(self) -> tuple[str, ...]:
        """The ids of the chosen layers, the lowest first."""
        rows = self.selectionModel().selectedRows(LAYER)
        chosen = {layer.id for layer in map(self._layers.layer, rows) if layer is not None}
        return tuple(id for id in self._layers.ids() if id in chosen)

    def rename(self, id: str) -> None:
        """Open the field for the name in place."""
        self.edit(self._layers.at(id))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        layer = self._layers.layer(index)
        if layer is not None and event.button() == Qt.MouseButton.LeftButton and index.column() != LAYER:
            self._switch(layer, index.column())
            return
        super().mousePressEvent(event)
        if layer is not None and event.button() == Qt.MouseButton.LeftButton:
            self._click(layer, self.visualRect(index), event.position().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index.column() != LAYER:
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)

    def event(self, event: QEvent) -> bool:
        """Delete and Space act on the list while it has the focus, whatever the menus say."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _own(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        layer = self._layers.layer(self.currentIndex())
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        elif event.key() == Qt.Key.Key_Space and layer is not None:
            self._switch(layer, EYE)
        elif event.key() == Qt.Key.Key_F2 and layer is not None:
            self.rename(layer.id)
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        event.setAccepted(event.source() is self)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        point = event.position().toPoint()
        super().dragMoveEvent(event)  # scrolls at the edges
        self._aim(point)
        event.setAccepted(event.source() is self and self._place is not None)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._forget()

    def dropEvent(self, event: QDropEvent) -> None:
        self._aim(event.position().toPoint())
        self.drop_selected()
        event.setDropAction(Qt.DropAction.IgnoreAction)  # the model is not to remove the rows itself
        event.accept()

    def drop_selected(self) -> None:
        """Put the chosen layers where the insertion line is."""
        place, document = self._place, self._layers.document
        self._forget()
        change = move(document, self.selected(), place) if document is not None and place is not None else None
        if change is not None:
            self._do(change)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._place is not None:
            painter = QPainter(self.viewport())
            painter.setPen(QPen(theme.current().colour("accent"), 2))
            if self._line.height() > 2:
                painter.drawRect(self._line.adjusted(1, 1, -1, -1))
            else:
                painter.fillRect(self._line, theme.current().colour("accent"))
            painter.end()

    def _set_up(self) -> None:
        self.setAccessibleName("Layers")
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(2 * theme.GRID)
        self.setTreePosition(LAYER)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setExpandsOnDoubleClick(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDropIndicatorShown(False)  # the line is our own
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(theme.CONTROL)
        for column in (EYE, LOCK):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, theme.CONTROL)
        header.setSectionResizeMode(LAYER, QHeaderView.ResizeMode.Stretch)

    def _switch(self, layer: Layer, column: int) -> None:
        name, value = ("visible", layer.visible) if column == EYE else ("locked", layer.locked)
        self._do(SetProperty(layer.id, name, not value))

    def _click(self, layer: Layer, rect: QRect, point: QPoint) -> None:
        where = parts(rect, layer)
        if where.mask.contains(point):
            self.thumbnail_clicked.emit(layer.id, True)
        elif where.thumb.contains(point):
            self.thumbnail_clicked.emit(layer.id, False)

    def _aim(self, point: QPoint) -> None:
        """Find the place under the pointer: above or below a row, into a group, or under everything."""
        document, index = self._layers.document, self.indexAt(point)
        layer = self._layers.layer(index)
        if document is None:
            return self._forget()
        if layer is None:
            self._place, self._line = Place(""), self._under_everything()
        else:
            row = self.visualRect(index.siblingAtColumn(LAYER))
            self._place, self._line = self._at(layer, row, point.y() - row.top())
        self.viewport().update()

    def _at(self, layer: Layer, row: QRect, y: int) -> tuple[Place, QRect]:
        document = self._layers.document
        assert document is not None and find(document, layer.id) is not None
        width = self.viewport().width() - row.left()
        quarter = row.height() // 4
        inside = into(document, layer.id)
        if inside is not None and quarter <= y < row.height() - quarter:
            return inside, QRect(row.left(), row.top(), width, row.height())
        if y < row.height() // 2:
            return above(document, layer.id), QRect(row.left(), max(0, row.top() - 1), width, 2)
        if inside is not None and isinstance(layer, GroupLayer) and self.isExpanded(self._layers.at(layer.id, 0)):
            return inside, QRect(row.left() + self.indentation(), row.bottom(), width, 2)
        return below(document, layer.id), QRect(row.left(), row.bottom(), width, 2)

    def _under_everything(self) -> QRect:
        last = self._layers.index(self._layers.rowCount() - 1, LAYER)
        while self.isExpanded(last.siblingAtColumn(0)) and self._layers.rowCount(last.siblingAtColumn(0)):
            first = last.siblingAtColumn(0)
            last = self._layers.index(self._layers.rowCount(first) - 1, LAYER, first)
        bottom = self.visualRect(last).bottom() if last.isValid() else 0
        return QRect(0, bottom, self.viewport().width(), 2)

    def _forget(self) -> None:
        self._place = None
        self.viewport().update()


def _own(event: QKeyEvent) -> bool:
    return event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Space, Qt.Key.Key_F2) and (
        event.modifiers() == Qt.KeyboardModifier.NoModifier
    )
