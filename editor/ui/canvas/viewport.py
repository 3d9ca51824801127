"""A widget with a view on a page: wheel, pinch, Space and the middle button work alike wherever pictures are shown."""

from __future__ import annotations

import math
from typing import ClassVar, cast

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QNativeGestureEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from editor.ui.canvas.view import NOTCH, Point, Size, View, fitted, next_level

SCROLL = 60.0
"""Logical pixels that one notch of the wheel scrolls by."""


class Viewport(QWidget):
    """`view` may be set from outside; 100 % is one document pixel on one pixel of the screen."""

    margin: ClassVar[int] = 24
    """Around a page that fits, in logical pixels."""

    zoom_changed = Signal(float)
    view_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = View()
        self._fitting = True
        self._largest_fit = 1.0
        self._pan_from: Point | None = None
        self._space = False
        self.wheel_zooms = True
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # What the page is and where it is looked at: the grid has its own answers.

    def _page_size(self) -> Size | None:
        """Width and height of what is shown, in document pixels; None for nothing."""
        return None

    def _viewport_size(self) -> Size:
        """Device pixels."""
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def _place(self, position: QPointF) -> Point:
        """Device pixels in the viewport, from logical pixels of the widget."""
        ratio = self.devicePixelRatioF()
        return position.x() * ratio, position.y() * ratio

    def _view_moved(self) -> None:
        """The view is another one."""
        self.update()

    # The view.

    @property
    def view(self) -> View:
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        self._fitting = False
        self._set_view(view)

    def zoom_to(self, scale: float, anchor: QPointF | None = None) -> None:
        """anchor: logical pixels of the widget whose document point stays; the middle without one."""
        width, height = self._viewport_size()
        point = (width / 2, height / 2) if anchor is None else self._place(anchor)
        self.view = self._view.zoomed(scale, point, self._viewport_size())

    def zoom_in(self) -> None:
        self.zoom_to(next_level(self._view.scale, larger=True))

    def zoom_out(self) -> None:
        self.zoom_to(next_level(self._view.scale, larger=False))

    def actual_size(self) -> None:
        """100 %."""
        self.zoom_to(1.0)

    def fit(self) -> None:
        """The whole page; it stays fitted while the widget changes its size, until the view is moved."""
        self._fit(math.inf)

    def _fit(self, largest: float) -> None:
        page, self._largest_fit = self._page_size(), largest
        if page is not None:
            margin = round(self.margin * self.devicePixelRatioF())
            self._set_view(fitted(*page, self._viewport_size(), margin, largest))
            self._fitting = True

    def _set_view(self, view: View) -> None:
        before, self._view = self._view, view
        if view != before:
            self._view_moved()
            self.view_changed.emit(view)
            if view.scale != before.scale:
                self.zoom_changed.emit(view.scale)

    def _pan(self, dx: float, dy: float) -> None:
        """Device pixels."""
        page = self._page_size()
        if page is not None:
            self.view = self._view.panned(dx, dy).within(*page, self._viewport_size())

    # Events.

    def set_panning(self, held: bool) -> None:
        """As if Space were held or let go."""
        self._space = held
        self._update_cursor()

    def _update_cursor(self) -> None:
        if self._pan_from is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.unsetCursor()

    def _begin_pan(self, event: QMouseEvent) -> bool:
        """True where this press pans."""
        middle = event.button() == Qt.MouseButton.MiddleButton
        if not middle and not (self._space and event.button() == Qt.MouseButton.LeftButton):
            return False
        self._start_pan(event)
        return True

    def _start_pan(self, event: QMouseEvent) -> None:
        self._pan_from = self._device(event.position())
        self._update_cursor()

    def _continue_pan(self, event: QMouseEvent) -> bool:
        if self._pan_from is None:
            return False
        before, here = self._pan_from, self._device(event.position())
        self._pan_from = here
        self._pan(here[0] - before[0], here[1] - before[1])
        return True

    def _end_pan(self) -> bool:
        if self._pan_from is None:
            return False
        self._pan_from = None
        self._update_cursor()
        return True

    def _device(self, position: QPointF) -> Point:
        ratio = self.devicePixelRatioF()
        return position.x() * ratio, position.y() * ratio

    def _space_key(self, event: QKeyEvent, held: bool) -> bool:
        if event.key() != Qt.Key.Key_Space:
            return False
        if not event.isAutoRepeat():
            self.set_panning(held)
        return True

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel zooms around the pointer; with Shift or Alt it scrolls, as two fingers on a touchpad do.

        Where `wheel_zooms` is False it scrolls, and zooms with Ctrl.
        """
        ratio, held, pixels = self.devicePixelRatioF(), event.modifiers(), event.pixelDelta()
        control = bool(held & Qt.KeyboardModifier.ControlModifier)
        angle = event.angleDelta()
        if event.phase() != Qt.ScrollPhase.NoScrollPhase and not pixels.isNull() and not control:
            self._pan(pixels.x() * ratio, pixels.y() * ratio)
        elif held & Qt.KeyboardModifier.ShiftModifier:
            self._pan((angle.y() or angle.x()) / 120 * SCROLL * ratio, 0)
        elif held & Qt.KeyboardModifier.AltModifier:  # some systems turn the wheel sideways for Alt
            self._pan(0, (angle.y() or angle.x()) / 120 * SCROLL * ratio)
        elif not self.wheel_zooms and not control:
            self._pan(angle.x() / 120 * SCROLL * ratio, angle.y() / 120 * SCROLL * ratio)
        elif angle.y() or not pixels.isNull():
            notches = angle.y() / 120 if angle.y() else pixels.y() / 60
            self.zoom_to(self._view.scale * NOTCH**notches, event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.NativeGesture:
            gesture = cast(QNativeGestureEvent, event)
            if gesture.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom_to(self._view.scale * (1 + gesture.value()), gesture.position())
                return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A fitted page stays fitted; otherwise what is in the middle stays there."""
        super().resizeEvent(event)
        self._settle_in(event.oldSize())
        self._view_moved()

    def _settle_in(self, before: QSize) -> None:
        """Look where it is right for the size that the widget has now."""
        if self._fitting:
            self._fit(self._largest_fit)
