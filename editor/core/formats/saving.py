"""Saving and exporting: the project file, other layered files, and flat pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from editor.core.document import Document
from editor.core.errors import UsageError
from editor.core.formats import FORMATS
from editor.core.formats.export_flat import ExportOptions, export_flat
from editor.core.formats.layered import LAYERED, layered_for
from editor.core.formats.layered_format import Cancelled, Progress, StoredVariant, ignore, never
from editor.core.formats.ora_cache import OraCache
from editor.core.formats.ora_write import save_ora

__all__ = ["ExportOptions", "OraCache", "StoredVariant", "export_flat", "save_as", "save_ora"]


def save_as(
    path: Path,
    document: Document,
    variants: Sequence[StoredVariant] = (),
    options: ExportOptions | None = None,
    progress: Progress = ignore,
    cancelled: Cancelled = never,
) -> list[str]:
    """Writes the document in the format of the suffix, layered or flat; returns what that cannot hold.

    options: for flat formats. Raises UsageError for an unknown suffix, OutputNotWritable, and Cancelled.
    """
    layered = layered_for(path)
    if layered is None:
        _check_suffix(path)
        return export_flat(path, document, options or ExportOptions(), progress, cancelled)
    if layered.write is None:
        raise UsageError(f"{path} was not written: {layered.name} files are only read; save it as OpenRaster (.ora).")
    return layered.write(path, document, variants, progress, cancelled)


def _check_suffix(path: Path) -> None:
    known = [suffix for format in (*LAYERED, *FORMATS) for suffix in format.suffixes]
    if path.suffix.lower() not in known:
        raise UsageError(f"{path} does not end in a suffix that can be written; use one of {', '.join(known)}.")
