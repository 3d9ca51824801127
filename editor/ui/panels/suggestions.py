"""The list of suggestions over the instruction: part of its window, so that it never takes keys or clicks away."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QWidget

from editor.ui import theme
from editor.ui.widgets.rows import RowDelegate

EDGE = 1


class Suggestions(QListWidget):
    """field: where the suggestions are about. Shown over it, in the field's own window."""

    taken = Signal(str)

    def __init__(self, field: QWidget) -> None:
        super().__init__(field)
        self._field = field
        theme.set_role(self, "popover")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Suggestions")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setItemDelegate(RowDelegate(parent=self))
        self.itemClicked.connect(self._clicked)
        self.hide()

    def offer(self, words: tuple[str, ...]) -> None:
        """Show these; none of them is marked until a key marks one. Nothing hides the list."""
        self.clear()
        self.addItems(list(words))
        self.setCurrentRow(-1)
        if not words:
            self.hide()
            return
        window = self._field.window()
        if self.parent() is not window:
            self.setParent(window)
        height = len(words) * theme.CONTROL + 2 * EDGE + 4
        corner = self._field.mapTo(window, QPoint(0, 0))
        self.setGeometry(corner.x(), corner.y() - height - 4, self._field.width(), height)
        self.show()
        self.raise_()

    @property
    def marked(self) -> str:
        item = self.currentItem() if self.currentRow() >= 0 else None
        return item.text() if item is not None else ""

    def step(self, by: int) -> None:
        """Mark the next one; beyond either end none is marked, then the other end."""
        rows = self.count() + 1
        self.setCurrentRow((self.currentRow() + 1 + by) % rows - 1)

    def _clicked(self, item: QListWidgetItem) -> None:
        self.taken.emit(item.text())
