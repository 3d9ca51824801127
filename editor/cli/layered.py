"""Layered files on the command line: what is one, opening it, and what it looks like flat.

What draws layers is loaded when there are some: a flat picture needs none of it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from editor.core.document import Document, walk
from editor.core.errors import InputUnreadable, UsageError
from editor.core.formats import FORMATS
from editor.core.formats.flat import read_flat
from editor.core.formats.format import FlatImage
from editor.core.layer import GroupLayer
from editor.core.pixels import Pixels, opaque

if TYPE_CHECKING:
    from editor.core.formats.layered_format import LayeredFormat, Opened

_FOREIGN = (".kra", ".xcf", ".psb")
_HEAD = 512


def is_layered(path: Path) -> bool:
    """Told by the content; a file that cannot be read is none."""
    with suppress(OSError, ValueError), path.open("rb") as file:
        head = file.read(_HEAD)
        if head and not any(format.sniff(head) for format in FORMATS):
            from editor.core.formats.layered import LAYERED

            return any(format.sniff(head) for format in LAYERED)
    return False


def layered_target(path: Path) -> LayeredFormat | None:
    """The layered format that a suffix stands for; None for flat ones. Raises UsageError for one not written here."""
    suffix = path.suffix.lower()
    if any(suffix in format.suffixes for format in FORMATS):
        return None
    from editor.core.formats.layered import LAYERED, layered_for

    format = layered_for(path)
    if suffix in _FOREIGN or (format is not None and format.write is None):
        known = ", ".join(format.suffixes[0] for format in LAYERED if format.write is not None)
        raise UsageError(f"{path} is of a layered kind that is not written here: use one of {known}.")
    return format


def opened(path: Path, largest: int) -> Opened:
    """The document in a file of any kind. largest: pixels of the page. Raises InputUnreadable."""
    from editor.core.formats.opening import as_document, open_document

    if path.suffix.lower() in (".kra", ".xcf") and path.exists():
        raise InputUnreadable(f"{path} is of a layered kind that is not read here: save it as .ora or .psd there.")
    if not is_layered(path):
        return as_document(read_flat(path, max_pixels=largest), path.stem)
    found = open_document(path)
    pixels = found.document.width * found.document.height
    if pixels > largest:
        size = f"{pixels / 1e6:.1f} megapixels, the most here is {largest / 1e6:.1f}"
        raise InputUnreadable(f"{path} is too large: it has {size}; scale it down first.")
    return found


def flat_image(document: Document, notes: tuple[str, ...] = ()) -> FlatImage:
    """What the document looks like, with all that a flat picture can keep of it."""
    from editor.core.compositor import flatten

    pixels: Pixels = flatten(document)
    if opaque(pixels):
        pixels = pixels[..., :3].copy()
    return FlatImage(pixels, document.icc, document.exif, document.dpi, "RGBA", notes=notes)


def flattened_note(document: Document, name: str) -> list[str]:
    """What is lost when a document becomes one flat picture of the format `name`."""
    layers = [layer for layer in walk(document) if not isinstance(layer, GroupLayer)]
    if len(layers) == len(document.layers) == 1 and layers[0].mask is None:
        return []
    count = f"{len(layers)} layers were" if len(layers) != 1 else "its layer was"
    return [f"{name} holds one flat picture, so {count} merged."]
