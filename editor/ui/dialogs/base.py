"""What all dialogs share: a title, a body with a margin, buttons at the foot."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from editor.ui import theme


class Dialog(QDialog):
    """body: where its widgets go. Enter presses `accept_title`, Escape closes."""

    def __init__(self, title: str, accept_title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.GRID)
        self.buttons = QDialogButtonBox(self)
        self.buttons.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        self.accept_button = self.buttons.addButton(accept_title, QDialogButtonBox.ButtonRole.AcceptRole)
        theme.set_role(self.accept_button, "main")
        self.accept_button.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addLayout(self.body, 1)
        column.addWidget(self.buttons)
        self.setMinimumWidth(320)


class Notice(QDialog):
    """Something to read, with a Close button only."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.GRID)
        self.buttons = QDialogButtonBox(self)
        self.buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addLayout(self.body, 1)
        column.addWidget(self.buttons)
