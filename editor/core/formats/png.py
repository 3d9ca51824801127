"""PNG (ISO/IEC 15948:2004 and its third edition's eXIf), with all of 16 bit, and APNG's first picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile, PngImagePlugin

from editor.core.formats import deflate
from editor.core.formats.format import NO_LIMIT, FlatImage, Format, Holds, Options
from editor.core.formats.pillow import Samples, joined, raw_mode, set_raw_mode
from editor.core.pixels import has_alpha, strips

MAGIC = b"\x89PNG\r\n\x1a\n"
BLOCK_PIXELS = 1 << 18
AVERAGE = 3
EXTRAS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
LARGEST_PROFILE = 1 << 25


def open_png(file: BinaryIO) -> ImageFile.ImageFile:
    """Reads the header. Texts, of which nothing is used and which may unpack to anything, never reach Pillow."""
    plain, profile = _without_extras(file)
    image = PngImagePlugin.PngImageFile(plain)
    if profile:
        image.info["icc_profile"] = _unpacked_profile(profile)
    return image


def deep_samples(image: ImageFile.ImageFile, file: BinaryIO) -> Samples | None:
    """uint16 (H, W, 2 to 4) of a 16-bit file with colour or alpha, of which Pillow keeps the upper 8 bits.

    Pillow's unpackers for the other byte order give the lower ones.
    """
    raw = raw_mode(image)
    if not raw.endswith(";16B") or image.mode == "I;16":
        return None
    if raw == "LA;16B":  # four bytes a pixel, so read as four plain channels
        set_raw_mode(image, "RGBA")
        return np.asarray(image).view(">u2").astype(np.uint16)
    image.load()
    file.seek(0)
    lower = open_png(file)
    set_raw_mode(lower, raw.replace("16B", "16L"))
    return _with_clear_colour(joined(image, lower), image.info.get("transparency"))


def write_png(file: BinaryIO, image: FlatImage, options: Options) -> None:
    """Encodes 8 or 16 bit. The average filter is the best of the five that need no choice per row."""
    height, width = image.pixels.shape[:2]
    bits = image.pixels.dtype.itemsize * 8
    file.write(MAGIC)
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 6 if has_alpha(image.pixels) else 2, 0, 0, 0))
    if image.icc:
        _chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(image.icc))
    if image.dpi:
        _chunk(file, b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in image.dpi), 1))
    if image.exif:
        _chunk(file, b"eXIf", image.exif)
    for part in deflate.stream(_filtered(image.pixels)):
        _chunk(file, b"IDAT", part)
    _chunk(file, b"IEND", b"")


def _chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))


def _filtered(pixels: Samples) -> Iterator[bytes]:
    above = np.zeros((1, pixels[:1].nbytes), np.uint8)
    step = pixels.shape[2] * pixels.dtype.itemsize
    for rows in strips(pixels.shape[0], pixels.shape[1], BLOCK_PIXELS):
        strip = np.ascontiguousarray(pixels[rows], pixels.dtype.newbyteorder(">"))
        values = strip.view(np.uint8).reshape(strip.shape[0], -1)
        up = np.concatenate([above, values[:-1]])
        left = np.zeros_like(values)
        left[:, step:] = values[:, :-step]
        filtered = np.full((values.shape[0], values.shape[1] + 1), AVERAGE, np.uint8)
        np.subtract(values, (left & up) + ((left ^ up) >> 1), out=filtered[:, 1:])  # the mean, without overflow
        above = values[-1:]
        yield filtered.tobytes()


def _with_clear_colour(samples: NDArray[np.uint16], clear: object) -> NDArray[np.uint16]:
    if not isinstance(clear, tuple) or samples.shape[2] != 3:
        return samples
    alpha = np.where((samples == np.array(clear, np.uint16)).all(axis=2), 0, 65535).astype(np.uint16)
    return np.dstack([samples, alpha])


def _without_extras(file: BinaryIO) -> tuple[BinaryIO, bytes]:
    """The file less its texts and profile, and the profile's chunk; the very same file where it has neither."""
    if all(kind not in EXTRAS for kind, _, _ in _chunks(file)):
        file.seek(0)
        return file, b""
    profile, kept = b"", [MAGIC]
    for kind, start, size in _chunks(file):
        file.seek(start)
        data = file.read(size)
        if kind == b"iCCP":
            profile = data[8:-4]
        elif kind not in EXTRAS:
            kept.append(data)
    return BytesIO(b"".join(kept)), profile


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, size with length, kind and checksum) of each chunk, as far as the file goes."""
    end = file.seek(0, 2)
    start = len(MAGIC)
    while start < end:
        file.seek(start)
        head = file.read(8)
        size = int.from_bytes(head[:4], "big") + 12
        yield head[4:], start, size
        start += size


def _unpacked_profile(chunk: bytes) -> bytes:
    """The profile in an iCCP chunk: a name, a zero, a zero for deflate, and the packed profile.

    Damage gives bytes that are no profile, so that it is noticed further on.
    """
    _, _, packed = chunk.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(packed[1:], LARGEST_PROFILE)
    except zlib.error:
        return packed


FORMAT = Format(
    name="PNG",
    suffixes=(".png", ".apng"),
    holds=Holds(alpha=True, deep=True, icc=NO_LIMIT, exif=NO_LIMIT),
    sniff=lambda head: head.startswith(MAGIC),
    open=open_png,
    write=write_png,
    samples=deep_samples,
)
