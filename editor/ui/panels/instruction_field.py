"""The line in which the user says what to change: it grows to three lines, completes, and remembers."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent, QTextCursor
from PySide6.QtWidgets import QCompleter, QPlainTextEdit, QWidget

from editor.ui import theme

LINES = 3
Suggest = Callable[[str], tuple[str, ...]]


class InstructionField(QPlainTextEdit):
    """suggest: what may be meant by a text. own: the user's own instructions, the newest first.

    Up and Down walk through the own instructions; while suggestions are open, through these.
    """

    submitted = Signal()

    def __init__(self, suggest: Suggest, own: Callable[[], tuple[str, ...]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._suggest, self._own = suggest, own
        self._walked = -1
        self._draft = ""
        self._words = QStringListModel(self)
        self._completer = QCompleter(self._words, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setWidget(self)
        self._completer.activated.connect(self._take)
        self.setAccessibleName("Instruction")
        self.setPlaceholderText("Say what to change: make it snow")
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.textChanged.connect(self._fit)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, control = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        popup = self._completer.popup()
        if popup.isVisible() and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab) and not control:
            chosen = popup.currentIndex()
            popup.hide()
            if chosen.isValid():
                self._take(str(chosen.data()))
                return
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):  # one line: Return does what Ctrl+Return does
            popup.hide()
            self.submitted.emit()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and not popup.isVisible():
            self._walk(1 if key == Qt.Key.Key_Up else -1)
        else:
            self._typed(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._completer.popup().hide()

    def replace(self, text: str) -> None:
        """Another text, which Ctrl+Z takes back; the cursor goes to its end."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.setTextCursor(cursor)

    def close_suggestions(self) -> None:
        """An edit began, however it was asked for."""
        self._completer.popup().hide()

    def _typed(self, event: QKeyEvent) -> None:
        before = self.toPlainText()
        super().keyPressEvent(event)
        if self.toPlainText() != before:
            self._walked = -1
            self._offer()

    def _offer(self) -> None:
        words = self._suggest(self.toPlainText()) if self.toPlainText().strip() else ()
        self._words.setStringList(list(words))
        if words:
            self._completer.complete()
        else:
            self._completer.popup().hide()

    def _take(self, text: str) -> None:
        self.replace(text)

    def _walk(self, by: int) -> None:
        own = self._own()
        if self._walked < 0:
            self._draft = self.toPlainText()
        self._walked = max(-1, min(len(own) - 1, self._walked + by))
        self.replace(own[self._walked] if self._walked >= 0 else self._draft)

    def _fit(self) -> None:
        """As high as its text, up to three lines."""
        lines = max(1, min(LINES, round(self.document().size().height())))
        line = self.fontMetrics().lineSpacing()
        self.setFixedHeight(max(theme.CONTROL, lines * line + 12))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
