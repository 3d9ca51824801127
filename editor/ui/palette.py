"""The command palette: every action by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from editor.actions import ACTIONS, MENUS
from editor.actions.action import Action
from editor.actions.desk import Desk
from editor.ui import theme
from editor.ui.shortcuts import keys_of
from editor.ui.widgets.labels import empty_state
from editor.ui.widgets.rows import DETAIL, RowDelegate

ROWS, WIDTH = 12, 520
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
        self.list.setItemDelegate(RowDelegate(parent=self.list))
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.nothing = empty_state("No command has this name.", self)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        column.addWidget(self.nothing, 1)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.list.itemClicked.connect(self._run)
        self._filter("")
        self.setFixedSize(WIDTH, theme.CONTROL * (ROWS + 1) + 3 * theme.GRID)

    def open_over(self, window: QWidget) -> None:
        """Show it in the upper middle of the window."""
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - self.width()) // 2, corner.y() + window.height() // 8)
        self.show()
        self.search.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self._step(1 if event.key() == Qt.Key.Key_Down else -1)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self.list.currentItem())
                return True
        return False

    def _filter(self, text: str) -> None:
        self.list.clear()
        for action in sorted((a for a in ACTIONS if a.palette and _fits(a, text)), key=lambda a: _rank(a, text)):
            self._add(action)
        empty = self.list.count() == 0
        self.list.setHidden(empty)
        self.nothing.setVisible(empty)
        self.list.setCurrentRow(-1)
        self._step(1)

    def _add(self, action: Action) -> None:
        keys = keys_of(action, self._keys)
        shown = QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText) if keys else ""
        item = QListWidgetItem(_title(action), self.list)
        item.setData(ID, action.id)
        item.setData(DETAIL, shown)
        if not action.enabled(self._desk):
            item.setFlags(Qt.ItemFlag.NoItemFlags)

    def _step(self, by: int) -> None:
        """The next command that can run now, around the ends."""
        rows = self.list.count()
        start = self.list.currentRow() if self.list.currentRow() >= 0 else (-1 if by > 0 else 0)
        for place in ((start + by * further) % rows for further in range(1, rows + 1)):
            if self.list.item(place).flags() & Qt.ItemFlag.ItemIsEnabled:
                self.list.setCurrentRow(place)
                return

    def _run(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            id = str(item.data(ID))
            self.close()
            self._trigger(id)


def _title(action: Action) -> str:
    place = action.menu.replace("/", ": ") or ("Tool" if action.id.startswith("tool.") else "Brush and colours")
    return f"{place}: {action.title}"


def _fits(action: Action, text: str) -> bool:
    words = text.casefold().split()
    return all(word in _title(action).casefold() for word in words)


def _rank(action: Action, text: str) -> tuple[int, int, str]:
    """Titles that begin with the text, then menus that do, then words in titles, then the rest; as the menus stand."""
    title, wanted = action.title.casefold(), " ".join(text.casefold().split())
    if not wanted or title.startswith(wanted):
        rank = 0
    elif _title(action).casefold().startswith(wanted):
        rank = 1
    else:
        rank = 2 if any(word.startswith(wanted) for word in title.split()) else 3
    menu = action.menu.partition("/")[0]
    return rank, MENUS.index(menu) if menu in MENUS else len(MENUS), action.title
