"""The command palette: every action by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from editor.actions import ACTIONS
from editor.actions.action import Action
from editor.actions.desk import Desk
from editor.ui import theme
from editor.ui.shortcuts import keys_of

ROWS = 12
ID = Qt.ItemDataRole.UserRole


class CommandPalette(QFrame):
    """trigger: runs the action of an id. keys: the user's own shortcuts."""

    def __init__(
        self, desk: Desk, keys: Mapping[str, str], trigger: Callable[..., object], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._desk, self._keys, self._trigger = desk, keys, trigger
        theme.set_role(self, "popover")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search commands")
        self.search.setAccessibleName("Search commands")
        self.list = QListWidget(self)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.addWidget(self.search)
        column.addWidget(self.list)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.list.itemClicked.connect(self._run)
        self._filter("")
        self.setFixedSize(480, 28 * ROWS + 64)

    def open_over(self, window: QWidget) -> None:
        """Show it in the upper middle of the window."""
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - self.width()) // 2, corner.y() + window.height() // 8)
        self.show()
        self.search.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                self.list.setCurrentRow((self.list.currentRow() + step) % max(1, self.list.count()))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self.list.currentItem())
                return True
        return False

    def _filter(self, text: str) -> None:
        self.list.clear()
        for action in sorted((a for a in ACTIONS if a.palette and _fits(a, text)), key=lambda a: _rank(a, text)):
            self._add(action)
        self.list.setCurrentRow(0)

    def _add(self, action: Action) -> None:
        keys = keys_of(action, self._keys)
        shown = QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText) if keys else ""
        item = QListWidgetItem(_title(action) + (f"    {shown}" if shown else ""), self.list)
        item.setData(ID, action.id)
        if not action.enabled(self._desk):
            item.setFlags(Qt.ItemFlag.NoItemFlags)

    def _run(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            id = str(item.data(ID))
            self.close()
            self._trigger(id)


def _title(action: Action) -> str:
    place = action.menu or ("Tool" if action.id.startswith("tool.") else "Brush and colours")
    return f"{place}: {action.title}"


def _fits(action: Action, text: str) -> bool:
    words = text.casefold().split()
    return all(word in _title(action).casefold() for word in words)


def _rank(action: Action, text: str) -> tuple[bool, str]:
    return not action.title.casefold().startswith(text.casefold()), _title(action)
