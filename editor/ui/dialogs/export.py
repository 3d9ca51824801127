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
    QWidget,
)

from editor.actions.ports import Export
from editor.core.document import Document
from editor.core.formats import FORMATS
from editor.core.formats.export_flat import ExportOptions
from editor.core.formats.format import Format
from editor.ui.dialogs.base import Dialog
from editor.ui.widgets.labels import secondary
from editor.ui.widgets.number_box import whole_box
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
        self._replace = Path()
        longer = max(document.width, document.height)
        self.format = QComboBox(self)
        for format in FORMATS:
            self.format.addItem(format.name, format)
        self.path = QLineEdit(str(suggested), self)
        self.browse = QPushButton("Browse...", self)
        self.quality = NumberSlider("Quality", 1, 100, help="Higher looks better and takes more room")
        self.quality.setValue(quality)
        self.lossless = QCheckBox("Lossless", self)
        self.side = whole_box(1, max(longer, LARGEST_SIDE), longer, "px", self)
        self.side.setToolTip("The shorter side follows")
        self.hint = secondary("", self)
        self.hint.setWordWrap(True)
        self.metadata = QComboBox(self)
        for title, value in METADATA:
            self.metadata.addItem(title, value)
        self.srgb = QCheckBox("Convert to sRGB", self)
        self.srgb.setVisible(document.icc is not None)
        self._lay_out()
        self._connect()
        self._path_changed(self.path.text())
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

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        place = QHBoxLayout()
        place.setSpacing(8)
        place.addWidget(self.path, 1)
        place.addWidget(self.browse)
        form.addRow("File", place)
        rows = (
            ("Format", self.format),
            ("Quality", self.quality),
            ("", self.lossless),
            ("Longer side", self.side),
            ("Metadata", self.metadata),
            ("", self.srgb),
        )
        for title, widget in rows:
            widget.setAccessibleName(title or cast(QCheckBox, widget).text())
            form.addRow(title, widget)
        self.path.setAccessibleName("File")
        self.hint.setMinimumHeight(2 * self.fontMetrics().lineSpacing())  # nothing jumps when it says something
        self.body.addLayout(form)
        self.body.addWidget(self.hint)

    def _connect(self) -> None:
        self.format.currentIndexChanged.connect(self._format_changed)
        self.browse.clicked.connect(self._browse)
        self.lossless.toggled.connect(self._format_changed)
        self.path.textChanged.connect(self._path_changed)

    def _format_changed(self) -> None:
        format = cast(Format, self.format.currentData())
        path = Path(self.path.text())
        if path.suffix.lower() not in format.suffixes:
            self.path.setText(str(path.with_suffix(format.suffixes[0])))
        self.lossless.setEnabled(format.name == "WebP")
        self.quality.setEnabled(format.name in LOSSY and not (self.lossless.isEnabled() and self.lossless.isChecked()))

    def _path_changed(self, text: str) -> None:
        path = Path(text).expanduser()
        suffix = path.suffix.lower()
        place = next((place for place, format in enumerate(FORMATS) if suffix in format.suffixes), None)
        if place is not None:
            self.format.setCurrentIndex(place)
        problem = (
            "" if place is not None else f"Give the name the ending of a format, such as {FORMATS[0].suffixes[0]}."
        )
        problem = problem or ("" if path.parent.is_dir() else "Its folder does not exist; choose another.")
        self.accept_button.setEnabled(not problem)
        replaces = not problem and path.exists() and path != self._replace
        self.accept_button.setText("Replace" if replaces else "Export")
        self.hint.setText(problem or ("A file of this name exists; it will be replaced." if replaces else ""))

    def _browse(self) -> None:
        """The system's dialog asks before it gives the name of a file that exists."""
        name, _ = QFileDialog.getSaveFileName(self, "Export to", self.path.text())
        if name:
            self._replace = Path(name)
            self.path.setText(name)
