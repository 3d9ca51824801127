"""The layered file formats, one module each. To add one: a new file with a FORMAT, and its line in this listing."""

from __future__ import annotations

from pathlib import Path

from editor.core.formats import ora, psd
from editor.core.formats.layered_format import LayeredFormat

LAYERED: tuple[LayeredFormat, ...] = (ora.FORMAT, psd.FORMAT)


def layered_for(path: Path) -> LayeredFormat | None:
    """The layered format that a suffix stands for; None for any other suffix."""
    return next((format for format in LAYERED if path.suffix.lower() in format.suffixes), None)
