"""Asks how a picture is to be exported."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from editor.actions.ports import Export
from editor.core.document import Document
from editor.core.formats import FORMATS
from editor.core.formats.export_flat import ExportOptions
from editor.core.formats.format import Format
from editor.ui.dialogs.base import Dialog
from editor.ui.widgets.number_slider import NumberSlider

Metadata = Literal["all", "copyright", "none"]
METADATA: tuple[tuple[str, Metadata], ...] = (
    ("All", "all"),
    ("Author and copyright only", "copyright"),
    ("None", "none"),
)
LOSSY = ("JPEG", "WebP", "AVIF")
LARGEST_SIDE = 65_535


class ExportDialog(Dialog):
    """`result_export` has the choice after `accept`."""

    def __init__(self, document: Document, suggested: Path, quality: int, parent: QWidget | None = None) -> None:
        super().__init__("Export picture", "Export", parent)
        self._document = document
        self.format = QComboBox(self)
        for format in FORMATS:
            self.format.addItem(format.name, format)
        self.path = QLineEdit(str(suggested), self)
        self.browse = QPushButton("Browse...", self)
        self.quality = NumberSlider("Quality", 1, 100, help="Higher looks better and takes more room")
        self.quality.setValue(quality)
        self.lossless = QCheckBox("Lossless", self)
        self.side = QSpinBox(self)
        self.metadata = QComboBox(self)
        for title, value in METADATA:
            self.metadata.addItem(title, value)
        self.srgb = QCheckBox("Convert to sRGB", self)
        self.srgb.setVisible(document.icc is not None)
        self._set_up_side()
        self._lay_out()
        self._connect()
        self._format_changed()
        self.setMinimumWidth(480)

    @property
    def result_export(self) -> Export:
        longer = max(self._document.width, self._document.height)
        options = ExportOptions(
            quality=round(self.quality.value()),
            lossless=self.lossless.isChecked() and self.lossless.isEnabled(),
            long_side=None if self.side.value() == longer else self.side.value(),
            metadata=cast(Metadata, self.metadata.currentData()),
            to_srgb=self.srgb.isChecked(),
        )
        return Export(Path(self.path.text()).expanduser(), options)

    def _set_up_side(self) -> None:
        longer = max(self._document.width, self._document.height)
        self.side.setRange(1, max(longer, LARGEST_SIDE))
        self.side.setValue(longer)
        self.side.setSuffix(" px")
        self.side.setToolTip("The shorter side follows")

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        place = QHBoxLayout()
        place.addWidget(self.path, 1)
        place.addWidget(self.browse)
        form.addRow("File", place)
        form.addRow("Format", self.format)
        form.addRow("Quality", self.quality)
        form.addRow("", self.lossless)
        form.addRow("Longer side", self.side)
        form.addRow("Metadata", self.metadata)
        form.addRow("", self.srgb)
        self.body.addLayout(form)

    def _connect(self) -> None:
        self.format.currentIndexChanged.connect(self._format_changed)
        self.browse.clicked.connect(self._browse)
        self.lossless.toggled.connect(lambda on: self.quality.setEnabled(not on))
        self.path.textChanged.connect(self._path_changed)

    def _format_changed(self) -> None:
        format = cast(Format, self.format.currentData())
        path = Path(self.path.text())
        if path.suffix.lower() not in format.suffixes:
            self.path.setText(str(path.with_suffix(format.suffixes[0])))
        self.lossless.setEnabled(format.name == "WebP")
        self.quality.setEnabled(format.name in LOSSY and not (self.lossless.isEnabled() and self.lossless.isChecked()))

    def _path_changed(self, text: str) -> None:
        suffix = Path(text).suffix.lower()
        place = next((place for place, format in enumerate(FORMATS) if suffix in format.suffixes), None)
        self.accept_button.setEnabled(place is not None)
        if place is not None:
            self.format.setCurrentIndex(place)

    def _browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export to", self.path.text())
        if name:
            self.path.setText(name)
