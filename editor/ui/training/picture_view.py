"""One large picture: as wide as there is room for, or pixel by pixel."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QScrollArea, QWidget

from editor.ui.training.pictures import Pictures


class PictureView(QScrollArea):
    """A click, or Space, changes between the two sizes."""

    def __init__(self, pictures: Pictures, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures = pictures
        self._path: Path | None = None
        self.canvas = _Canvas()
        self.setWidget(self.canvas)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setAccessibleName(title)
        self.setToolTip("Click, or press Space: full size or as wide as the window")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.full = False
        end = pictures.ready.connect(self._came)
        self.destroyed.connect(lambda: end())

    def show_path(self, path: Path | None) -> None:
        """None for no picture."""
        self._path = path
        self._fetch()

    def toggle(self) -> None:
        self.full = not self.full
        self._size()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.toggle()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.toggle()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._size()

    def _came(self, path: Path) -> None:
        if path == self._path:
            self._fetch()

    def _fetch(self) -> None:
        self.canvas.picture = self._pictures.get(self._path, 0) if self._path is not None else None
        self._size()

    def _size(self) -> None:
        picture = self.canvas.picture
        if picture is None:
            self.canvas.resize(0, 0)
            return
        size = picture.size()
        wide = self.viewport().width()
        if not self.full and size.width() > wide > 0:
            size = QSize(wide, round(size.height() * wide / size.width()))
        self.canvas.resize(size)
        self.canvas.update()


class _Canvas(QWidget):
    """The picture, as large as the widget."""

    def __init__(self) -> None:
        super().__init__()
        self.picture: QPixmap | None = None

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.picture is not None:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(self.rect(), self.picture)
