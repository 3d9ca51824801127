"""Labels: secondary text, sentences in place of an empty panel, thin lines, and text that is cut in the middle."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from editor.ui import theme


def secondary(text: str, parent: QWidget | None = None) -> QLabel:
    """Text in the quieter colour."""
    label = QLabel(text, parent)
    theme.set_role(label, "secondary")
    return label


def empty_state(text: str, parent: QWidget | None = None) -> QLabel:
    """A sentence in the middle of a panel that has nothing to show."""
    label = secondary(text, parent)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setContentsMargins(16, 16, 16, 16)
    return label


def line(upright: bool = False, parent: QWidget | None = None) -> QFrame:
    """A thin line between parts."""
    frame = QFrame(parent)
    theme.set_role(frame, "line")
    if upright:
        frame.setFixedSize(1, theme.CONTROL - theme.GRID)
    else:
        frame.setFixedHeight(1)
    return frame


class ElidedLabel(QLabel):
    """One line that ends in "..." where there is no room; the tooltip has it all."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        self.setToolTip(self.text() if text != self.text() else "")
        painter = QPainter(self)
        self.style().drawItemText(
            painter, self.rect(), self.alignment().value, self.palette(), self.isEnabled(), text, self.foregroundRole()
        )
