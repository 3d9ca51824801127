"""Layered files, which this version neither reads nor writes: said in words before anything else is tried."""

from __future__ import annotations

from pathlib import Path

from editor.core.errors import UsageError
from editor.core.formats import FORMATS

_LAYERED = (".ora", ".psd", ".psb", ".kra", ".xcf")


def refuse_layered(*files: Path) -> None:
    """Raises `UsageError`, naming what is supported, for a file whose suffix is that of a layered format."""
    for file in files:
        if file.suffix.lower() in _LAYERED:
            known = ", ".join(format.name for format in FORMATS)
            raise UsageError(f"{file} is a layered file and this version knows flat pictures only: use one of {known}.")
