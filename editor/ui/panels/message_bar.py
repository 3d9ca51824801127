"""A slim bar above the instruction bar: one sentence, one or two buttons, or work in progress with a Cancel."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from editor.actions.desk import Desk, Task
from editor.edits.open_document import OpenDocument
from editor.edits.values import Message
from editor.ui import icons, theme
from editor.ui.widgets.icon_button import IconButton

TASK_DELAY_MS = 150
"""Work that takes less is not worth a bar that comes and goes."""
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
        self._said: Message | None = None
        self._shown_buttons: list[QPushButton] = []
        self._disconnect: Callable[[], None] = lambda: None
        theme.set_role(self, "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._make()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self._task_timer = QTimer(self)
        self._task_timer.setSingleShot(True)
        self._task_timer.timeout.connect(self._task_lasts)
        stop = desk.changed.connect(self._desk_changed)
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
        self.icon.setFixedSize(theme.ICON, theme.ICON)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(160, 4)
        self.cancel_button = QPushButton("Cancel", self)
        self.cancel_button.clicked.connect(self._cancelled)
        self.close_button = IconButton("x", "Close", parent=self)
        self.close_button.clicked.connect(self.dismiss)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(8)
        row.addWidget(self.icon)
        row.addWidget(self.text, 1)
        row.addWidget(self.progress)
        row.addLayout(self._buttons)
        row.addWidget(self.cancel_button)
        row.addWidget(self.close_button)

    def _cancelled(self) -> None:
        if self._task is not None:
            self._desk.cancel(self._task)

    def _desk_changed(self, name: str) -> None:
        if name == "message":
            self._refresh()
        elif name == "tasks":
            self._tasks_changed(self._desk.tasks[-1] if self._desk.tasks else None)

    def _tasks_changed(self, task: Task | None) -> None:
        if task is None:
            self._task_timer.stop()
            self._task = None
            self._refresh()
        elif self._task is not None:
            self._show_task(task)
        elif not self._task_timer.isActive():
            self._task_timer.start(TASK_DELAY_MS)

    def _task_lasts(self) -> None:
        if self._desk.tasks:
            self._show_task(self._desk.tasks[-1])
            self._show_parts()

    def _refresh(self) -> None:
        message = self.message
        if message is not self._said:
            self._said = message
            self._show_buttons(message.buttons if message is not None else ())
        if self._task is None:
            self._timer.stop()
            if message is not None:
                self._show_message(message)
        self._show_parts()

    def _show_parts(self) -> None:
        """Work in progress goes before what is said; that comes back afterwards."""
        busy, message = self._task is not None, self.message
        self.setVisible(busy or message is not None)
        for widget in (self.progress, self.cancel_button):
            widget.setVisible(busy)
        for button in self._shown_buttons:
            button.setVisible(not busy)
        self.close_button.setVisible(not busy)

    def _show_task(self, task: Task) -> None:
        self.progress.setValue(round(1000 * task.fraction))
        if task is not self._task:
            self._task = task
            self._timer.stop()
            self._show_icon("info")
            self.text.setText(f"{task.title} ...")

    def _show_message(self, message: Message) -> None:
        self._show_icon(message.kind)
        self.text.setText(message.text)
        seconds = SECONDS.get(message.kind)
        if seconds is not None:
            self._timer.start(seconds * 1000)

    def _show_icon(self, kind: str) -> None:
        name, tone = ICONS[kind]
        self.icon.setPixmap(icons.pixmap(name, theme.ICON, self.devicePixelRatioF(), tone))

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: the icon is drawn again in its colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.message is not None:
            self._show_icon(self.message.kind if self._task is None else "info")

    def _show_buttons(self, buttons: tuple[tuple[str, str], ...]) -> None:
        for button in self._shown_buttons:
            self._buttons.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._shown_buttons = []
        for title, action in buttons:
            button = QPushButton(title, self)
            button.clicked.connect(lambda _=False, action=action: self._pressed(action))
            self._buttons.addWidget(button)
            self._shown_buttons.append(button)

    def _pressed(self, action: str) -> None:
        self.dismiss()
        self._trigger(action)
