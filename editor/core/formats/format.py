"""What a flat picture is, and what a file format has to say about itself to be listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from editor.core.pixels import Pixels, has_alpha

NO_LIMIT = 1 << 31


@dataclass(frozen=True, eq=False)
class FlatImage:
    """One picture without layers, upright.

    pixels: uint8 or uint16 (H, W, 3) or (H, W, 4) with straight alpha, in the colours of `icc`; read-only when read.
    icc: an RGB profile that can be converted to and from; None means sRGB.
    exif: a TIFF structure without the "Exif" prefix, orientation 1, no thumbnail.
    dpi: (horizontal, vertical). source_mode: what the file held, in Pillow's words ("CMYK", "I;16").
    notes: one sentence for everything that was converted or left out.
    """

    pixels: Pixels
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    source_mode: str = ""
    format: str = ""
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    @property
    def has_alpha(self) -> bool:
        return has_alpha(self.pixels)


@dataclass(frozen=True)
class Holds:
    """What a format can keep. icc, exif: the most bytes, 0 for none. side: the most pixels along one
    side. colours: the most different colours in one picture."""

    alpha: bool = False
    deep: bool = False
    icc: int = 0
    exif: int = 0
    side: int = NO_LIMIT
    colours: int = NO_LIMIT


@dataclass(frozen=True)
class Options:
    """quality: 1 to 100, for formats that lose something. lossless: for formats that can do both."""

    quality: int = 95
    lossless: bool = False


def header_exif(image: ImageFile.ImageFile) -> bytes | None:
    """The EXIF block as most of Pillow's readers hand it out."""
    return image.info.get("exif")


@dataclass(frozen=True)
class Format:
    """One file format.

    sniff: tells from the first 64 bytes. open: reads the header with Pillow and decodes nothing.
    peek: (width, height) from the first 64 bytes, where `open` already claims memory for the picture.
    samples: uint8 or uint16 (H, W, 1 to 4), upright with straight alpha, for files whose samples Pillow would round
    or misread; None leaves them to Pillow. exif: the raw block, with its orientation.
    turns: True where Pillow turns the picture upright by itself.
    write: encodes pixels that the format `holds`. preferred suffix first.
    """

    name: str
    suffixes: tuple[str, ...]
    holds: Holds
    sniff: Callable[[bytes], bool]
    open: Callable[[BinaryIO], ImageFile.ImageFile]
    write: Callable[[BinaryIO, FlatImage, Options], None]
    peek: Callable[[bytes], tuple[int, int] | None] = lambda head: None
    samples: Callable[[ImageFile.ImageFile, BinaryIO], NDArray[np.uint8 | np.uint16] | None] = lambda image, file: None
    exif: Callable[[ImageFile.ImageFile], bytes | None] = header_exif
    turns: bool = False
