"""PNG pictures made of strips that are packed apart from each other, so that an unchanged strip is copied as it is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from editor.core.formats.deflate import EMPTY_LAST_BLOCK, LEVEL, MEMORY, ZLIB_HEADER
from editor.core.formats.png import MAGIC

Samples = NDArray[np.uint8]
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
SUB, AVERAGE = 1, 3
ADLER = 65521


@dataclass(frozen=True)
class Packed:
    """A strip as one IDAT chunk. check, raw: Adler-32 and number of the bytes that were packed."""

    data: bytes
    check: int
    raw: int


def packed(pixels: Samples) -> Packed:
    """uint8 (rows, width, 1 to 4). The first row refers to its own left only, so no other strip is needed."""
    rows = _filtered(pixels).data
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, MEMORY, zlib.Z_RLE)
    data = packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)
    return Packed(chunk(b"IDAT", data), zlib.adler32(rows), rows.nbytes)


def head(width: int, height: int, channels: int, icc: bytes | None, dpi: tuple[float, float] | None = None) -> bytes:
    """Everything before the strips."""
    parts = [MAGIC, chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0))]
    if icc:
        parts.append(chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if dpi:
        parts.append(chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in dpi), 1)))
    return b"".join([*parts, chunk(b"IDAT", ZLIB_HEADER)])


def tail(strips: Iterable[tuple[int, int]]) -> bytes:
    """Everything after the strips, of which this takes (check, raw)."""
    check = 1
    for other, length in strips:
        check = joined_check(check, other, length)
    return chunk(b"IDAT", EMPTY_LAST_BLOCK + check.to_bytes(4, "big")) + chunk(b"IEND", b"")


def joined_check(first: int, second: int, length: int) -> int:
    """The Adler-32 of two byte strings one after the other, from theirs and the length of the second (zlib's rule)."""
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % ADLER
    high = ((first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)) % ADLER
    return high << 16 | low


def whole(pixels: Samples, icc: bytes | None = None) -> bytes:
    """A small picture, uint8 (h, w, 1 to 4), as one PNG."""
    height, width, channels = pixels.shape
    strip = packed(pixels)
    return head(width, height, channels, icc) + strip.data + tail([(strip.check, strip.raw)])


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _filtered(pixels: Samples) -> Samples:
    rows, width, channels = pixels.shape
    values = np.ascontiguousarray(pixels).reshape(rows, width * channels)
    left = np.zeros_like(values)
    left[:, channels:] = values[:, :-channels]
    result = np.empty((rows, values.shape[1] + 1), np.uint8)
    result[:, 0] = AVERAGE
    result[0, 0] = SUB
    np.subtract(values[0], left[0], out=result[0, 1:])
    up, beside = values[:-1], left[1:]
    mean = beside ^ up  # the mean without overflow is (a & b) + ((a ^ b) >> 1)
    mean >>= 1
    mean += beside & up
    np.subtract(values[1:], mean, out=result[1:, 1:])
    return result
