"""Adobe Photoshop's PSD: layers, groups and masks for other programs. Its library is loaded when a file is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from editor.core.document import Document
from editor.core.formats.layered_format import (
    Cancelled,
    LayeredFormat,
    Opened,
    Progress,
    StoredVariant,
    ignore,
    never,
)

NAME = "PSD"
SIGNATURE = b"8BPS"


def read_psd(path: Path, progress: Progress = ignore, cancelled: Cancelled = never) -> Opened:
    """As `psd_read.read_psd`."""
    from editor.core.formats import psd_read

    return psd_read.read_psd(path, progress, cancelled)


def write_psd(
    path: Path,
    document: Document,
    variants: Sequence[StoredVariant] = (),
    progress: Progress = ignore,
    cancelled: Cancelled = never,
) -> list[str]:
    """As `psd_write.write_psd`."""
    from editor.core.formats import psd_write

    return psd_write.write_psd(path, document, variants, progress, cancelled)


FORMAT = LayeredFormat(
    name=NAME,
    suffixes=(".psd",),
    sniff=lambda head: head.startswith(SIGNATURE),
    read=read_psd,
    write=write_psd,
)
