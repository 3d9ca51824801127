"""GIF89a: the first picture of an animation; written with the 256 colours that suit the picture best."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from PIL import GifImagePlugin, Image, ImageFile

from editor.core.formats.format import FlatImage, Format, Holds, Options


def open_gif(file: BinaryIO) -> ImageFile.ImageFile:
    return GifImagePlugin.GifImageFile(file)


def write_gif(file: BinaryIO, image: FlatImage, options: Options) -> None:
    buffer = BytesIO()
    Image.fromarray(image.pixels).quantize(256).save(buffer, "GIF")
    file.write(buffer.getbuffer())


FORMAT = Format(
    name="GIF",
    suffixes=(".gif",),
    holds=Holds(colours=256, side=65_535),
    sniff=lambda head: head[:6] in (b"GIF87a", b"GIF89a"),
    open=open_gif,
    write=write_gif,
)
