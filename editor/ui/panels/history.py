"""The history panel: the tree of steps; a click goes there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QPoint, Qt, QTimer
from PySide6.QtWidgets import QListView, QMenu, QStackedLayout, QWidget

from editor.core.document import Document
from editor.core.history import History, Step
from editor.edits.open_document import OpenDocument
from editor.edits.pairs import why_not_history
from editor.ui.panels.history_row import ROW_ROLE, STATE_ROLE, HistoryRow
from editor.ui.panels.history_rows import Row, done, rows
from editor.ui.widgets.labels import empty_state

Index = QModelIndex | QPersistentModelIndex
Trigger = Callable[..., object]
_ROOT = QModelIndex()
STATES = {"current": "now", "done": "done", "undone": "undone"}


class HistoryModel(QAbstractListModel):
    """One row a step."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._places: dict[int, int] = {}
        self._done: set[int] = set()
        self._current = -1

    def show(self, history: History | None) -> None:
        """Follow the history. Going somewhere keeps the rows, a step after the last is added, others begin anew."""
        if history is None or not self._rows or self._rows[0].step is not history.root:
            self._begin(rows(history.root) if history else [])
        else:
            self._update(history)
        self._done = done(history.current) if history else set()
        self._current = history.current.id if history else -1
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def _begin(self, fresh: list[Row]) -> None:
        self.beginResetModel()
        self._rows = fresh
        self._places = {row.step.id: place for place, row in enumerate(fresh)}
        self.endResetModel()

    def _update(self, history: History) -> None:
        last, ids = self._rows[-1], {step.id for step in history.steps()}
        fresh, gone = ids - self._places.keys(), self._places.keys() - ids
        if not fresh and not gone:
            return
        step, parent = history.current, last.step.parent
        if fresh == {step.id} and not gone and step.parent is last.step:
            self._add(step)
        elif fresh == {step.id} and gone == {last.step.id} and step.parent is parent and not last.branches:
            self._places[step.id] = self._places.pop(last.step.id)  # merged: a slider that is dragged
            self._rows[-1] = replace(last, step=step)
        else:
            self._begin(rows(history.root))

    def _add(self, step: Step) -> None:
        last, count = self._rows[-1], len(self._rows)
        self.beginInsertRows(_ROOT, count, count)
        self._rows[-1] = replace(last, last=False)
        self._rows.append(Row(step, last.depth, last.lanes, branches=False, first=False, last=True))
        self._places[step.id] = count
        self.endInsertRows()

    def step_id(self, index: Index) -> int:
        return self._rows[index.row()].step.id

    def current(self) -> QModelIndex:
        """The row of the current step."""
        return self.index(self._places[self._current]) if self._current in self._places else QModelIndex()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == STATE_ROLE:
            return self._state(row)
        if role == Qt.ItemDataRole.DisplayRole:
            return row.step.label
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.step.label}, {STATES[self._state(row)]}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.step.label}: go back to here" if row.step.id in self._done else f"{row.step.label}: go here"
        return None

    def _state(self, row: Row) -> str:
        if row.step.id == self._current:
            return "current"
        return "done" if row.step.id in self._done else "undone"


class HistoryPanel(QWidget):
    """Arrow keys move, Return or a click goes to a step. trigger: runs the action of an id."""

    def __init__(self, trigger: Trigger = lambda *_: None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trigger = trigger
        self._open: OpenDocument | None = None
        self._end: Callable[[], object] = lambda: None
        self.model = HistoryModel(self)
        self.view = QListView(self)
        self._set_up()
        self._soon = QTimer(self)  # several changes in one turn are shown once
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refresh)
        self.destroyed.connect(lambda: self._end())
        self.refresh()

    def show_document(self, opened: OpenDocument | None) -> None:
        """Switch to another tab, or to none."""
        self._end()
        self._open = opened
        self._end = opened.history.changed.connect(self._moved) if opened else lambda: None
        self.refresh()

    def refresh(self) -> None:
        """Show the history as it is now."""
        self._soon.stop()
        self.model.show(self._open.history if self._open else None)
        self._pages.setCurrentIndex(0 if self._open else 1)
        current = self.model.current()
        if current.isValid():
            self.view.setCurrentIndex(current)
            self.view.scrollTo(current)

    def _moved(self, before: Document, after: Document) -> None:
        self._soon.start()

    def _set_up(self) -> None:
        self.view.setModel(self.model)
        self.view.setItemDelegate(HistoryRow(self.view))
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setAccessibleName("History")
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.clicked.connect(self._go)
        self.view.activated.connect(self._go)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.view)
        self._pages.addWidget(empty_state("No document", self))

    def _go(self, index: QModelIndex) -> None:
        if self._open is not None and self.model.step_id(index) != self._open.history.current.id:
            self._open.history.go(self.model.step_id(index))

    def _menu(self, point: QPoint) -> None:
        index = self.view.indexAt(point)
        if index.isValid() and self._open is not None:
            menu = self.context_menu(self.model.step_id(index))
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.view.viewport().mapToGlobal(point))

    def context_menu(self, step_id: int) -> QMenu:
        """What can be done with a step; an entry that cannot says why."""
        menu, history = QMenu(self), self._open.history if self._open is not None else None
        menu.setToolTipsVisible(True)
        go = menu.addAction("Go here", lambda: self._go_to(step_id))
        go.setEnabled(history is not None and step_id != history.current.id)
        menu.addSeparator()
        use = menu.addAction(
            "Use the change from here to now for training...",
            lambda: self._trigger("history.use_since", step_id),
        )
        why = why_not_history(history, step_id)
        use.setEnabled(not why)
        use.setToolTip(why)
        return menu

    def _go_to(self, step_id: int) -> None:
        if self._open is not None:
            self._open.history.go(step_id)
