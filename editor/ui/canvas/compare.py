"""Several pictures of one size side by side, under one view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, cast

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from editor.core.document import Document
from editor.core.geometry import Rect
from editor.core.layer import RasterLayer
from editor.core.tiles import Samples, TileMap
from editor.ui.canvas.frame import Frame, Part, wanted
from editor.ui.canvas.picture import BUDGET, Picture
from editor.ui.canvas.split import draw_label
from editor.ui.canvas.view import Point, Size, View
from editor.ui.canvas.viewport import Viewport
from editor.ui.theme import SMALL, current, sized

GAP = 4
"""Between cells, in logical pixels."""
OUTLINE = 2
"""Width of the accent around the chosen cell."""
SLICE = 0.006
COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 3, 8: 3, 9: 3}
MOST = 9

HeatMap = Callable[[], Samples]
"""Makes uint8 (h, w, 3) RGB, on another thread; stretched over the page."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture and the line of text in its corner."""

    document: Document
    caption: str = ""


@dataclass(eq=False)
class _Pane:
    """A cell on the screen. heat: the difference in place of the picture, once it is there."""

    cell: Cell
    picture: Picture
    heat: Picture | None
    frame: Frame
    drawn: tuple[View, Picture] | None = None

    @property
    def shown(self) -> Picture:
        return self.heat or self.picture


