"""AVIF (AV1 Image File Format 1.1), 8 bit, the first picture of a sequence."""

from __future__ import annotations

from typing import BinaryIO

from PIL import AvifImagePlugin, ImageFile

from editor.core.formats.format import NO_LIMIT, FlatImage, Format, Holds, Options
from editor.core.formats.pillow import save

BRANDS = (b"avif", b"avis")
FASTEST_GOOD_SPEED = 8


def open_avif(file: BinaryIO) -> ImageFile.ImageFile:
    return AvifImagePlugin.AvifImageFile(file)


def is_avif(head: bytes) -> bool:
    """True where the file type box names AVIF as its brand or among those that it is compatible with."""
    size = int.from_bytes(head[:4], "big")
    brands = (head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)) - 3, 4)))
    return head[4:8] == b"ftyp" and any(brand in BRANDS for brand in brands)


def write_avif(file: BinaryIO, image: FlatImage, options: Options) -> None:
    save(file, image, "AVIF", quality=options.quality, subsampling="4:4:4", speed=FASTEST_GOOD_SPEED)


FORMAT = Format(
    name="AVIF",
    suffixes=(".avif",),
    # The format knows larger pictures, but libavif refuses to read them back.
    holds=Holds(alpha=True, icc=NO_LIMIT, exif=NO_LIMIT, side=16_384),
    sniff=is_avif,
    open=open_avif,
    write=write_avif,
)
