"""Writes a layered Photoshop file: strip by strip, so that only packed pixels of one layer are in memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from editor.core.atomic import replacing
from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.errors import Cancelled, OutputNotWritable
from editor.core.formats import psd_resources as resources
from editor.core.formats.layered_format import Cancelled as Asked
from editor.core.formats.layered_format import Progress, StoredVariant, ignore, never
from editor.core.formats.psd_pixels import PackedChannel, pack, write_channel, write_merged
from editor.core.formats.psd_plan import PlannedLayer, lost, planned
from editor.core.formats.psd_records import MASK
from editor.core.geometry import Rect
from editor.core.pixels import over_white
from editor.core.tiles import Samples

LONGEST_SIDE = 30_000
LARGEST_FILE = (1 << 31) - 1
MOST_LAYERS = 8_000
_RGB = 3
_MERGED_SHARE = 0.5


def write_psd(
    path: Path,
    document: Document,
    variants: Sequence[StoredVariant] = (),
    progress: Progress = ignore,
    cancelled: Asked = never,
) -> list[str]:
    """Writes all layers and the merged picture, whole or not at all; returns a sentence for what PSD cannot hold.

    progress: called with the share done. Raises OutputNotWritable, for a picture beyond 30000 pixels a side at once and
    for a file beyond 2 GB when it gets there, and Cancelled.
    """
    _check(path, document)

    def step(done: float) -> None:
        if cancelled():
            raise Cancelled("The file was not written: it was cancelled.")
        progress(done)

    layers, recipes = planned(document)
    if len(layers) > MOST_LAYERS:
        raise OutputNotWritable(f"{path} was not written: PSD holds at most {MOST_LAYERS} layers; save it as .ora.")
    merged = _Merged(document, step)
    with replacing(path) as file:
        file.write(
            struct.pack(">4sH6xHIIHH", b"8BPS", 1, len(merged.channels), document.height, document.width, 8, _RGB)
        )
        file.write(struct.pack(">I", 0))  # no colour table
        file.write(resources.encoded(_resources(document, merged, recipes)))
        _write_layers(path, file, layers, merged.transparent, step)
        write_merged(file, merged.channels)
        _check_length(path, file)
    step(1.0)
    return lost(document, len(variants))


class _Merged:
    """What the document looks like, packed: three channels, or four where something shines through.

    small: about the size of a thumbnail, uint8 (h, w, 3).
    """

    def __init__(self, document: Document, step: Callable[[float], None]) -> None:
        self.transparent = False
        self._every = max(1, max(document.width, document.height) // (2 * resources.THUMBNAIL_SIDE))
        self._small: list[NDArray[np.uint8]] = []

        def read(strip: Rect) -> Samples:
            step(_MERGED_SHARE * strip.y / document.height)
            return self._on_white(composite(document, strip), strip.y)

        packed = pack(document.rect, 4, read)
        self.channels = packed if self.transparent else packed[:3]
        self.small = np.concatenate(self._small)

    def _on_white(self, pixels: Samples, top: int) -> Samples:
        # Photoshop stores the merged colours laid on white, for programs that know nothing of its transparency.
        self.transparent = self.transparent or bool((pixels[..., 3] != 255).any())
        colour = np.asarray(over_white(pixels), np.uint8)
        self._small.append(colour[-top % self._every :: self._every, :: self._every])
        return np.concatenate([colour, pixels[..., 3:]], axis=2)


def _check(path: Path, document: Document) -> None:
    if max(document.width, document.height) > LONGEST_SIDE:
        size = f"{document.width} x {document.height}"
        message = f"{path} was not written: PSD holds at most {LONGEST_SIDE} pixels a side, not {size}"
        raise OutputNotWritable(f"{message}; scale it down or save it as .ora.")


def _check_length(path: Path, file: BinaryIO) -> None:
    if file.tell() > LARGEST_FILE:
        raise OutputNotWritable(
            f"{path} was not written: it is larger than the 2 GB that PSD holds; merge some layers or save as .ora."
        )


def _resources(document: Document, merged: _Merged, recipes: resources.Recipes) -> dict[int, bytes]:
    found = {resources.VERSION: resources.version(), resources.THUMBNAIL: resources.thumbnail(merged.small)}
    if document.dpi is not None:
        found[resources.RESOLUTION] = resources.resolution(document.dpi)
    if document.icc is not None:
        found[resources.PROFILE] = document.icc
    if document.exif is not None:
        found[resources.EXIF] = document.exif
    if recipes.of:
        found[resources.RECIPES] = recipes.encoded()
    return found


def _write_layers(
    path: Path, file: BinaryIO, layers: Sequence[PlannedLayer], transparent: bool, step: Callable[[float], None]
) -> None:
    """The lengths come first in the file, but are known last: written as zeros, then once more."""
    start = file.tell()
    sizes = [(0,) * len(layer.record.channels) for layer in layers]
    file.write(_head(layers, sizes, 0, transparent))
    for index, layer in enumerate(layers):
        step(_MERGED_SHARE + (1 - _MERGED_SHARE) * index / len(layers))
        sizes[index] = _write_channels(file, layer)
        _check_length(path, file)
    # 8 bytes of lengths lie before the list of layers, which has to end at a multiple of four.
    file.write(b"\0" * (-(file.tell() - start - 8) % 4))
    end = file.tell()
    file.write(struct.pack(">I", 0))  # no global mask
    after = file.tell()
    file.seek(start)
    file.write(_head(layers, sizes, end - start - 8, transparent))
    file.seek(after)


def _head(layers: Sequence[PlannedLayer], sizes: Sequence[tuple[int, ...]], length: int, transparent: bool) -> bytes:
    # A negative count says that the fourth merged channel is transparency.
    count = -len(layers) if transparent else len(layers)
    records = b"".join(layer.record.encoded(size) for layer, size in zip(layers, sizes, strict=True))
    return struct.pack(">IIh", length + 8, length, count) + records


def _write_channels(file: BinaryIO, layer: PlannedLayer) -> tuple[int, ...]:
    sizes = list[int]()
    for channel in _packed(layer):
        write_channel(file, channel)
        sizes.append(channel.size)
    return tuple(sizes)


def _packed(layer: PlannedLayer) -> list[PackedChannel]:
    """In the order of `LayerRecord.channels`."""
    record, plane, mask = layer.record, layer.plane, layer.mask
    packed = [PackedChannel() for _ in range(4)]
    if plane is not None:
        red, green, blue, alpha = pack(record.rect, 4, lambda rect: plane.read(rect.moved(-layer.x, -layer.y)))
        packed = [alpha, red, green, blue]
    if MASK in record.channels and record.mask is not None and mask is not None:
        packed += pack(record.mask.rect, 1, lambda rect: mask.read(rect.moved(-layer.x, -layer.y)))
    return packed
