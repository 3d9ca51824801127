"""Asks for one line of text."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from editor.ui.dialogs.base import Dialog
from editor.ui.widgets.labels import secondary


class TextDialog(Dialog):
    """label: what is asked. suggested: what stands in the field. help: a sentence under it."""

    def __init__(self, title: str, label: str, suggested: str, help: str = "", parent: QWidget | None = None) -> None:
        super().__init__(title, "OK", parent)
        question = QLabel(label, self)
        self.field = QLineEdit(suggested, self)
        self.field.setAccessibleName(label)
        self.field.textChanged.connect(self._typed)
        question.setBuddy(self.field)
        self.body.addWidget(question)
        self.body.addWidget(self.field)
        if help:
            words = secondary(help, self)
            words.setWordWrap(True)
            self.body.addWidget(words)
        self.setMinimumWidth(420)
        self.field.selectAll()
        self.field.setFocus()
        self._typed(suggested)

    @property
    def text(self) -> str:
        return self.field.text().strip()

    def _typed(self, text: str) -> None:
        self.accept_button.setEnabled(bool(text.strip()))
