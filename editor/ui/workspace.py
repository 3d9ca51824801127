"""The middle of the window: tabs, the canvas of the one shown, and the bars at its foot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QMouseEvent
from PySide6.QtWidgets import QStackedWidget, QTabBar, QVBoxLayout, QWidget

from editor.actions.desk import Desk
from editor.actions.file import close_document
from editor.actions.model import sorted_out
from editor.edits.open_document import OpenDocument
from editor.tools.tool import Tool
from editor.ui.clipboard import pixels_of
from editor.ui.document_view import DocumentView

Trigger = Callable[..., object]
TITLE = ("modified", "variants_modified", "title", "path")
"""What of a document its tab tells."""


class Workspace(QWidget):
    """start: what is shown while no document is open. foot: the bars under the canvas, from top to bottom.

    shown: the view of the tab in front, or None.
    """

    view_changed = Signal(object)
    context_menu = Signal(QPoint)

    def __init__(
        self, desk: Desk, trigger: Trigger, head: QWidget, start: QWidget, foot: list[QWidget], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._desk, self._trigger = desk, trigger
        self._views: dict[int, DocumentView] = {}
        self._front: OpenDocument | None = None
        self._tool: Tool | None = None
        self._start = start
        self.tabs = QTabBar(self)
        self.tabs.setTabsClosable(True)
        self.tabs.setMovable(False)
        self.tabs.setExpanding(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.tabs.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.tabs.setAccessibleName("Open documents")
        self.tabs.installEventFilter(self)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(start)
        self.setAcceptDrops(True)
        self._lay_out(head, foot)
        self.tabs.currentChanged.connect(self._tab_chosen)
        self.tabs.tabCloseRequested.connect(self._tab_closed)
        self.destroyed.connect(desk.changed.connect(self._desk_changed))
        self._refresh()

    @property
    def view(self) -> DocumentView | None:
        """The tab in front."""
        return self._views.get(id(self._desk.current)) if self._desk.current is not None else None

    def use_tool(self, tool: Tool) -> None:
        """Put a tool into the hand of every canvas."""
        self._tool = tool
        for view in self._views.values():
            view.canvas.tool = tool if view is self.view else None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A middle click closes the tab under it."""
        if watched is self.tabs and isinstance(event, QMouseEvent) and event.button() == Qt.MouseButton.MiddleButton:
            place = self.tabs.tabAt(event.position().toPoint())
            if place >= 0 and event.type() == QEvent.Type.MouseButtonRelease:
                self._tab_closed(place)
            return True
        return super().eventFilter(watched, event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self._take(paths)

    def _lay_out(self, head: QWidget, foot: list[QWidget]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.tabs)
        column.addWidget(self.stack, 1)
        for bar in foot:
            column.addWidget(bar)

    def _desk_changed(self, name: str) -> None:
        if name in ("documents", "current"):
            self._refresh()

    def _refresh(self) -> None:
        documents = self._desk.documents
        self._let_go(documents)
        self.tabs.blockSignals(True)
        while self.tabs.count() > len(documents):
            self.tabs.removeTab(self.tabs.count() - 1)
        for place, opened in enumerate(documents):
            if place == self.tabs.count():
                self.tabs.addTab("")
            self._show_title(place, opened)
        if self._desk.current in documents:
            self.tabs.setCurrentIndex(documents.index(self._desk.current))
        self.tabs.blockSignals(False)
        self.tabs.setVisible(bool(documents))
        self._show_current()

    def _show_title(self, place: int, opened: OpenDocument) -> None:
        title = opened.title.replace("&", "&&")
        self.tabs.setTabText(place, title + (" *" if opened.modified else ""))
        self.tabs.setTabToolTip(place, str(opened.path) if opened.path is not None else "not saved yet")

    def _show_current(self) -> None:
        current = self._desk.current
        if current is not None and id(current) not in self._views:
            self._views[id(current)] = self._new_view(current)
        view = self.view
        self.stack.setCurrentWidget(self._start if view is None else view)
        if self._tool is not None:
            self.use_tool(self._tool)
        if current is not self._front:
            self._front = current
            if view is not None:
                view.viewport.setFocus()
        self.view_changed.emit(view)

    def _new_view(self, opened: OpenDocument) -> DocumentView:
        view = DocumentView(opened, self._desk.tools, self._desk.do, self._trigger, self)
        view.refused.connect(self._refused)
        view.canvas.context_menu.connect(self.context_menu)
        view.canvas.files_dropped.connect(self._open)
        view.canvas.image_dropped.connect(self._paste)
        end = opened.changed.connect(lambda name: self._renamed(opened) if name in TITLE else None)
        view.destroyed.connect(end)
        self.stack.addWidget(view)
        return view

    def _refused(self, text: str) -> None:
        self._desk.say(text, "warning")

    def _open(self, paths: list[str]) -> None:
        self._take([Path(path) for path in paths])

    def _take(self, paths: list[Path]) -> None:
        """What was dropped: pictures are opened, models are offered to be added."""
        models, pictures = sorted_out(paths)
        if pictures:
            self._trigger("file.open", *pictures)
        if models:
            self._trigger("model.add", *models)

    def _paste(self, image: QImage) -> None:
        self._trigger("edit.paste_image", pixels_of(image))

    def _renamed(self, opened: OpenDocument) -> None:
        if opened in self._desk.documents:
            self._show_title(self._desk.documents.index(opened), opened)

    def _let_go(self, documents: tuple[OpenDocument, ...]) -> None:
        kept = {id(opened) for opened in documents}
        for key in [key for key in self._views if key not in kept]:
            view = self._views.pop(key)
            self.stack.removeWidget(view)
            view.close()
            view.deleteLater()

    def _tab_chosen(self, place: int) -> None:
        if 0 <= place < len(self._desk.documents):
            self._desk.show(self._desk.documents[place])

    def _tab_closed(self, place: int) -> None:
        close_document(self._desk, self._desk.documents[place], lambda: None)
