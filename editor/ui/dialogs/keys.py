"""All keys, to be searched and changed."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from editor.actions import ACTIONS, MENUS
from editor.actions.action import Action
from editor.ui import theme
from editor.ui.dialogs.base import Dialog
from editor.ui.shortcuts import keys_of
from editor.ui.widgets.rows import RowDelegate

ID = Qt.ItemDataRole.UserRole
KEY_WIDTH = 232
ASK = "Choose a command and press its new key."


class KeysDialog(Dialog):
    """changed: the user's own keys, {action id: key as Qt writes it}; `result_keys` has them after `accept`."""

    def __init__(self, changed: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__("Keys", "Save", parent)
        self.result_keys = dict(changed)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search")
        self.tree = QTreeWidget(self)
        self.tree.setHeaderLabels(["Command", "Key"])
        self.tree.setRootIsDecorated(False)
        self.tree.setItemDelegate(RowDelegate(parent=self.tree))
        self.tree.setUniformRowHeights(True)
        self.tree.setMouseTracking(True)
        self.tree.setAccessibleName("Commands")
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().resizeSection(1, KEY_WIDTH)
        self.key = QKeySequenceEdit(self)
        self.key.setMaximumSequenceLength(1)
        self.key.setAccessibleName("New key")
        self.default = QPushButton("Default", self)
        self.none = QPushButton("No key", self)
        self.hint = QLabel(ASK, self)
        self.hint.setWordWrap(True)
        theme.set_role(self.hint, "secondary")
        self._lay_out()
        self._fill()
        self._connect()
        self.resize(560, 560)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.key, 1)
        row.addWidget(self.none)
        row.addWidget(self.default)
        self.hint.setMinimumHeight(2 * self.fontMetrics().lineSpacing())  # nothing jumps when it says more
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.body.addWidget(self.search)
        self.body.addWidget(self.tree, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.hint)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.tree.currentItemChanged.connect(self._show_current)
        self.key.editingFinished.connect(self._pressed)
        self.default.clicked.connect(self._restore)
        self.none.clicked.connect(lambda: self._give(""))
        for widget in (self.key, self.none, self.default):
            widget.setEnabled(False)

    def _fill(self) -> None:
        order = {menu: place for place, menu in enumerate((*MENUS, ""))}
        shown = [action for action in ACTIONS if action.palette or action.shortcuts]
        for action in sorted(shown, key=lambda action: order[action.menu.partition("/")[0]]):
            item = QTreeWidgetItem(self.tree, [_title(action), self._shown(action)])
            item.setData(0, ID, action.id)

    def _shown(self, action: Action) -> str:
        keys = keys_of(action, self.result_keys)
        return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)

    def _filter(self, text: str) -> None:
        for item in self._items():
            item.setHidden(text.casefold() not in f"{item.text(0)} {item.text(1)}".casefold())

    def _items(self) -> list[QTreeWidgetItem]:
        items = [self.tree.topLevelItem(place) for place in range(self.tree.topLevelItemCount())]
        return [item for item in items if item is not None]

    def _current(self) -> Action | None:
        item = self.tree.currentItem()
        id = item.data(0, ID) if item is not None else ""
        return next((action for action in ACTIONS if action.id == id), None)

    def _show_current(self) -> None:
        action = self._current()
        self.key.setEnabled(action is not None)
        self.none.setEnabled(action is not None and bool(keys_of(action, self.result_keys)))
        self.hint.setText(ASK)
        self.default.setEnabled(action is not None and action.id in self.result_keys)
        if action is not None:
            keys = keys_of(action, self.result_keys)
            self.key.setKeySequence(QKeySequence(keys[0]) if keys else QKeySequence())

    def _pressed(self) -> None:
        action, pressed = self._current(), self.key.keySequence().toString()
        if action is not None and pressed and pressed not in keys_of(action, self.result_keys)[:1]:
            self._give(pressed)

    def _give(self, key: str) -> None:
        action = self._current()
        if action is not None:
            self.result_keys[action.id] = key
            self._took(action)

    def _restore(self) -> None:
        action = self._current()
        if action is not None:
            self.result_keys.pop(action.id, None)
            self._took(action)

    def _took(self, action: Action) -> None:
        """No two commands have the same key: the others lose those that this one has now."""
        keys, lost = keys_of(action, self.result_keys), list[str]()
        for other in ACTIONS:
            had = keys_of(other, self.result_keys)
            if other is not action and set(had) & set(keys):
                self.result_keys[other.id] = next((key for key in had if key not in keys), "")
                lost.append(f'"{other.title.removesuffix("...")}"')
        self._refresh()
        self._show_current()
        if lost:
            self.hint.setText(f"{', '.join(lost)} had this key; it is now for this command.")

    def _refresh(self) -> None:
        for item in self._items():
            action = next(action for action in ACTIONS if action.id == item.data(0, ID))
            item.setText(1, self._shown(action))


def _title(action: Action) -> str:
    place = action.menu.replace("/", ": ") or ("Tool" if action.id.startswith("tool.") else "Brush and colours")
    return f"{place}: {action.title.removesuffix('...')}"