class CompareGrid(Viewport):
    """2, 4 or 9 cells (any number up to 9 works). chosen, activated: the index of a cell that was clicked, and double
    clicked or confirmed with Enter. left: Escape. hovered: document pixels, the same in all cells."""

    chosen = Signal(int)
    activated = Signal(int)
    left = Signal()
    hovered = Signal(float, float)

    margin: ClassVar[int] = 8

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panes: list[_Pane] = []
        self._chosen = -1
        self._pointer: Point | None = None
        self._request = 0
        self._done = _Done()
        self._done.ready.connect(self._heat_ready)
        # Python's thread and not Qt's: a widget must not wait in its end for a thread that waits for Python.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="difference")
        self._heats: list[Future[None]] = []
        self.destroyed.connect(partial(self._pool.shutdown, wait=False, cancel_futures=True))
        self._slices = QTimer(self)
        self._slices.setSingleShot(True)
        self._slices.timeout.connect(self._slice)
        self.setAccessibleName("Comparison")
        self.setCursor(Qt.CursorShape.CrossCursor)

    def show_cells(self, cells: Sequence[Cell], chosen: int = -1, view: View | None = None) -> None:
        """At most 9, all of one page size. view: to look where another widget looked; fitted without one, unless the
        pages are as large as those before and the view was moved since."""
        before = self._page_size(), self._shape()
        known = {id(pane.cell.document): pane for pane in self._panes}
        budget = BUDGET // max(1, len(cells))
        self._panes = [self._pane(cell, known.get(id(cell.document)), budget) for cell in cells[:MOST]]
        self._chosen = chosen
        self._end_difference()
        if view is not None:
            self.view = view
        elif before[0] != self._page_size():
            self._fit(1.0)
        elif before[1] != self._shape() and self._fitting:
            self._fit(self._largest_fit)
        self._redraw()

    def choose(self, index: int) -> None:
        """Outline this cell; -1 for none. Emits nothing."""
        self._chosen = index
        self.update()

    def set_difference(self, maps: Sequence[HeatMap] | None) -> None:
        """Show heat maps, one for each cell, in place of the pictures as soon as each is computed; None ends it."""
        self._end_difference()
        for index, make in enumerate(maps or ()):
            if index < len(self._panes):
                document = self._panes[index].cell.document
                work = partial(_heat, self._done, self._request, index, make, document)
                self._heats.append(self._pool.submit(work))
        self._redraw()

    def wait(self) -> None:
        """Until all heat maps are computed; for tests."""
        wait(self._heats)

    def settle(self) -> None:
        """Finish at once what would be done in slices; for tests and pictures of the window."""
        self._look()
        for pane in self._panes:
            while pane.shown.work(1.0):
                pass
        self._redraw()

    def cell_rect(self, index: int) -> QRectF:
        """Where a cell lies in the widget."""
        ratio = self.devicePixelRatioF()
        width, height = (side / ratio for side in self._viewport_size())
        row, column = divmod(index, self._shape()[0])
        return QRectF(column * (width + GAP), row * (height + GAP), width, height)

    def cell_at(self, position: QPointF) -> int:
        """The cell at a place of the widget; -1 between them."""
        return next((i for i in range(len(self._panes)) if self.cell_rect(i).contains(position)), -1)

    # One view for all cells.

    def _shape(self) -> tuple[int, int]:
        count = max(1, len(self._panes))
        columns = COLUMNS[count]
        if count <= 3 and self.height() > self.width():
            columns = 1
        return columns, -(-count // columns)

    def _page_size(self) -> Size | None:
        if not self._panes:
            return None
        document = self._panes[0].cell.document
        return document.width, document.height

    def _viewport_size(self) -> Size:
        columns, rows = self._shape()
        ratio = self.devicePixelRatioF()
        width, height = (self.width() - GAP * (columns - 1)) / columns, (self.height() - GAP * (rows - 1)) / rows
        return max(1, int(width * ratio)), max(1, int(height * ratio))

    def _place(self, position: QPointF) -> Point:
        index, ratio = self.cell_at(position), self.devicePixelRatioF()
        origin = self.cell_rect(max(0, index)).topLeft()
        return (position.x() - origin.x()) * ratio, (position.y() - origin.y()) * ratio

    def _view_moved(self) -> None:
        self._look()
        self._slices.start()
        self.update()

    # Drawing.

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(current().line))
        for index, pane in enumerate(self._panes):
            self._draw_pane(pane, ratio)
            box = self.cell_rect(index)
            pane.frame.blit(painter, box.x(), box.y(), ratio)
            painter.save()
            painter.setClipRect(box)
            self._draw_marks(painter, index, pane, box, ratio)
            painter.restore()
        painter.end()

    def _draw_pane(self, pane: _Pane, ratio: float) -> None:
        size = self._viewport_size()
        if pane.frame.size != size:
            pane.frame.resize(size)
            pane.drawn = None
        whole = Rect(0, 0, *size)
        rects = pane.frame.shifted(self._view) if pane.drawn and pane.drawn[1] is pane.shown else None
        if rects is None:
            rects = [whole]
        if rects:
            pane.frame.draw((Part(pane.shown, whole),), self._view, rects, ratio)
        pane.drawn = (self._view, pane.shown)

    def _draw_marks(self, painter: QPainter, index: int, pane: _Pane, box: QRectF, ratio: float) -> None:
        if self._pointer is not None:
            self._draw_crosshair(painter, box, self._pointer, ratio)
        if pane.cell.caption:
            font = sized(self.font(), SMALL)
            draw_label(painter, pane.cell.caption, QPointF(box.x() + 8, box.y() + 8), 1.0, font)
        if index == self._chosen:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            pen = QPen(QColor(current().accent), OUTLINE)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(box.adjusted(OUTLINE / 2, OUTLINE / 2, -OUTLINE / 2, -OUTLINE / 2))

    def _draw_crosshair(self, painter: QPainter, box: QRectF, place: Point, ratio: float) -> None:
        x, y = (side / ratio for side in self._view.to_screen(*place, self._viewport_size()))
        centre = QPointF(box.x() + x, box.y() + y)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pen in (QPen(QColor(0, 0, 0, 170), 3), QPen(QColor(255, 255, 255), 1)):
            painter.setPen(pen)
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                painter.drawLine(centre + QPointF(dx, dy) * 4, centre + QPointF(dx, dy) * 12)

    def _look(self) -> None:
        size = self._viewport_size()
        near = None if self._pointer is None else self._view.to_screen(*self._pointer, size)
        for pane in self._panes:
            pane.shown.want(wanted(pane.shown, self._view, Rect(0, 0, *size), size, near))

    def _slice(self) -> None:
        """One turn: the first cell with something missing; the chosen one before the others."""
        self._look()
        waiting = [pane for pane in self._panes if pane.shown.pending]
        if not waiting:
            return
        chosen = self._panes[self._chosen] if 0 <= self._chosen < len(self._panes) else None
        pane = chosen if chosen in waiting else waiting[0]
        size, whole = self._viewport_size(), Rect(0, 0, *self._viewport_size())
        areas = [self._view.rect_to_screen(rect, size) & whole for rect in pane.shown.work(SLICE)]
        if pane.drawn == (self._view, pane.shown) and pane.frame.size == size:
            pane.frame.draw((Part(pane.shown, whole),), self._view, areas, self.devicePixelRatioF())
        self.update(self.cell_rect(self._panes.index(pane)).toAlignedRect())
        self._slices.start()

    def _redraw(self) -> None:
        for pane in self._panes:
            pane.drawn = None
        self._look()
        self._slices.start()
        self.update()

    def _pane(self, cell: Cell, known: _Pane | None, budget: int) -> _Pane:
        picture = known.picture if known is not None else Picture(budget=budget)
        picture.show(cell.document)
        return _Pane(cell, picture, None, Frame())

    # The difference.

    def _end_difference(self) -> None:
        self._request += 1
        for heat in self._heats:
            heat.cancel()
        self._heats = []
        for pane in self._panes:
            pane.heat = None

    def _heat_ready(self, request: int, index: int, result: object) -> None:
        if request != self._request or index >= len(self._panes):
            return
        if isinstance(result, Exception):
            raise result
        heat = Picture(budget=BUDGET // len(self._panes))
        heat.show(cast(Document, result))
        self._panes[index].heat = heat
        self._redraw()

    # The pointer and the keys.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        index = self.cell_at(event.position())
        if not self._begin_pan(event) and event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self._choose(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.cell_at(event.position())
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.activated.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._continue_pan(event):
            return
        inside = self.cell_at(event.position()) >= 0
        size = self._viewport_size()
        self._pointer = self._view.to_document(*self._place(event.position()), size) if inside else None
        if self._pointer is not None:
            self.hovered.emit(*self._pointer)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._end_pan()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = None
        self.update()
        super().leaveEvent(event)

    def event(self, event: QEvent) -> bool:
        """Escape leaves the comparison before anything else takes it."""
        if event.type() == QEvent.Type.ShortcutOverride and cast(QKeyEvent, event).key() in _OWN_KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, columns = event.key(), self._shape()[0]
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        if self._space_key(event, held=True):
            return
        if key == Qt.Key.Key_Escape:
            self.left.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._chosen >= 0:
            self.activated.emit(self._chosen)
        elif key in steps:
            self._choose(self._chosen + steps[Qt.Key(key)] if self._chosen >= 0 else 0)
        elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            self._choose(key - Qt.Key.Key_1)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._space_key(event, held=False):
            super().keyReleaseEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._redraw()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            for pane in self._panes:
                pane.frame.forget_colours()
            self._redraw()
        super().changeEvent(event)

    def _update_cursor(self) -> None:
        super()._update_cursor()
        if self._pan_from is None and not self._space:
            self.setCursor(Qt.CursorShape.CrossCursor)

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._panes):
            self.choose(index)
            self.chosen.emit(index)


_OWN_KEYS = (
    *(Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space),
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down),
)


class _Done(QObject):
    """Carries a result to the thread of the window."""

    ready = Signal(int, int, object)


def _heat(done: _Done, request: int, index: int, make: HeatMap, page: Document) -> None:
    """On the thread of the pool."""
    try:
        result: object = _heat_document(make(), page)
    except Exception as error:  # an error here belongs to the window's thread, where it is reported
        result = error
    done.ready.emit(request, index, result)


def _heat_document(heat: Samples, page: Document) -> Document:
    size = (page.width, page.height)
    whole = heat if heat.shape[1::-1] == size else cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
    rgba = cv2.cvtColor(np.ascontiguousarray(whole), cv2.COLOR_RGB2RGBA)
    layer = RasterLayer(name="difference", plane=TileMap.of(np.asarray(rgba, np.uint8)))
    return Document(*size, (layer,))
