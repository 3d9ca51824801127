"""JPEG (ITU T.81). Written without chroma subsampling, so that colours keep their edges."""

from __future__ import annotations

from typing import BinaryIO

from PIL import ImageFile, JpegImagePlugin

from editor.core.formats.exif import PREFIX
from editor.core.formats.format import FlatImage, Format, Holds, Options
from editor.core.formats.pillow import save

SEGMENT = 65_533
MOST_SEGMENTS = 255


def open_jpeg(file: BinaryIO) -> ImageFile.ImageFile:
    """Reads the header; of a multi-picture file the first picture, which is the photo."""
    return JpegImagePlugin.JpegImageFile(file)


def write_jpeg(file: BinaryIO, image: FlatImage, options: Options) -> None:
    exif = PREFIX + image.exif if image.exif else None
    save(file, image, "JPEG", quality=options.quality, subsampling=0, exif=exif)


FORMAT = Format(
    name="JPEG",
    suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
    # A profile is cut into segments with 14 bytes of numbering each; EXIF has to fit into one.
    holds=Holds(icc=MOST_SEGMENTS * (SEGMENT - 14), exif=SEGMENT - len(PREFIX), side=65_500),
    sniff=lambda head: head.startswith(b"\xff\xd8\xff"),
    open=open_jpeg,
    write=write_jpeg,
)
