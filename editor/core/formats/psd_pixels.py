"""Pixels as a Photoshop file packs them: one plane for each channel, PackBits row by row."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from psd_tools.compression import decode_prediction, decode_rle, encode_rle

from editor.core.geometry import Rect
from editor.core.pixels import to_8_bit
from editor.core.tiles import SIDE, Samples

RAW, RLE, ZIP, PREDICTED = range(4)
DENSEST = 1100  # what deflate can unpack from one byte is a little less, and PackBits much less


@dataclass
class PackedChannel:
    """counts: the packed bytes of every row, as the file lists them. rows: what was packed, strip by strip."""

    counts: list[bytes] = field(default_factory=list[bytes])
    rows: list[bytes] = field(default_factory=list[bytes])

    def add(self, plane: NDArray[np.uint8]) -> None:
        """Packs further rows, uint8 (h, w)."""
        height, width = plane.shape
        packed = encode_rle(plane.tobytes(), width, height, 8, 1)
        self.counts.append(packed[: 2 * height])
        self.rows.append(packed[2 * height :])

    @property
    def size(self) -> int:
        """Bytes in the file, with the two that name the packing."""
        return 2 + sum(map(len, self.counts)) + sum(map(len, self.rows))


def pack(rect: Rect, channels: int, read: Callable[[Rect], Samples]) -> list[PackedChannel]:
    """Packs what `read` gives, (h, w, channels), by strips: only packed pixels are held for the whole of `rect`."""
    packed = [PackedChannel() for _ in range(channels)]
    for strip in _strips(rect):
        pixels = read(strip)
        for index, channel in enumerate(packed):
            channel.add(pixels[..., index])
    return packed


def write_channel(file: BinaryIO, channel: PackedChannel) -> None:
    """One channel of a layer."""
    write_merged(file, [channel])


def write_merged(file: BinaryIO, channels: Sequence[PackedChannel]) -> None:
    """The channels of the merged picture, which share one heading: all counts, then all rows."""
    file.write(struct.pack(">H", RLE))
    for channel in channels:
        file.writelines(channel.counts)
    for channel in channels:
        file.writelines(channel.rows)


def unpacked(data: bytes, packing: int, width: int, height: int, depth: int, version: int) -> NDArray[np.uint8]:
    """uint8 (height, width) from a channel of 8 or 16 bit; 16 bit is rounded. Raises ValueError where it is damaged."""
    if width <= 0 or height <= 0:
        return np.zeros((max(0, height), max(0, width)), np.uint8)
    size = width * height * depth // 8
    if size > DENSEST * len(data):
        raise ValueError("truncated channel")
    raw = _raw(data, packing, width, height, depth, version, size)
    if len(raw) < size:
        raise ValueError("truncated channel")
    if depth == 8:
        return np.frombuffer(raw, np.uint8, size).reshape(height, width)
    deep = np.frombuffer(raw, ">u2", width * height).reshape(height, width)
    return to_8_bit(deep.astype(np.uint16)[..., np.newaxis])[..., 0]


def _raw(data: bytes, packing: int, width: int, height: int, depth: int, version: int, size: int) -> bytes:
    if packing == RAW:
        return data
    if packing == RLE:
        return decode_rle(data, width, height, depth, version)
    # Bounded, so that a small file cannot claim all memory.
    plain = zlib.decompressobj().decompress(data, size)
    return decode_prediction(plain, width, height, depth) if packing == PREDICTED and len(plain) == size else plain


def _strips(rect: Rect) -> Iterator[Rect]:
    for top in range(rect.y, rect.bottom, SIDE):
        yield Rect.between(rect.x, top, rect.right, min(top + SIDE, rect.bottom))
