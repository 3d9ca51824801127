"""A button that shows a colour, on a checkerboard where it is transparent."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QColorDialog, QWidget

from editor.ui import theme
from editor.ui.widgets.checkerboard import checkerboard

Colour = tuple[int, int, int, int]


class ColourButton(QAbstractButton):
    """A click opens the chooser of colours."""

    colour_changed = Signal(object)

    def __init__(self, title: str, side: int = theme.CONTROL, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour: Colour = (0, 0, 0, 255)
        self._title = title
        self.setAccessibleName(title)
        self.setFixedSize(side, side)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clicked.connect(self.choose)
        self._describe()

    def colour(self) -> Colour:
        return self._colour

    def set_colour(self, colour: Colour) -> None:
        """colour: straight RGBA, 0..255."""
        if colour != self._colour:
            self._colour = colour
            self._describe()
            self.update()
            self.colour_changed.emit(colour)

    def choose(self) -> None:
        """Open the chooser; the colour follows while one is being chosen, and Cancel brings the old one back."""
        before = self._colour
        dialog = QColorDialog(QColor(*before), self)
        dialog.setOptions(
            QColorDialog.ColorDialogOption.DontUseNativeDialog | QColorDialog.ColorDialogOption.ShowAlphaChannel
        )
        dialog.setWindowTitle(self._title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.currentColorChanged.connect(self._chosen)
        dialog.rejected.connect(lambda: self.set_colour(before))
        dialog.open()

    def sizeHint(self) -> QSize:
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        look = theme.current()
        inside = self.rect().adjusted(2, 2, -2, -2)
        if self._colour[3] < 255:
            painter.fillRect(inside, checkerboard(4))
        painter.fillRect(inside, QColor(*self._colour))
        painter.setPen(look.colour("accent" if self.hasFocus() else "text" if self.underMouse() else "secondary"))
        painter.drawRect(inside.adjusted(-1, -1, 0, 0))

    def _chosen(self, colour: QColor) -> None:
        self.set_colour(_values(colour))

    def _describe(self) -> None:
        red, green, blue, alpha = self._colour
        part = "" if alpha == 255 else f", {alpha / 2.55:.0f} %"
        self.setToolTip(f"{self._title}: #{red:02x}{green:02x}{blue:02x}{part}")


def _values(colour: QColor) -> Colour:
    return colour.red(), colour.green(), colour.blue(), colour.alpha()
