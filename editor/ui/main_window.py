"""What goes where in the window, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from PySide6.QtCore import QByteArray, QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QKeySequence, QPixmap
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QMenu,
    QPlainTextEdit,
    QWidget,
)

from editor.actions import action_named
from editor.actions.desk import Desk
from editor.edits.open_document import OpenDocument
from editor.edits.stale import StaleWatch
from editor.tools.tool import Tool
from editor.ui.commands import HELD, Commands
from editor.ui.document_view import DocumentView
from editor.ui.floating import Floating
from editor.ui.icons import icon
from editor.ui.panels.history import HistoryPanel
from editor.ui.panels.instruction_bar import InstructionBar
from editor.ui.panels.layers import LayersPanel
from editor.ui.panels.message_bar import MessageBar
from editor.ui.panels.recipe import RecipePanel
from editor.ui.panels.start_page import StartPage
from editor.ui.panels.status import StatusBar
from editor.ui.panels.tool_options import ToolOptions
from editor.ui.panels.toolbar import Toolbar
from editor.ui.panels.variants import VariantStrip
from editor.ui.shortcuts import keys_of
from editor.ui.workspace import Workspace

LEAST = (1024, 640)
FIRST = (1280, 800)
PANEL_WIDTH = 280
TYPED_INTO = (QLineEdit, QPlainTextEdit, QAbstractSpinBox)
CONTEXT = (
    "edit.cut",
    "edit.copy",
    "edit.paste",
    "",
    "select.all",
    "select.none",
    "select.invert",
    "",
    "layer.duplicate",
    "layer.mask_from_selection",
    "edit.focus_instruction",
)
"""Actions of the canvas's context menu; "" is a line."""


