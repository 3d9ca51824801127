"""What is known of one model: its room, its licence, how it compares with the original, and how it likes to be used."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from editor.jobs.importing import gigabytes
from editor.jobs.shelf import ModelEntry, Shelf
from editor.jobs.stages import PARTS
from editor.ui import theme
from editor.ui.widgets.labels import secondary

KNOWN = 8
"""How many instructions are shown."""
PRECISIONS = {"fp16": "16-bit weights", "fp32": "32-bit weights"}


class ModelDetails(QWidget):
    """use, remove: the name of the model that is meant."""

    use = Signal(str)
    remove = Signal(str)

    def __init__(self, shelf: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shelf = shelf
        self._entry: ModelEntry | None = None
        self.title = QLabel(self)
        theme.set_role(self.title, "title")
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts = QWidget(self)
        self.area = QScrollArea(self)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.says = QLabel(self)
        self.says.setWordWrap(True)
        self.says.setMinimumHeight(2 * self.fontMetrics().lineSpacing())  # nothing jumps when it says something
        self.says.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Verifying")
        self.use_button = QPushButton("Use", self)
        self.verify_button = QPushButton("Verify", self)
        self.verify_button.setToolTip("Compare every file with its recorded hash")
        self.remove_button = QPushButton("Remove...", self)
        self._lay_out()
        self._connect()
        self.show_entry(None, False)

    @property
    def entry(self) -> ModelEntry | None:
        return self._entry

    @property
    def _name(self) -> str:
        return self._entry.name if self._entry is not None else ""

    def show_entry(self, entry: ModelEntry | None, in_use: bool) -> None:
        """None where no model is chosen."""
        self._entry = entry
        self.title.setText(entry.name if entry is not None else "")
        self._fill(_rows(entry) if entry is not None else [])
        usable = entry is not None and not entry.problem
        self.use_button.setEnabled(usable and not in_use)
        self.use_button.setText("In use" if in_use else "Use")
        self.verify_button.setEnabled(usable)
        self.remove_button.setEnabled(entry is not None and not entry.bundled)
        self.remove_button.setToolTip("It came with the program" if entry is not None and entry.bundled else "")
        self.refresh()

    def refresh(self) -> None:
        """What is going on with this model."""
        shelf, name = self._shelf, self._name
        verifying = bool(name) and shelf.verifying == name
        about = bool(name) and shelf.about == name and not verifying
        self.bar.setVisible(verifying)
        self.bar.setValue(round(shelf.fraction * 1000))
        self.verify_button.setText("Stop" if verifying else "Verify")
        text = "Comparing every file with its recorded hash..." if verifying else shelf.message if about else ""
        theme.set_role(self.says, "error" if about and shelf.failed else "secondary")
        self.says.setText(text)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.use_button, self.verify_button, self.remove_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.area, 1)
        column.addWidget(self.says)
        held = QWidget(self)  # keeps the bar's place while it is not there
        held.setFixedHeight(4)
        inside = QVBoxLayout(held)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.bar)
        column.addWidget(held)
        column.addLayout(buttons)

    def _connect(self) -> None:
        self.use_button.clicked.connect(lambda: self.use.emit(self._name))
        self.remove_button.clicked.connect(lambda: self.remove.emit(self._name))
        self.verify_button.clicked.connect(self._verify)

    def _verify(self) -> None:
        if self._shelf.verifying:
            self._shelf.stop()
        elif self._entry is not None:
            self._shelf.verify(self._entry.name)

    def _fill(self, rows: list[tuple[str, str, str]]) -> None:
        facts = QWidget(self)
        grid = QGridLayout(facts)  # and no form: that one sets labels beside several lines too low
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(rows), 1)
        for row, (title, text, role) in enumerate(rows):
            value = QLabel(text, facts)
            value.setWordWrap(True)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if role:
                theme.set_role(value, role)
            grid.addWidget(secondary(title, facts), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)
        self.area.setWidget(facts)


def _rows(entry: ModelEntry) -> list[tuple[str, str, str]]:
    """(title, text, role of the text)"""
    rows = [("Problem", entry.problem, "error")] if entry.problem else []
    rows += [
        ("Size", _size(entry), ""),
        ("Licence", entry.licence if entry.licence not in ("", "unknown") else "not stated", ""),
    ]
    if entry.precision:
        rows.append(("Stored as", PRECISIONS.get(entry.precision, entry.precision), ""))
    origin = "it came with the program" if entry.bundled else entry.source
    if origin:
        rows.append(("Made from" if not entry.bundled else "Origin", origin, ""))
    if entry.report is not None:
        rows.append(("Compared", _compared(entry), ""))
        rows += [("Note", note, "") for note in entry.report.notes]
    if entry.dials is not None:
        dials = entry.dials
        rows.append(
            (
                "Works well at",
                f"{dials.steps} steps, follow {dials.text_scale:g}, keep {dials.image_scale:g}, "
                f"{dials.sampler.replace('_', ' ')}, {dials.size} px",
                "",
            )
        )
    if entry.instructions:
        more = [f"and {len(entry.instructions) - KNOWN} more"] if len(entry.instructions) > KNOWN else []
        rows.append(("It knows", "\n".join([*entry.instructions[:KNOWN], *more]), ""))
    rows.append(("Folder", _breakable(str(entry.folder)), ""))
    return rows


def _size(entry: ModelEntry) -> str:
    shared = f", {gigabytes(entry.usage.shared)} of it shared with other models" if entry.usage.shared else ""
    return gigabytes(entry.usage.bytes) + shared


def _compared(entry: ModelEntry) -> str:
    if entry.report is None or not entry.report.parity:
        return "not compared with the original"
    lines = [f"{percent(part.relative)} in {PARTS.get(part.component, part.component)}" for part in entry.report.parity]
    return "largest differences from the original:\n" + "\n".join(lines)


def percent(share: float) -> str:
    """ "0.0029 %"."""
    return f"{share * 100:.2g} %"


def _breakable(path: str) -> str:
    """A long path may go on in the next line behind each separator."""
    return path.replace("/", "/\N{ZERO WIDTH SPACE}").replace("\\", "\\\N{ZERO WIDTH SPACE}")
