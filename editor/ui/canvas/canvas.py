"""The picture in the middle of the window, and the pointer on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDropEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QTabletEvent,
)
from PySide6.QtWidgets import QWidget

from editor.core.changes.change import Change
from editor.core.errors import ChangeRefused
from editor.tools.tool import PointerEvent, Tool, ToolContext
from editor.ui.canvas.display import Display
from editor.ui.canvas.pointer import button_name, cursor, modifiers, pointer_event
from editor.ui.canvas.split import GRIP, NEAR
from editor.ui.canvas.view import Point

ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class Canvas(Display):
    """Hands the pointer to a tool; it changes no document itself.

    change_made: a Change that a tool finished; whoever takes it shows the next document. refused: a sentence.
    hovered: document pixels under the pointer; left: it is gone. context_menu: where on the screen. files_dropped:
    list of paths. split_moved: 0 to 1.
    """

    change_made = Signal(object)
    hovered = Signal(float, float)
    left = Signal()
    context_menu = Signal(QPoint)
    files_dropped = Signal(list)
    image_dropped = Signal(QImage)
    refused = Signal(str)
    split_moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pressed = ""
        self._scrub: tuple[Point, float] | None = None
        self._on_line = False
        self._holds_line = False
        self.setAcceptDrops(True)
        self.setAccessibleName("Picture")

    # The pointer.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press(event, 1)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._press(event, 2)

    def _press(self, event: QMouseEvent, clicks: int) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._begin_pan(event):
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return event.ignore()
        if self._near_line(event.position()):
            self._holds_line = True
        elif self._tool is not None and self._tool.navigates:
            self._navigate(event, self._tool)
        else:
            place = self._document_place(event.position())
            self._tool_press(pointer_event(event, place, "left", self._scale(), clicks))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(event.position())
        if self._continue_pan(event):
            return
        if self._holds_line:
            self._move_line(event.position())
        elif self._scrub is not None:
            self._scrub_zoom(event.position())
        else:
            self._tool_move(pointer_event(event, self._document_place(event.position()), self._pressed, self._scale()))
            self._mind_line(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._end_pan():
            return
        if self._holds_line:
            self._holds_line = False
        elif self._scrub is not None:
            self._end_scrub(event)
        elif self._pressed and button_name(event.button()) == self._pressed:
            self._tool_release(
                pointer_event(event, self._document_place(event.position()), self._pressed, self._scale())
            )

    def tabletEvent(self, event: QTabletEvent) -> None:
        """A pen's points with their pressure. Where the mouse would do something else, the mouse event that Qt makes of
        an ignored pen does it."""
        tool = self._tool
        special = self._space or self._pan_from is not None or self._holds_line or self._near_line(event.position())
        if tool is None or tool.navigates or special or event.button() == Qt.MouseButton.RightButton:
            return event.ignore()
        self._hover(event.position())
        place = self._document_place(event.position())
        if event.type() == QEvent.Type.TabletPress:
            self._tool_press(pointer_event(event, place, "left", self._scale()))
        elif event.type() == QEvent.Type.TabletRelease and self._pressed:
            self._tool_release(pointer_event(event, place, self._pressed, self._scale()))
        else:
            self._tool_move(pointer_event(event, place, self._pressed, self._scale()))
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = None
        self.left.emit()
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.context_menu.emit(event.globalPos())

    def _tool_press(self, event: PointerEvent) -> None:
        tool, document = self._tool, self._document
        if tool is None or document is None or self._compare == "before":
            return
        self._pressed = event.button
        context = ToolContext(document, self.settings)
        self._attempt(lambda: tool.press(event, context))
        self._refresh()
        self._update_cursor()

    def _tool_move(self, event: PointerEvent) -> None:
        tool, document = self._tool, self._document
        if tool is None or document is None:
            return
        self._attempt(lambda: tool.move(event, ToolContext(document, self.settings)))
        self._update_cursor()
        if not self._moves.isActive():
            self._moves.start()

    def _tool_release(self, event: PointerEvent) -> None:
        tool, document = self._tool, self._document
        self._pressed = ""
        if tool is None or document is None:
            return
        self._attempt(lambda: tool.release(event, ToolContext(document, self.settings)))
        self._refresh()
        self._update_cursor()

    def _attempt(self, work: Callable[[], Change | None]) -> None:
        """Hand on the change that a tool made, or the sentence that says why it made none."""
        try:
            change = work()
        except ChangeRefused as error:
            self.refused.emit(str(error))
            return
        if change is not None:
            self.change_made.emit(change)

    def _drop_tool(self) -> None:
        self._pressed = ""
        super()._drop_tool()

    def _hover(self, position: QPointF) -> None:
        self._pointer = self._place(position)
        self.hovered.emit(*self._document_place(position))

    def _document_place(self, position: QPointF) -> Point:
        return self._view.to_document(*self._place(position), self._viewport_size())

    def _scale(self) -> float:
        return self._view.scale / self.devicePixelRatioF()

    # Hand and zoom, which no tool does by itself.

    def _navigate(self, event: QMouseEvent, tool: Tool) -> None:
        if tool.id == "zoom":
            self._scrub = (self._place(event.position()), self._view.scale)
        else:
            self._start_pan(event)

    def _scrub_zoom(self, position: QPointF) -> None:
        if self._scrub is not None:
            start, scale = self._scrub
            distance = (self._place(position)[0] - start[0]) / self.devicePixelRatioF()
            if abs(distance) > 3:
                self.view = self._view.zoomed(scale * 2 ** (distance / 100), start, self._viewport_size())

    def _end_scrub(self, event: QMouseEvent) -> None:
        scrub, self._scrub = self._scrub, None
        if scrub is not None and self._view.scale == scrub[1]:
            larger = "alt" not in modifiers(event.modifiers())
            self.zoom_to(self._view.scale * (2.0 if larger else 0.5), event.position())

    def _update_cursor(self) -> None:
        if self._pan_from is not None or self._space:
            super()._update_cursor()
        elif self._holds_line or self._on_line:
            self.setCursor(cursor("split"))
        elif self._tool is not None:
            hand = "zoom" if self._tool.id == "zoom" else "hand"
            self.setCursor(cursor(hand if self._tool.navigates else self._overlay(self._tool).cursor))

    # The line of the split view.

    def _near_line(self, position: QPointF) -> bool:
        if self._compare != "split":
            return False
        distance = abs(position.x() - self._split * self.width())
        return distance <= (GRIP if abs(position.y() - self.height() / 2) <= GRIP else NEAR)

    def _mind_line(self, position: QPointF) -> None:
        near = self._near_line(position)
        if near != self._on_line:
            self._on_line = near
            self._update_cursor()

    def _move_line(self, position: QPointF) -> None:
        self._split = min(1.0, max(0.0, position.x() / max(1, self.width())))
        self._redraw()
        self.split_moved.emit(self._split)

    # Keys.

    def event(self, event: QEvent) -> bool:
        """While a tool waits for Enter or Escape, and for Space, these come here rather than to a menu's shortcut.

        While the pointer is pressed all keys do: an undo or another tool must not come into the middle of a stroke.
        """
        if event.type() == QEvent.Type.ShortcutOverride:
            key = cast(QKeyEvent, event).key()
            busy = self._tool is not None and self._tool.busy
            own = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter) if busy else ()
            if self._pressed or key in own or key == Qt.Key.Key_Space or key in ARROWS:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        tool, document = self._tool, self._document
        if self._space_key(event, held=True):
            return
        if tool is None or document is None:
            return super().keyPressEvent(event)
        context = ToolContext(document, self.settings)
        if event.key() == Qt.Key.Key_Escape and tool.busy:
            self._drop_tool()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and tool.busy:
            self._pressed = ""
            self._attempt(lambda: tool.confirm(context))
        elif event.key() in ARROWS:
            far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            dx, dy = ARROWS[Qt.Key(event.key())]
            self._attempt(lambda: tool.nudge(dx * far, dy * far, context))
        else:
            return super().keyPressEvent(event)
        self._refresh()
        self._update_cursor()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._space_key(event, held=False):
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.set_panning(False)
        super().focusOutEvent(event)

    # The rest of the window.

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        mime = event.mimeData()
        if mime.hasImage() or any(url.isLocalFile() for url in mime.urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.files_dropped.emit(paths)
        elif event.mimeData().hasImage():
            self.image_dropped.emit(QImage(cast(QImage, event.mimeData().imageData())))
        event.acceptProposedAction()
