"""Any picture file as a document. The kind of a file is told by its content."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from editor.core.document import Document
from editor.core.errors import Cancelled, InputUnreadable
from editor.core.formats.flat import read_flat
from editor.core.formats.format import FlatImage
from editor.core.formats.layered import LAYERED
from editor.core.formats.layered_format import SNIFFED, LayeredFormat, Opened, Progress, StoredVariant, ignore, never
from editor.core.formats.layered_format import Cancelled as AskCancelled
from editor.core.formats.ora_picture import plane_of
from editor.core.layer import RasterLayer
from editor.core.pixels import to_8_bit

__all__ = ["Opened", "StoredVariant", "as_document", "open_document"]


def open_document(path: Path, progress: Progress = ignore, cancelled: AskCancelled = never) -> Opened:
    """Opens any file of a known kind; a flat picture becomes one layer named after the file.

    Raises InputUnreadable, and Cancelled soon after `cancelled()` is true.
    """
    format = _layered(path)
    if format is not None:
        if format.read is None:
            raise InputUnreadable(f"{path} is a {format.name} file, which can only be written; save it as OpenRaster.")
        return format.read(path, progress, cancelled)
    if cancelled():
        raise Cancelled("The file was not opened: it was cancelled.")
    image = read_flat(path)
    progress(0.7)
    if cancelled():
        raise Cancelled("The file was not opened: it was cancelled.")
    opened = as_document(image, path.stem)
    progress(1.0)
    return opened


def as_document(image: FlatImage, name: str) -> Opened:
    """A document with the picture as its one layer, at 8 bits a channel."""
    notes = list(image.notes)
    if image.pixels.dtype.itemsize > 1:
        notes.append("The picture has 16 bits a channel, which were rounded to 8.")
    plane = plane_of(to_8_bit(image.pixels))
    layer = RasterLayer(name=name, plane=plane)
    document = Document(image.width, image.height, (layer,), layer.id)
    document = replace(document, dpi=image.dpi, icc=image.icc, exif=image.exif)
    return Opened(document, tuple(notes), image.format)


def _layered(path: Path) -> LayeredFormat | None:
    """The layered format of a file; None leaves it, and what is wrong with it, to the flat formats."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(SNIFFED)
    except (OSError, ValueError):
        return None
    return next((format for format in LAYERED if format.sniff(head)), None)
