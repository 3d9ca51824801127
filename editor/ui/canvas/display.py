"""The picture on its surround, with what a tool has in progress, the selection's outline and the comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from editor.core.document import Document
from editor.core.geometry import Rect, around
from editor.tools.settings import ToolSettings
from editor.tools.tool import Overlay, Tool
from editor.ui.canvas import overlay as overlays
from editor.ui.canvas.ants import PERIOD_MS, Ants
from editor.ui.canvas.frame import Frame, Part, wanted
from editor.ui.canvas.picture import BUDGET, Picture
from editor.ui.canvas.split import draw_label, draw_split, line_at
from editor.ui.canvas.view import Point, Size, View
from editor.ui.canvas.viewport import Viewport
from editor.ui.theme import SMALL, sized

Compare = Literal["", "before", "split"]
SLICE = 0.006
"""Seconds of compositing in one turn of the event loop; with the drawing that follows it stays under 8 ms."""
FRAME_MS = 8
"""However many points a pen sends, what a tool has in progress is shown at most this often."""

SEEN = 64
"""A page opens at 100 % at most, but one of a few pixels so large that it can be seen."""
PART_PIXELS = 40_000
"""So many pixels could be drawn in the time that it takes to begin with another rectangle."""


class Display(Viewport):
    """Shows a document and what `tool` has in progress. It takes no part in what the pointer does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pixel_grid = True
        self.settings = ToolSettings()
        self._tool: Tool | None = None
        self._document: Document | None = None
        self._picture = Picture()
        self._before: Picture | None = None
        self._compare: Compare = ""
        self._split = 0.5
        self._labels = "before", "after"
        self._frame = Frame()
        self._ants = Ants()
        self._whole = True
        self._pointer: Point | None = None
        self._origin = QPoint()
        self._overlay_bounds: Rect | None = Rect(0, 0, 0, 0)
        self._slices = _timer(self, 0, self._slice)
        self._moves = _timer(self, FRAME_MS, self._refresh)
        self._marching = _timer(self, PERIOD_MS, self._march, repeating=True)

    # What is shown.

    @property
    def document(self) -> Document | None:
        return self._document

    def show_document(self, document: Document | None) -> None:
        """Show another state of the picture, or another picture. Only what differs is drawn again; the first one is
        fitted, and so is each whose page has another size."""
        before, self._document = self._document, document
        if document is before:
            return
        if document is None:
            self._drop_tool()
        self._refresh()
        if document is not None and (
            before is None or (before.width, before.height) != (document.width, document.height)
        ):
            self._fit(max(1, SEEN // max(document.width, document.height, 1)))
            self._redraw()
        self._watch_ants()

    @property
    def tool(self) -> Tool | None:
        return self._tool

    @tool.setter
    def tool(self, tool: Tool | None) -> None:
        if tool is not self._tool:
            self._drop_tool()
            self._tool = tool
            self._refresh()
            self._update_cursor()

    def refresh(self) -> None:
        """Show again what the tool has in progress and its overlay, after something outside changed them."""
        self._refresh()

    def set_compare(
        self,
        mode: Compare,
        before: Document | None = None,
        split: float = 0.5,
        labels: tuple[str, str] = ("before", "after"),
    ) -> None:
        """ "before": `before` alone. "split": it lies left of a line at `split` of the width, 0 to 1. "" ends it.

        labels: what the two sides are called.
        """
        self._labels = labels
        self._compare = mode if before is not None else ""
        self._split = min(1.0, max(0.0, split))
        if not self._compare or before is None:
            self._before = None
        elif self._before is None:
            self._before = self._picture.sibling(BUDGET // 2)
        if self._before is not None:
            self._before.show(before)
            self._look()
            self._before.work(SLICE)
        self._redraw()
        self._update_cursor()

    @property
    def compare(self) -> Compare:
        return self._compare

    @property
    def compared(self) -> Document | None:
        """The document on the "before" side."""
        return None if self._before is None else self._before.document

    def grab_document_point(self, x: float, y: float) -> QPoint:
        """Where in the widget a document point lies: x + 0.5, y + 0.5 is the middle of a pixel."""
        ratio = self.devicePixelRatioF()
        left, top = self._view.to_screen(x, y, self._viewport_size())
        return QPoint(int(left / ratio), int(top / ratio))

    @property
    def settled(self) -> bool:
        """True once everything in sight is as the document is."""
        return not any(part.picture.pending for part in self._parts())

    def settle(self) -> None:
        """Finish at once what would be done in slices; for tests and pictures of the window."""
        self._refresh()
        self._look()
        while any(part.picture.work(1.0) for part in self._parts()):
            pass
        self._redraw()

    # Drawing.

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio, size = self.devicePixelRatioF(), self._viewport_size()
        self._draw_frame(ratio, size)
        painter = QPainter(self)
        self._frame.blit(painter, 0, 0, ratio)
        painter.scale(1 / ratio, 1 / ratio)
        if self._document is not None:
            self._draw_over(painter, self._document, size, ratio, _device(event.rect(), ratio))
        painter.end()

    def _draw_frame(self, ratio: float, size: Size) -> None:
        if self._frame.size != size:
            self._frame.resize(size)
            self._whole = True
        bare = None if self._whole else self._frame.shifted(self._view)
        rects = [Rect(0, 0, *size)] if bare is None or (bare and self._compare == "split") else bare
        if rects:
            self._frame.draw(self._parts(), self._view, rects, ratio)
        self._whole = False

    def _draw_over(self, painter: QPainter, document: Document, size: Size, ratio: float, clip: Rect) -> None:
        overlays.draw_border(painter, document, self._view, size)
        if self.pixel_grid:
            overlays.draw_grid(painter, document, self._view, size, clip)
        shown = self._picture.document or document
        self._ants.draw(painter, shown, self._view, size, ratio)
        if self._compare != "before" and self._tool is not None:
            overlays.draw_overlay(painter, self._overlay(self._tool), document, self._view, size, ratio)
        if self._compare == "split":
            draw_split(painter, line_at(self._split, size[0]), *size, ratio, self.font(), self._labels)
        elif self._compare == "before":
            draw_label(painter, self._labels[0], QPointF(8 * ratio, 8 * ratio), ratio, sized(self.font(), SMALL))

    def _parts(self) -> tuple[Part, ...]:
        width, height = self._viewport_size()
        whole = Rect(0, 0, width, height)
        if self._before is None:
            return (Part(self._picture, whole),)
        if self._compare == "before":
            return (Part(self._before, whole),)
        x = line_at(self._split, width)
        return Part(self._before, Rect(0, 0, x, height)), Part(self._picture, Rect(x, 0, width - x, height))

    def _redraw(self) -> None:
        self._whole = True
        self._look()
        self._slices.start()
        self.update()

    def _look(self) -> None:
        size = self._viewport_size()
        for part in self._parts():
            part.picture.want(wanted(part.picture, self._view, part.rect, size, self._pointer))

    def _refresh(self) -> None:
        """Bring the picture to what the tool has in progress."""
        self._moves.stop()
        document = self._document
        shown = document if document is None or self._tool is None else self._tool.shown(document)
        changed = self._picture.document is not shown
        selection = _selection(self._picture.document) is not _selection(shown)
        ready = self._picture.show(shown, committed=shown is document)
        if changed:
            self._look()
            ready += self._picture.work(SLICE)
            self._show_ready(self._picture, ready)
            self._slices.start()
        if selection:
            self.update()
        self._update_overlay()

    def _slice(self) -> None:
        self._look()
        for part in self._parts():
            self._show_ready(part.picture, part.picture.work(SLICE / len(self._parts())))
        if not self.settled:
            self._slices.start()

    def _show_ready(self, picture: Picture, rects: list[Rect]) -> None:
        size, ratio = self._viewport_size(), self.devicePixelRatioF()
        if self._whole or self._frame.size != size or not rects:
            self.update()
            return
        self._draw_frame(ratio, size)  # a view that moved meanwhile comes first
        for part in self._parts():
            if part.picture is picture:
                for area in _joined([self._view.rect_to_screen(rect, size) & part.rect for rect in rects]):
                    self._frame.draw(self._parts(), self._view, [area], ratio)
                    self.update(_logical(area, ratio))

    def _update_overlay(self) -> None:
        """Repaint where the overlay was and where it is."""
        if self._tool is None or self._document is None:
            return
        size, ratio = self._viewport_size(), self.devicePixelRatioF()
        here = overlays.bounds(self._overlay(self._tool), self._view, size, ratio)
        for area in (self._overlay_bounds, here):
            if area is None:
                self.update()
            elif not area.empty:
                self.update(_logical(area, ratio))
        self._overlay_bounds = here

    def _overlay(self, tool: Tool) -> Overlay:
        return tool.overlay(self._view.scale / self.devicePixelRatioF())

    def _view_moved(self) -> None:
        self._look()
        self._slices.start()
        self._overlay_bounds = None
        self.update()

    # The selection's outline.

    def _watch_ants(self) -> None:
        marching = self.isVisible() and _selection(self._document) is not None
        if marching != self._marching.isActive():
            if marching:
                self._marching.start()
            else:
                self._marching.stop()

    def _march(self) -> None:
        self._ants.advance()
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._watch_ants()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._watch_ants()

    # The rest.

    def _drop_tool(self) -> None:
        if self._tool is not None:
            self._tool.cancel()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._frame.forget_colours()
            self._redraw()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._redraw()

    def _settle_in(self, before: QSize) -> None:
        """The page stays where it is in the window, whatever comes and goes around it, as long as it may: one that was
        fitted is fitted anew where there is more room, or too little for all of it."""
        origin = self.mapTo(self.window(), QPoint())
        moved, self._origin = origin - self._origin, origin
        ratio, size, page = self.devicePixelRatioF(), self._viewport_size(), self._page_size()
        if page is None or not before.isValid():
            return super()._settle_in(before)
        old = max(1, round(before.width() * ratio)), max(1, round(before.height() * ratio))
        left, top = self._view.offset(old)
        left, top = left - round(moved.x() * ratio), top - round(moved.y() * ratio)
        scale = self._view.scale
        kept = View(scale, (size[0] / 2 - left) / scale, (size[1] / 2 - top) / scale)
        seen = Rect(0, 0, *size)
        if not self._fitting:
            self._set_view(kept.within(*page, size))
        elif size[0] > old[0] or size[1] > old[1] or kept.page(*page, size) & seen != kept.page(*page, size):
            super()._settle_in(before)
        else:
            self._set_view(kept)

    def _page_size(self) -> Size | None:
        return None if self._document is None else (self._document.width, self._document.height)


def _timer(parent: QWidget, milliseconds: int, slot: Callable[[], None], repeating: bool = False) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(milliseconds)
    timer.setSingleShot(not repeating)
    timer.setTimerType(Qt.TimerType.CoarseTimer if repeating else Qt.TimerType.PreciseTimer)
    timer.timeout.connect(slot)
    return timer


def _selection(document: Document | None) -> object:
    return None if document is None else document.selection


def _joined(areas: list[Rect]) -> list[Rect]:
    """One rectangle around all where drawing it is no more work than drawing the parts."""
    parts = [area for area in areas if not area.empty]
    whole = around(parts)
    work = sum(area.width * area.height + PART_PIXELS for area in parts)
    return [whole] if whole.width * whole.height + PART_PIXELS <= work else parts


def _device(rect: QRect, ratio: float) -> Rect:
    x, y, width, height = (int(side * ratio) for side in (rect.x(), rect.y(), rect.width(), rect.height()))
    return Rect(x - 1, y - 1, width + 3, height + 3)


def _logical(rect: Rect, ratio: float) -> QRect:
    x, y, width, height = (int(side / ratio) for side in (rect.x, rect.y, rect.width, rect.height))
    return QRect(x - 1, y - 1, width + 3, height + 3)
