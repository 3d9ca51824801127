"""A slim bar above the instruction bar: one sentence, one or two buttons, or work in progress with a Cancel."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from editor.actions.desk import Desk, Task
from editor.edits.open_document import OpenDocument
from editor.edits.values import Message
from editor.ui import icons, theme
from editor.ui.widgets.icon_button import IconButton

SECONDS = {"info": 8, "warning": 20}
"""How long a sentence stays by itself; an error stays until it is closed."""
ICONS: dict[str, tuple[str, icons.Tone]] = {
    "info": ("info", "secondary"),
    "warning": ("triangle-alert", "warning"),
    "error": ("circle-alert", "error"),
}


class MessageBar(QWidget):
    """trigger: runs the action of an id."""

    def __init__(self, desk: Desk, trigger: Callable[..., object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._trigger = desk, trigger
        self._opened: OpenDocument | None = None
        self._task: Task | None = None
        self._disconnect: Callable[[], None] = lambda: None
        theme.set_role(self, "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._make()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        stop = desk.changed.connect(lambda name: self._refresh() if name in ("tasks", "message") else None)
        self.destroyed.connect(lambda: (stop(), self._disconnect()))
        self.show_document(None)

    def show_document(self, opened: OpenDocument | None) -> None:
        """Say what another tab has to say."""
        self._disconnect()
        self._opened = opened
        if opened is not None:
            self._disconnect = opened.edit.on("message", self._refresh)
        self._refresh()

    @property
    def message(self) -> Message | None:
        return self._opened.edit.message if self._opened is not None else self._desk.message

    def dismiss(self) -> None:
        """Take the sentence away."""
        if self._opened is not None:
            self._opened.edit.message = None
        else:
            self._desk.message = None

    def _make(self) -> None:
        self.icon, self.text = QLabel(self), QLabel(self)
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(160, 4)
        self.close_button = IconButton("x", "Close", parent=self)
        self.close_button.clicked.connect(self._closed)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(8)
        row.addWidget(self.icon)
        row.addWidget(self.text, 1)
        row.addWidget(self.progress)
        row.addLayout(self._buttons)
        row.addWidget(self.close_button)

    def _closed(self) -> None:
        if self._task is not None:
            self._desk.cancel(self._task)
        else:
            self.dismiss()

    def _refresh(self) -> None:
        self._task = self._desk.tasks[-1] if self._desk.tasks else None
        message = self.message
        self.setVisible(self._task is not None or message is not None)
        self.progress.setVisible(self._task is not None)
        if self._task is not None:
            self._show_task(self._task)
        elif message is not None:
            self._show_message(message)

    def _show_task(self, task: Task) -> None:
        self._show_buttons(())
        self._timer.stop()
        self._show_icon("info")
        self.text.setText(f"{task.title} ...")
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * task.fraction))
        self.close_button.setToolTip("Cancel")

    def _show_message(self, message: Message) -> None:
        self._show_icon(message.kind)
        self.text.setText(message.text)
        self._show_buttons(message.buttons)
        self.close_button.setToolTip("Close")
        seconds = SECONDS.get(message.kind)
        if seconds is None:
            self._timer.stop()
        else:
            self._timer.start(seconds * 1000)

    def _show_icon(self, kind: str) -> None:
        name, tone = ICONS[kind]
        self.icon.setPixmap(icons.pixmap(name, theme.ICON, self.devicePixelRatioF(), tone))

    def _show_buttons(self, buttons: tuple[tuple[str, str], ...]) -> None:
        while (item := self._buttons.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for title, action in buttons:
            button = QPushButton(title, self)
            button.clicked.connect(lambda _=False, action=action: self._pressed(action))
            self._buttons.addWidget(button)

    def _pressed(self, action: str) -> None:
        self.dismiss()
        self._trigger(action)
