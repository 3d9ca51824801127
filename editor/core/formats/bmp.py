"""BMP, as Windows' device-independent bitmaps; written with 24 bits."""

from __future__ import annotations

from typing import BinaryIO

from PIL import BmpImagePlugin, ImageFile

from editor.core.formats.format import FlatImage, Format, Holds, Options
from editor.core.formats.pillow import save

HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)


def open_bmp(file: BinaryIO) -> ImageFile.ImageFile:
    return BmpImagePlugin.BmpImageFile(file)


def write_bmp(file: BinaryIO, image: FlatImage, options: Options) -> None:
    save(file, image, "BMP")


FORMAT = Format(
    name="BMP",
    suffixes=(".bmp", ".dib"),
    holds=Holds(),
    sniff=lambda head: head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in HEADER_SIZES,
    open=open_bmp,
    write=write_bmp,
)
