"""Asks for the size of a new document."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from editor.actions.ports import Page
from editor.ui.dialogs.base import Dialog

PRESETS: tuple[tuple[str, int, int, float], ...] = (
    ("Full HD, 1920 x 1080", 1920, 1080, 96),
    ("4K, 3840 x 2160", 3840, 2160, 96),
    ("Square, 2048 x 2048", 2048, 2048, 96),
    ("A4 at 300 dpi", 2480, 3508, 300),
    ("Letter at 300 dpi", 2550, 3300, 300),
)
FILLS: tuple[tuple[str, tuple[int, int, int, int] | None], ...] = (
    ("White", (255, 255, 255, 255)),
    ("Black", (0, 0, 0, 255)),
    ("Transparent", None),
)
LARGEST = 60000


class NewPageDialog(Dialog):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("New document", "Create", parent)
        self.preset, self.fill = QComboBox(self), QComboBox(self)
        self.width_box, self.height_box, self.dpi = _side(self), _side(self), QDoubleSpinBox(self)
        self.dpi.setRange(1, 9600)
        self.dpi.setDecimals(0)
        self.dpi.setSuffix(" dpi")
        for title, *size in PRESETS:
            self.preset.addItem(title, size)
        for title, colour in FILLS:
            self.fill.addItem(title, colour)
        self._lay_out()
        self.preset.currentIndexChanged.connect(self._take)
        self._take(0)

    @property
    def page(self) -> Page:
        return Page(
            self.width_box.value(), self.height_box.value(), self.dpi.value(), FILLS[self.fill.currentIndex()][1]
        )

    def _take(self, index: int) -> None:
        _, width, height, dpi = PRESETS[index]
        self.width_box.setValue(width)
        self.height_box.setValue(height)
        self.dpi.setValue(dpi)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        rows = (
            ("Preset", self.preset),
            ("Width", self.width_box),
            ("Height", self.height_box),
            ("Resolution", self.dpi),
            ("Background", self.fill),
        )
        for title, widget in rows:
            widget.setAccessibleName(title)
            form.addRow(title, widget)
        self.body.addLayout(form)


def _side(parent: QWidget) -> QSpinBox:
    box = QSpinBox(parent)
    box.setRange(1, LARGEST)
    box.setSuffix(" px")
    return box
