"""The line in which the user says what to change: it grows to three lines, completes, and remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, QMimeData, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent, QResizeEvent, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from editor.ui import theme
from editor.ui.panels.suggestions import Suggestions

LINES = 3
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
Suggest = Callable[[str], tuple[str, ...]]


class InstructionField(QPlainTextEdit):
    """suggest: what may be meant by a text. own: the user's own instructions, the newest first.

    Up and Down walk through the own instructions, from the first and the last line; while suggestions are open, through
    these. Return submits, as Ctrl+Return does.
    """

    submitted = Signal()

    def __init__(self, suggest: Suggest, own: Callable[[], tuple[str, ...]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._suggest, self._own = suggest, own
        self._walked = -1
        self._draft = ""
        self.suggestions = Suggestions(self)
        self.suggestions.taken.connect(self._take)
        self.setAccessibleName("Instruction")
        self.setPlaceholderText("Say what to change: make it snow")
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)  # files dropped on it are opened by the window
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.textChanged.connect(self._fit)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Whatever writes a letter is no shortcut here, nor is Escape while it closes the suggestions."""
        if event.type() == QEvent.Type.ShortcutOverride and self._is_own(cast(QKeyEvent, event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, open = event.key(), self.suggestions.isVisible()
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(key), 0)
        if open and key == Qt.Key.Key_Escape:
            self.suggestions.hide()
        elif open and step:
            self.suggestions.step(step)
        elif open and key == Qt.Key.Key_Tab:
            self._take(self.suggestions.marked or self.suggestions.item(0).text())
        elif key in ENTER:
            self._enter(bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        elif step and self._at_end(step):
            self._walk(-step)
        else:
            self._typed(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.suggestions.hide()

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab takes a suggestion while they are open."""
        return False if self.suggestions.isVisible() else super().focusNextPrevChild(next)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.suggestions.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.suggestions.hide()
        self._fit()

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Text that is pasted becomes one line."""
        self.textCursor().insertText(" ".join(source.text().split()))

    def replace(self, text: str) -> None:
        """Another text, which Ctrl+Z takes back; the cursor goes to its end."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.setTextCursor(cursor)

    def setPlainText(self, text: str) -> None:
        """A text that comes from elsewhere; one goes on at its end."""
        super().setPlainText(text)
        self.moveCursor(QTextCursor.MoveOperation.End)

    def close_suggestions(self) -> None:
        """An edit began, however it was asked for."""
        self.suggestions.hide()

    def _is_own(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape:
            return self.suggestions.isVisible()
        held = event.modifiers()
        control, alt = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
        command = bool(held & control) != bool(held & alt)  # both together are how some systems say AltGr
        return event.text().isprintable() and bool(event.text()) and not command

    def _enter(self, control: bool) -> None:
        marked = self.suggestions.marked if self.suggestions.isVisible() and not control else ""
        self.suggestions.hide()
        if marked:
            self._take(marked)
        else:
            self.submitted.emit()

    def _typed(self, event: QKeyEvent) -> None:
        before = self.toPlainText()
        super().keyPressEvent(event)
        text = self.toPlainText()
        if text != before:
            self._walked = -1
            self.suggestions.offer(self._suggest(text) if text.strip() else ())

    def _take(self, text: str) -> None:
        self.suggestions.hide()
        self.replace(text)
        self.setFocus()

    def _at_end(self, step: int) -> bool:
        """The cursor is in the first line, going up, or in the last one, going down."""
        cursor = QTextCursor(self.textCursor())
        up = QTextCursor.MoveOperation.Up
        return not cursor.movePosition(up if step < 0 else QTextCursor.MoveOperation.Down)

    def _walk(self, by: int) -> None:
        own = self._own()
        if self._walked < 0:
            self._draft = self.toPlainText()
        walked = max(-1, min(len(own) - 1, self._walked + by))
        if walked != self._walked:
            self._walked = walked
            self.replace(own[walked] if walked >= 0 else self._draft)

    def _fit(self) -> None:
        """As high as its text, up to three lines."""
        lines = max(1, min(LINES, round(self.document().size().height())))
        height = max(theme.CONTROL, lines * self.fontMetrics().lineSpacing() + 12)
        if height != self.height():
            self.setFixedHeight(height)
