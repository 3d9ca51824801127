"""WebP (RFC 9649), the first picture of an animation."""

from __future__ import annotations

from typing import BinaryIO

from PIL import ImageFile, WebPImagePlugin

from editor.core.formats.format import NO_LIMIT, FlatImage, Format, Holds, Options
from editor.core.formats.pillow import save


def open_webp(file: BinaryIO) -> ImageFile.ImageFile:
    return WebPImagePlugin.WebPImageFile(file)


def size_of(head: bytes) -> tuple[int, int] | None:
    """(width, height) from the first chunk; None where it is none of the three kinds."""
    kind = head[12:16]
    if kind == b"VP8 ":
        return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
    if kind == b"VP8L":
        bits = _little(head[21:25])
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8X":
        return _little(head[24:27]) + 1, _little(head[27:30]) + 1
    return None


def write_webp(file: BinaryIO, image: FlatImage, options: Options) -> None:
    # exact keeps the colours under full transparency, which an eraser may bring back.
    save(file, image, "WEBP", quality=options.quality, lossless=options.lossless, exact=options.lossless)


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


FORMAT = Format(
    name="WebP",
    suffixes=(".webp",),
    holds=Holds(alpha=True, icc=NO_LIMIT, exif=NO_LIMIT, side=16_383),
    sniff=lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
    open=open_webp,
    write=write_webp,
    peek=size_of,
)
