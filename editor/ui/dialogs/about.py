"""What this program is, and whose work it stands on."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from PySide6.QtWidgets import QLabel, QPlainTextEdit, QWidget

import resources
from editor.ui import theme
from editor.ui.dialogs.base import Notice
from editor.ui.widgets.labels import secondary

STANDS_ON = (
    "PySide6_Essentials",
    "skia-python",
    "numpy",
    "opencv-python-headless",
    "Pillow",
    "psd-tools",
    "tokenizers",
    "zstandard",
    "typer",
    "rich",
    "platformdirs",
)


class AboutDialog(Notice):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("About Palimpsest", parent)
        title = QLabel(f"Palimpsest {version('palimpsest')}".strip(), self)
        theme.set_role(title, "title")
        text = "An offline, layered image editor in which you say what to change. Nothing leaves this machine."
        self.body.addWidget(title)
        says = secondary(text, self)
        says.setWordWrap(True)
        self.body.addWidget(says)
        licences = QPlainTextEdit(licence_text(), self)
        licences.setReadOnly(True)
        licences.setAccessibleName("Licences")
        self.body.addWidget(licences, 1)
        self.resize(560, 420)


def version(distribution: str) -> str:
    """The installed version; "" where it is not installed as a distribution."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def licence_text() -> str:
    """Our licence, the icons' and what each library says of its own."""
    lines = ["Palimpsest and its bundled model: MIT licence.", "", "It stands on:"]
    lines += [f"  {name} {version(name)}: {_licence(name)}" for name in STANDS_ON]
    lines += ["", "Method: InstructPix2Pix, by T. Brooks, A. Holynski and A. A. Efros (CVPR 2023).", ""]
    lines += ["Sample photo: coffee cup by Rachel Michetti, CC0.", "", "Icons: Lucide.", "", _icon_licence()]
    return "\n".join(lines)


def _licence(distribution: str) -> str:
    try:
        facts = metadata.metadata(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
    stated = next((str(facts[key]) for key in ("License-Expression", "License") if key in facts), "")
    classified = [line.split("::")[-1].strip() for line in facts.get_all("Classifier") or [] if "License ::" in line]
    return stated.splitlines()[0] if stated and len(stated) < 80 else ", ".join(classified) or "see its files"


def _icon_licence() -> str:
    path = Path(resources.__file__).resolve().parent / "icons" / "LICENSE"
    return path.read_text(encoding="utf-8")
