"""What is shown while no document is open: a place to drop a picture, recent files, a sample, three things to try."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QIcon, QKeyEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from editor.core.observe import Observed
from editor.ui import icons, theme
from editor.ui.widgets.labels import secondary
from editor.ui.widgets.rows import DETAIL, RowDelegate

TRY = ("make it night", "make it black and white", "add fog")
WIDTH = 560
THUMBNAIL = 48
ROW = THUMBNAIL + theme.GRID
ROWS = 4
DROP = (120, 200)
"""The least and the greatest height of the place to drop a picture."""
Trigger = Callable[..., object]


class StartPage(QWidget):
    """recent: files that were open before. picture: a small picture of one, None where there is none to be had.

    trigger: runs the action of an id; "start.try" opens the sample and writes the instruction into the bar. hints:
    whether the things to try are shown.
    """

    def __init__(
        self,
        trigger: Trigger,
        recent: Callable[[], tuple[Path, ...]],
        picture: Callable[[Path], QPixmap | None],
        parent: QWidget | None = None,
        hints: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(parent)
        self._trigger, self._recent, self._picture, self._hints = trigger, recent, picture, hints
        self.files = QListWidget(self)
        self._lay_out()
        self.refresh()

    def refresh(self) -> None:
        """Show the recent files as they are now."""
        self.hints.setVisible(self._hints())
        self.files.clear()
        for path in self._recent():
            item = QListWidgetItem(path.name, self.files)
            item.setToolTip(str(path))
            item.setData(Qt.ItemDataRole.UserRole, path)
            item.setData(DETAIL, str(path.parent))
            item.setIcon(_icon(self._picture(path)))
        shown = min(ROWS, self.files.count())
        self.recent_title.setVisible(shown > 0)
        self.files.setVisible(shown > 0)
        self.files.setMaximumHeight(shown * ROW)

    def follow(self, model: Observed, field: str) -> None:
        """Refresh whenever this field changes."""
        stop = model.on(field, self.refresh)
        self.destroyed.connect(stop)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: the signs of files without a picture are drawn again in its colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.files.count():
            self.refresh()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.current().colour("surround"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().colour("edge"), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.drop.geometry().adjusted(1, 1, -1, -1), 8, 8)

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        column.setSpacing(16)
        column.addStretch(1)
        column.addWidget(self._drop_area(), 4)
        column.addWidget(self._tries())
        self.recent_title = secondary("Recent files", self)
        column.addWidget(self.recent_title)
        self._set_up_files()
        column.addWidget(self.files, 4)
        column.addStretch(1)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.addStretch(1)
        outer.addLayout(column)
        outer.addStretch(1)

    def _set_up_files(self) -> None:
        self.files.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self.files.setItemDelegate(RowDelegate(ROW, THUMBNAIL, self.files))
        self.files.setMouseTracking(True)
        self.files.setMinimumHeight(ROW)
        self.files.setFixedWidth(WIDTH)
        self.files.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.files.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.files.setAccessibleName("Recent files")
        self.files.installEventFilter(self)
        self.files.itemClicked.connect(self._open)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Return opens the file in the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and watched is self.files:
            item = self.files.currentItem()
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.files.currentRow() >= 0:
                self._open(item)
                return True
        return super().eventFilter(watched, event)

    def _open(self, item: QListWidgetItem) -> None:
        self._trigger("file.open", item.data(Qt.ItemDataRole.UserRole))

    def _drop_area(self) -> QWidget:
        self.drop = QWidget(self)
        self.drop.setFixedWidth(WIDTH)
        self.drop.setMinimumHeight(DROP[0])
        self.drop.setMaximumHeight(DROP[1])
        title = QLabel("Drop a picture here", self.drop)
        theme.set_role(title, "title")
        open_button = QPushButton(icons.icon("folder-open", "on_accent"), " Open a picture...", self.drop)
        theme.set_role(open_button, "main")
        open_button.clicked.connect(lambda: self._trigger("file.open"))
        inside = QVBoxLayout(self.drop)
        inside.setSpacing(8)
        inside.addStretch(1)
        for widget in (
            title,
            secondary("Then say what to change. Nothing leaves this machine.", self.drop),
            open_button,
        ):
            inside.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        inside.addStretch(1)
        return self.drop

    def _tries(self) -> QWidget:
        self.hints = QWidget(self)
        column = QVBoxLayout(self.hints)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(secondary("Or open the sample photo and try one of these", self.hints))
        row = QHBoxLayout()
        column.addLayout(row)
        row.setSpacing(8)
        for instruction in TRY:
            button = QPushButton(icons.icon("sparkle", "secondary"), f" {instruction}", self)
            button.setAccessibleName(instruction)
            button.setToolTip(f'Open the sample photo with the instruction "{instruction}"')
            button.clicked.connect(lambda _=False, text=instruction: self._trigger("start.try", text))
            row.addWidget(button)
        row.addStretch(1)
        return self.hints


def _icon(picture: QPixmap | None) -> QIcon:
    """The picture in the middle of a square; where there is none, the sign for one, small in the same square."""
    square = QPixmap(2 * THUMBNAIL, 2 * THUMBNAIL)
    square.fill(Qt.GlobalColor.transparent)
    small = icons.pixmap("image", theme.ICON, 2.0, "secondary")
    small.setDevicePixelRatio(1.0)
    shown = small
    if picture is not None:
        shown = picture.scaled(
            square.size(), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        shown.setDevicePixelRatio(1.0)
    painter = QPainter(square)
    painter.drawPixmap((square.width() - shown.width()) // 2, (square.height() - shown.height()) // 2, shown)
    painter.end()
    return QIcon(square)
