"""What is shown while no document is open: a place to drop a picture, recent files, a sample, three things to try."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from editor.core.observe import Observed
from editor.ui import icons, theme
from editor.ui.widgets.labels import secondary

TRY = ("make it night", "make it black and white", "add fog")
WIDTH = 560
THUMBNAIL = 48
Trigger = Callable[..., object]


class StartPage(QWidget):
    """recent: files that were open before. picture: a small picture of one, None where there is none to be had.

    trigger: runs the action of an id; "start.try" opens the sample and writes the instruction into the bar.
    """

    def __init__(
        self,
        trigger: Trigger,
        recent: Callable[[], tuple[Path, ...]],
        picture: Callable[[Path], QPixmap | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._trigger, self._recent, self._picture = trigger, recent, picture
        self.setBackgroundRole(self.backgroundRole())
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.files = QListWidget(self)
        self._lay_out()
        self.refresh()

    def refresh(self) -> None:
        """Show the recent files as they are now."""
        self.files.clear()
        for path in self._recent():
            item = QListWidgetItem(path.name, self.files)
            item.setToolTip(str(path))
            item.setData(Qt.ItemDataRole.UserRole, path)
            picture = self._picture(path)
            item.setIcon(QIcon(picture) if picture is not None else icons.icon("image", "secondary"))
        self.recent_title.setVisible(self.files.count() > 0)
        self.files.setVisible(self.files.count() > 0)

    def follow(self, model: Observed, field: str) -> None:
        """Refresh whenever this field changes."""
        stop = model.on(field, self.refresh)
        self.destroyed.connect(stop)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.current().colour("surround"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().colour("edge"), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.drop.geometry().adjusted(1, 1, -1, -1), 8, 8)

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        column.setSpacing(16)
        column.addWidget(self._drop_area())
        column.addWidget(secondary("Or open the sample photo and try one of these", self))
        column.addLayout(self._tries())
        self.recent_title = secondary("Recent files", self)
        column.addWidget(self.recent_title)
        self.files.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self.files.setMaximumHeight(240)
        self.files.setAccessibleName("Recent files")
        theme.set_role(self.files, "start")
        self.files.itemActivated.connect(lambda item: self._trigger("file.open", item.data(Qt.ItemDataRole.UserRole)))
        self.files.itemClicked.connect(lambda item: self._trigger("file.open", item.data(Qt.ItemDataRole.UserRole)))
        column.addWidget(self.files)
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addLayout(column)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(1)

    def _drop_area(self) -> QWidget:
        self.drop = QWidget(self)
        self.drop.setFixedSize(WIDTH, 200)
        title = QLabel("Drop a picture here", self.drop)
        theme.set_role(title, "title")
        open_button = QPushButton(icons.icon("folder-open", "on_accent"), "Open a picture...", self.drop)
        theme.set_role(open_button, "main")
        open_button.clicked.connect(lambda: self._trigger("file.open"))
        inside = QVBoxLayout(self.drop)
        inside.setSpacing(16)
        inside.addStretch(1)
        for widget in (
            title,
            secondary("Then say what to change. Nothing leaves this machine.", self.drop),
            open_button,
        ):
            inside.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        inside.addStretch(1)
        return self.drop

    def _tries(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for instruction in TRY:
            button = QPushButton(icons.icon("sparkle", "secondary"), instruction, self)
            button.setToolTip(f'Open the sample photo with the instruction "{instruction}"')
            button.clicked.connect(lambda _=False, text=instruction: self._trigger("start.try", text))
            row.addWidget(button)
        row.addStretch(1)
        return row
