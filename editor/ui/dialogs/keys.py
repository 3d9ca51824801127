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

ID = Qt.ItemDataRole.UserRole


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
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.key = QKeySequenceEdit(self)
        self.key.setMaximumSequenceLength(1)
        self.key.setAccessibleName("New key")
        self.default = QPushButton("Default", self)
        self.hint = QLabel("Choose a command and press its new key.", self)
        theme.set_role(self.hint, "secondary")
        self._lay_out()
        self._fill()
        self._connect()
        self.resize(560, 560)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.hint, 1)
        row.addWidget(self.key)
        row.addWidget(self.default)
        self.body.addWidget(self.search)
        self.body.addWidget(self.tree, 1)
        self.body.addLayout(row)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.tree.currentItemChanged.connect(lambda *_: self._show_current())
        self.key.editingFinished.connect(self._pressed)
        self.default.clicked.connect(self._restore)
        self.key.setEnabled(False)
        self.default.setEnabled(False)

    def _fill(self) -> None:
        order = {menu: place for place, menu in enumerate((*MENUS, ""))}
        for action in sorted(ACTIONS, key=lambda action: order[action.menu]):
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
        self.default.setEnabled(action is not None and action.id in self.result_keys)
        if action is not None:
            keys = keys_of(action, self.result_keys)
            self.key.setKeySequence(QKeySequence(keys[0]) if keys else QKeySequence())

    def _pressed(self) -> None:
        action, pressed = self._current(), self.key.keySequence().toString()
        if action is None:
            return
        taken = next((a for a in ACTIONS if a is not action and pressed in keys_of(a, self.result_keys)), None)
        if pressed and taken is not None:
            self.hint.setText(f'"{taken.title}" has this key; it now goes to "{action.title}".')
            self.result_keys[taken.id] = ""
        self.result_keys[action.id] = pressed
        self._refresh()

    def _restore(self) -> None:
        action = self._current()
        if action is not None:
            self.result_keys.pop(action.id, None)
            self._refresh()
            self._show_current()

    def _refresh(self) -> None:
        for item in self._items():
            action = next(action for action in ACTIONS if action.id == item.data(0, ID))
            item.setText(1, self._shown(action))


def _title(action: Action) -> str:
    return f"{action.menu or 'Tools'}: {action.title.removesuffix('...')}"
