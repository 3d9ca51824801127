"""Actions as Qt knows them: menus, shortcuts and greying out, all made from the one list."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from editor.actions import ACTIONS, MENUS, action_named
from editor.actions.action import Action
from editor.actions.desk import Desk
from editor.core.errors import PalimpsestError
from editor.edits.open_document import OpenDocument
from editor.ui.icons import icon
from editor.ui.shortcuts import keys_of

HELD = ("compare.before",)
"""Actions that last as long as their first key is held; the window looks after these keys itself."""
CANVAS_ONLY = ("edit.clear", "view.panels")
"""Keys that mean something else in a list or a field."""


class Commands(QObject):
    """One QAction for each action. window: where the keys hold; `bind_canvas` names where those of the canvas do."""

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._window = desk, window
        self._stop: Callable[[], None] = lambda: None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refresh)
        self.actions = {action.id: self._made(action) for action in ACTIONS}
        self.use_keys(desk.settings.shortcuts)
        end = desk.changed.connect(self._desk_changed)
        self.destroyed.connect(lambda: (end(), self._stop()))
        QGuiApplication.clipboard().dataChanged.connect(self._soon.start)
        self._follow(desk.current)
        self.refresh()

    def trigger(self, id: str, *arguments: object) -> None:
        """Run the action of this id, if it may run now. KeyError for an unknown one."""
        action = action_named(id)
        if not action.enabled(self._desk):
            return
        try:
            action.run(self._desk, *arguments)
        except PalimpsestError as error:
            self._desk.say(str(error), "error")
        self.refresh()  # at once: the next key may be waiting already

    def bind_canvas(self, canvas: QWidget) -> None:
        """The widget in which the keys of the canvas hold."""
        for id in CANVAS_ONLY:
            self.actions[id].setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self._window.removeAction(self.actions[id])
            canvas.addAction(self.actions[id])

    def use_keys(self, changed: Mapping[str, str]) -> None:
        """changed: the user's own keys."""
        for action in ACTIONS:
            keys = keys_of(action, changed)
            held = keys[1:] if action.id in HELD else keys
            self.actions[action.id].setShortcuts([QKeySequence(key) for key in held])

    def fill(self, bar: QMenuBar, more: Mapping[str, Callable[[QMenu], object]]) -> None:
        """Make the menus. more: what a menu shows besides, called when it is made."""
        for title in MENUS:
            menu = bar.addMenu(f"&{title}")
            menu.aboutToShow.connect(self.refresh)
            menu.setToolTipsVisible(True)
            self._fill(menu, [action for action in ACTIONS if action.menu == title])
            if title in more:
                menu.addSeparator()
                more[title](menu)

    def refresh(self) -> None:
        """Grey out what cannot be done now."""
        for action in ACTIONS:
            made = self.actions[action.id]
            made.setEnabled(action.enabled(self._desk))
            made.setToolTip(action.why(self._desk))
            if action.checked is not None:
                made.setChecked(action.checked(self._desk))

    def _fill(self, menu: QMenu, actions: list[Action]) -> None:
        group = actions[0].group if actions else 0
        for action in sorted(actions, key=lambda action: action.group):
            if action.group != group:
                menu.addSeparator()
                group = action.group
            menu.addAction(self.actions[action.id])

    def _made(self, action: Action) -> QAction:
        made = QAction(action.title, self)
        if action.icon:
            made.setIcon(icon(action.icon))
        made.setCheckable(action.checked is not None)
        made.triggered.connect(lambda _=False: self.trigger(action.id))
        self._window.addAction(made)
        return made

    def _desk_changed(self, name: str) -> None:
        if name == "current":
            self._follow(self._desk.current)
        if name == "settings":
            self.use_keys(self._desk.settings.shortcuts)
        self._soon.start()

    def _follow(self, opened: OpenDocument | None) -> None:
        self._stop()
        if opened is None:
            self._stop = lambda: None
            return
        ends = [model.changed.connect(self._model_changed) for model in (opened, opened.edit)]

        def stop() -> None:
            for end in ends:
                end()

        self._stop = stop

    def _model_changed(self, name: str) -> None:
        self._soon.start()