class MainWindow(QMainWindow):
    """desk: what is open. tools: by id, in the order of the toolbar. close_wanted: the user asked to close it."""

    close_wanted = Signal()

    def __init__(
        self,
        desk: Desk,
        tools: Mapping[str, Tool],
        stale: StaleWatch,
        thumbnail: Callable[[Path], QPixmap | None],
        profile_name: Callable[[bytes], str],
    ) -> None:
        super().__init__()
        self._desk, self._tools, self._stale = desk, tools, stale
        self._stop_document: Callable[[], None] = lambda: None
        self._may_close = False
        self.commands = Commands(desk, self)
        trigger = self.commands.trigger
        self.toolbar = Toolbar(list(tools.values()), desk.tools, trigger, self)
        self.options = ToolOptions(desk.tools, self)
        self.layers = LayersPanel(desk.do, trigger, desk.tools, self._is_stale, self)
        self.history = HistoryPanel(trigger, self)
        self.recipe = RecipePanel(trigger, self._is_stale, self)
        self.strip = VariantStrip(trigger, self, lambda: desk.models.names)
        self.message = MessageBar(desk, trigger, self)
        self.bar = InstructionBar(trigger, lambda: desk.models.names, self)
        self.start = StartPage(trigger, self._recent, thumbnail, self)
        self.status = StatusBar(profile_name, self)
        foot: list[QWidget] = [self.strip, self.bar]
        self.workspace = Workspace(desk, trigger, self.options, self.start, foot, self)
        Floating(self.message, self.workspace.stack)
        self._assemble()
        self._connect()
        self._take_tool()
        self.show_document(desk.current)

    @property
    def view(self) -> DocumentView | None:
        return self.workspace.view

    def show_document(self, opened: OpenDocument | None) -> None:
        """Every panel shows this tab, or that there is none."""
        self._stop_document()
        for part in (self.layers, self.history, self.recipe, self.strip, self.message, self.bar, self.status):
            part.show_document(opened)
        self.bar.setVisible(opened is not None)
        self.options.setVisible(opened is not None)
        if opened is None:
            self._stop_document = lambda: None
        else:
            self._stop_document = opened.changed.connect(self._document_changed)
            self._stale.look(opened.document)
        self._show_title()

    def toggle_panels(self) -> None:
        """Hide every panel, or bring them back as they were."""
        docks = self.findChildren(QDockWidget)
        if any(dock.isVisible() for dock in docks):
            self._hidden = self.saveState()
            for dock in docks:
                dock.hide()
            self.toolbar.hide()
        else:
            self.toolbar.show()
            self.restoreState(self._hidden)

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def restore(self, geometry: str, layout: str) -> None:
        """As `geometry_text` and `layout_text` gave them; what does not fit is left alone."""
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))
        if layout:
            self.restoreState(QByteArray.fromBase64(layout.encode()))

    @property
    def geometry_text(self) -> str:
        return bytes(self.saveGeometry().toBase64().data()).decode()

    @property
    def layout_text(self) -> str:
        return bytes(self.saveState().toBase64().data()).decode()

    def close_now(self) -> None:
        """Close without asking again."""
        self._may_close = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Asks about every unsaved document first; the last answer closes the window."""
        if self._may_close:
            event.accept()
            return
        event.ignore()
        self.close_wanted.emit()

    def _follow_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        """Look at the keys of the widget that has the focus, of no other: each event costs a call into Python."""
        if before is not None:
            before.removeEventFilter(self)
        if now is not None and self.isAncestorOf(now) and not isinstance(now, TYPED_INTO):
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Actions that last as long as their key is held; matched by the physical key, whatever Shift does to it."""
        if isinstance(event, QKeyEvent) and not event.isAutoRepeat():
            if event.type() == QEvent.Type.KeyPress and self._held_key(event) and self._can_compare():
                self._held_scan = event.nativeScanCode() or event.key()
                self._hold("before")
                return True
            if event.type() == QEvent.Type.KeyRelease and self._held_scan == (event.nativeScanCode() or event.key()):
                self._held_scan = 0
                self._hold("")
                return True
        return super().eventFilter(watched, event)

    def _assemble(self) -> None:
        self.setWindowIcon(icon("sparkles", "accent"))
        self.setMinimumSize(*LEAST)
        self.resize(*FIRST)
        self.setDockNestingEnabled(True)
        middle = QWidget(self)
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.toolbar)
        row.addWidget(self.workspace, 1)
        self.setCentralWidget(middle)
        self.setStatusBar(self.status)
        layers = self._dock("Layers", self.layers)
        history, recipe = self._dock("History", self.history), self._dock("Recipe", self.recipe)
        self.tabifyDockWidget(history, recipe)
        history.raise_()
        self.resizeDocks([layers, history], [PANEL_WIDTH, PANEL_WIDTH], Qt.Orientation.Horizontal)
        self.resizeDocks([layers, history], [3, 2], Qt.Orientation.Vertical)
        self.commands.fill(self.menuBar(), {"File": self._add_recent, "View": self._add_docks})
        self.commands.bind_canvas(self.workspace)
        self._hidden = self.saveState()
        self._held_scan = 0

    def _dock(self, title: str, panel: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title)
        dock.setWidget(panel)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        return dock

    def _connect(self) -> None:
        self._desk.changed.connect(self._desk_changed)
        cast(QApplication, QApplication.instance()).focusChanged.connect(self._follow_focus)
        self.workspace.view_changed.connect(self._view_changed)
        self.workspace.context_menu.connect(self._show_context_menu)
        self.layers.selection_changed.connect(self._layers_selected)
        self.status.model_clicked.connect(lambda: self.commands.trigger("help.doctor"))
        self.status.work_clicked.connect(lambda: self.commands.trigger("model.train"))
        self._stale.on("stale", lambda: (self.layers.refresh_stale(), self.recipe.refresh()))

    def _use_settings(self) -> None:
        view = self.view
        if view is not None:
            for part in (view.canvas, view.grid):
                part.wheel_zooms = self._desk.settings.wheel_zooms
            view.canvas.pixel_grid = self._desk.settings.pixel_grid
            view.canvas.update()

    def _desk_changed(self, name: str) -> None:
        if name == "current":
            self.show_document(self._desk.current)
        elif name == "tool":
            self._take_tool()
        elif name == "settings":
            self.start.refresh()
            self._use_settings()

    def _document_changed(self, name: str) -> None:
        current = self._desk.current
        if name == "document" and current is not None:
            self._stale.look(current.document)
        if name in ("modified", "variants_modified", "title", "path"):
            self._show_title()

    def _show_title(self) -> None:
        current = self._desk.current
        self.setWindowTitle("Palimpsest" if current is None else f"{current.title}[*] - Palimpsest")
        self.setWindowModified(current is not None and current.modified)

    def _take_tool(self) -> None:
        tool = self._tools[self._desk.tool]
        self.workspace.use_tool(tool)
        self.toolbar.set_active(tool.id)
        self.options.show_tool(tool)

    def _view_changed(self, view: DocumentView | None) -> None:
        if view is not None:
            canvas = view.canvas
            for signal, slot in (
                (canvas.zoom_changed, self.status.set_zoom),
                (canvas.hovered, self.status.set_pointer),
            ):
                signal.connect(slot, Qt.ConnectionType.UniqueConnection)
            self.status.set_zoom(canvas.view.scale)
            self._use_settings()

    def _layers_selected(self) -> None:
        self._desk.selected = self.layers.selected_layers()

    def _is_stale(self, id: str) -> bool:
        return id in self._stale.stale

    def _recent(self) -> tuple[Path, ...]:
        return tuple(path for path in map(Path, self._desk.settings.recent) if path.exists())

    def _add_recent(self, menu: QMenu) -> None:
        recent = menu.addMenu("Open recent")

        def fill() -> None:
            recent.clear()
            for path in self._recent():
                recent.addAction(path.name, lambda path=path: self.commands.trigger("file.open", path))
            if recent.isEmpty():
                recent.addAction("No recent files").setEnabled(False)

        recent.aboutToShow.connect(fill)

    def _add_docks(self, menu: QMenu) -> None:
        for dock in self.findChildren(QDockWidget):
            menu.addAction(dock.toggleViewAction())

    def _show_context_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for id in CONTEXT:
            if id:
                menu.addAction(self.commands.actions[id])
            else:
                menu.addSeparator()
        menu.popup(at)

    def _held_key(self, event: QKeyEvent) -> bool:
        keys = keys_of(action_named(HELD[0]), self._desk.settings.shortcuts)
        return bool(keys) and QKeySequence(event.keyCombination()) == QKeySequence(keys[0])

    def _can_compare(self) -> bool:
        current = self._desk.current
        return current is not None and current.edit.shown is not None

    def _hold(self, mode: str) -> None:
        if self._desk.current is not None:
            self._desk.current.edit.compare = mode
