"""Asks for the size of a new document."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from editor.actions.ports import Page
from editor.ui.dialogs.base import Dialog
from editor.ui.widgets.number_box import number_box, whole_box

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
CUSTOM = len(PRESETS)


class NewPageDialog(Dialog):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("New document", "Create", parent)
        self.preset, self.fill = QComboBox(self), QComboBox(self)
        self.width_box = whole_box(1, LARGEST, unit="px", parent=self)
        self.height_box = whole_box(1, LARGEST, unit="px", parent=self)
        self.dpi = number_box(1, 9600, unit="dpi", decimals=0, parent=self)
        self.preset.addItems([*(title for title, *_ in PRESETS), "Custom"])
        self.fill.addItems([title for title, _ in FILLS])
        self._lay_out()
        self.preset.currentIndexChanged.connect(self._take)
        self._take(0)
        for box in (self.width_box, self.height_box, self.dpi):
            box.valueChanged.connect(self._typed)

    @property
    def page(self) -> Page:
        return Page(
            self.width_box.value(), self.height_box.value(), self.dpi.value(), FILLS[self.fill.currentIndex()][1]
        )

    def _take(self, index: int) -> None:
        if index == CUSTOM:
            return
        _, width, height, dpi = PRESETS[index]
        for box, value in ((self.width_box, width), (self.height_box, height), (self.dpi, round(dpi))):
            with QSignalBlocker(box):
                box.setValue(value)

    def _typed(self) -> None:
        self.preset.setCurrentIndex(CUSTOM)

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
