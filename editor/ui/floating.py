"""A bar that lies over the foot of another widget, so that nothing moves when it appears."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect
from PySide6.QtWidgets import QWidget


class Floating(QObject):
    """Keeps `bar` over the lower edge of `over`, as wide as that and as high as it likes to be."""

    def __init__(self, bar: QWidget, over: QWidget) -> None:
        super().__init__(over)
        self._bar, self._over = bar, over
        bar.setParent(over)
        bar.installEventFilter(self)
        over.installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        resized = watched is self._over and event.type() == QEvent.Type.Resize
        if resized or (watched is self._bar and event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest)):
            self._place()
        return False

    def _place(self) -> None:
        width, wraps = self._over.width(), self._bar.hasHeightForWidth()
        high = self._bar.heightForWidth(width) if wraps else self._bar.sizeHint().height()
        self._bar.setGeometry(QRect(0, self._over.height() - high, width, high))
        self._bar.raise_()
