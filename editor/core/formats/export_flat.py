"""A document as one flat picture: size, quality, metadata and colours as the receiver needs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from editor.core.compositor import flatten
from editor.core.document import Document, walk
from editor.core.errors import Cancelled as WasCancelled
from editor.core.errors import OutputNotWritable, UsageError
from editor.core.formats import colour
from editor.core.formats.exif import BrokenExif, bare, upright
from editor.core.formats.flat import format_for, write_flat
from editor.core.formats.format import FlatImage
from editor.core.formats.layered_format import Cancelled, Progress, ignore, never
from editor.core.layer import RasterLayer
from editor.core.pixels import Pixels, opaque, strips

Samples = NDArray[np.uint8]
ARTIST, COPYRIGHT = 0x013B, 0x8298
MOST_SIDE = 65_535


@dataclass(frozen=True)
class ExportOptions:
    """quality: 1 to 100. lossless: for formats that can do both. long_side: pixels of the longer side, or size:
    (width, height); without either the document's own size. metadata: what of EXIF goes along. to_srgb: converts the
    colours and leaves the profile out."""

    quality: int = 95
    lossless: bool = False
    long_side: int | None = None
    size: tuple[int, int] | None = None
    metadata: Literal["all", "copyright", "none"] = "all"
    to_srgb: bool = False


DEFAULTS = ExportOptions()


def export_flat(
    path: Path,
    document: Document,
    options: ExportOptions = DEFAULTS,
    progress: Progress = ignore,
    cancelled: Cancelled = never,
) -> list[str]:
    """Writes what the document shows in the format of the suffix, whole or not at all; returns what was lost by that.

    Raises UsageError for an unknown suffix, size or quality, OutputNotWritable, and Cancelled.
    """
    format_for(path)
    size = target_size(document, options)
    try:
        image = _picture(document, options, size, lambda done: progress(0.7 * done), cancelled)
    except MemoryError as error:
        raise OutputNotWritable(f"{path} was not written: there is not enough memory; close other programs.") from error
    if cancelled():
        raise WasCancelled("The picture was not exported: it was cancelled.")
    progress(0.8)
    notes = write_flat(path, image, quality=options.quality, lossless=options.lossless)
    progress(1.0)
    return [*_lost(document), *notes]


def target_size(document: Document, options: ExportOptions) -> tuple[int, int]:
    """(width, height) of the exported picture. Raises UsageError for a size that cannot be."""
    width, height = document.width, document.height
    if options.size is not None:
        width, height = options.size
    elif options.long_side is not None:
        scale = options.long_side / max(width, height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE) and (width, height) != (
        document.width,
        document.height,
    ):
        raise UsageError(f"{width} x {height} is no size for a picture; give 1 to {MOST_SIDE} pixels a side.")
    return width, height


def resized(pixels: Samples, size: tuple[int, int]) -> Samples:
    """uint8 (h, w, 4) scaled to (width, height); colours count by how opaque they are, so no fringe appears."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    smaller = size[0] <= width and size[1] <= height
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    if opaque(pixels):
        return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
    scaled = np.asarray(cv2.resize(_premultiplied(pixels), size, interpolation=how), np.float32)
    result = np.empty((size[1], size[0], 4), np.uint8)
    for rows in strips(size[1], size[0]):
        strip = scaled[rows]
        alpha = np.clip(strip[..., 3:], 0, 255)
        colours = strip[..., :3] * np.float32(255) / np.maximum(alpha, np.float32(1e-3))
        result[rows, :, :3] = np.rint(np.clip(colours, 0, 255))
        result[rows, :, 3:] = np.rint(alpha)
    return result


def copyright_only(exif: bytes | None) -> bytes | None:
    """An EXIF block with nothing but the photographer and the copyright of another; None where it has neither."""
    if exif is None:
        return None
    try:
        source = Image.Exif()
        source.load(exif)
        kept = {tag: source[tag] for tag in (ARTIST, COPYRIGHT) if tag in source}
    except (ValueError, KeyError, SyntaxError, OSError):
        return None
    block = Image.Exif()
    for tag, value in kept.items():
        block[tag] = value
    return bare(block.tobytes()) if kept else None


def _picture(
    document: Document, options: ExportOptions, size: tuple[int, int], progress: Progress, cancelled: Cancelled
) -> FlatImage:
    pixels = resized(flatten(document, lambda done: cast(None, progress(done)), cancelled), size)
    icc = document.icc
    if options.to_srgb and icc is not None:
        pixels, icc = colour.to_srgb(cast(Pixels, pixels), icc), None
    if opaque(pixels):
        pixels = pixels[..., :3]
    return FlatImage(cast(Pixels, np.ascontiguousarray(pixels)), icc, _exif(document, options, size), document.dpi)


def _exif(document: Document, options: ExportOptions, size: tuple[int, int]) -> bytes | None:
    if options.metadata == "none" or document.exif is None:
        return None
    if options.metadata == "copyright":
        return copyright_only(document.exif)
    try:
        return upright(document.exif, *size)
    except BrokenExif:
        return None


def _lost(document: Document) -> list[str]:
    layers = list(walk(document))
    notes: list[str] = []
    if len(layers) > 1:
        notes.append(f"A flat picture holds no layers, so its {len(layers)} layers and groups were merged.")
    if any(isinstance(layer, RasterLayer) and layer.recipe for layer in layers):
        notes.append("A flat picture holds no recipes, so its edits cannot be run again from it.")
    return notes


def _premultiplied(pixels: Samples) -> NDArray[np.float32]:
    result = pixels.astype(np.float32)
    result[..., :3] *= result[..., 3:] * np.float32(1 / 255)
    return result
