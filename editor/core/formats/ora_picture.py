"""The PNG pictures of an OpenRaster file: judged by their headers, checked, and read as planes of tiles."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.core.errors import InputUnreadable
from editor.core.formats import colour, png
from editor.core.formats.flat import MOST_PIXELS
from editor.core.formats.ora_archive import MOST_TOTAL_PIXELS, Archive, refused
from editor.core.formats.pillow import decoding, depth, interpreted, silenced
from editor.core.formats.pillow import described as described_samples
from editor.core.history import default_budget
from editor.core.pixels import Pixels, to_8_bit
from editor.core.tiles import SIDE, TileMap

Samples = NDArray[np.uint8]
HEADER = struct.Struct(">8sI4sIIBBBBB")
ROOM = 1 << 26  # for everything in a PNG that is not pixels
PLAIN = (2, 6)  # colour types RGB and RGBA
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
DENSEST = 1100  # what deflate can unpack from one byte is a little less
WIDEST = 1 << 20  # what OpenCV reads


@dataclass(eq=False)
class Budget:
    """Pixels that may still be decoded; counts down as headers are read, before anything is decoded.

    At first as many as fit in half of the machine's memory.
    """

    left: int = field(default_factory=lambda: min(MOST_TOTAL_PIXELS, default_budget() // 2))


@dataclass(frozen=True)
class Header:
    """What the first bytes of a PNG entry say. plain: 8 bit RGB or RGBA, not interlaced."""

    name: str
    width: int
    height: int
    plain: bool

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True, eq=False)
class Decoded:
    """pixels: uint8 (h, w, 4), straight. icc: their own profile. exact: the file's samples as they are."""

    pixels: Samples
    icc: bytes | None
    exact: bool
    notes: tuple[str, ...] = field(default=())


def header(archive: Archive, name: str, budget: Budget) -> Header:
    """Raises InputUnreadable, naming the entry, for what is no PNG or too large."""
    data = archive.start(name, HEADER.size)
    if len(data) < HEADER.size or not data.startswith(png.MAGIC) or data[12:16] != b"IHDR":
        raise refused(archive.path, f"its entry {name} is not a PNG picture")
    _, _, _, width, height, bits, kind, _, _, interlaced = HEADER.unpack(data)
    if not 0 < width * height <= min(MOST_PIXELS, budget.left):
        size = f"{width} x {height} pixels"
        raise refused(archive.path, f"its entry {name} of {size} is empty or larger than can be opened")
    if width * height * SAMPLES.get(kind, 1) * bits > 8 * DENSEST * archive.size(name):
        raise refused(archive.path, f"its entry {name} is a damaged PNG picture")
    budget.left -= width * height
    plain = bits == 8 and kind in PLAIN and not interlaced and max(width, height) <= WIDEST
    return Header(name, width, height, plain)


def decoded(archive: Archive, head: Header) -> Decoded:
    """The picture. Safe on any thread. Raises InputUnreadable, naming the entry."""
    data = archive.read(head.name, head.width * head.height * 8 + head.height * 8 + ROOM)
    kinds = _checked(archive, head, data)
    icc = _profile(data) if b"iCCP" in kinds else None
    if head.plain and not kinds & {b"tRNS", b"acTL"}:
        return Decoded(_plain(archive, head, data), icc if icc and colour.usable(icc) else None, True)
    with decoding(f"{archive.path} ({head.name})", "PNG"):
        return _unusual(data)


def plane_of(pixels: Samples, x: int = 0, y: int = 0) -> TileMap:
    """A plane with these pixels, uint8 (h, w, 3 or 4), at (x, y); three channels become opaque, a strip at a time."""
    if pixels.shape[2] == 4:
        return TileMap.of(pixels, x, y)
    plane = TileMap()
    top = 0
    while top < pixels.shape[0]:
        bottom = min(pixels.shape[0], top + SIDE - (y + top) % SIDE)
        strip = np.asarray(cv2.cvtColor(pixels[top:bottom], cv2.COLOR_RGB2RGBA), np.uint8)
        plane = plane.with_pixels(strip, x, y + top)
        top = bottom
    return plane


def in_profile(picture: Decoded, icc: bytes | None) -> Samples:
    """The pixels in the colours of `icc`, where they have a profile of their own."""
    if picture.icc is None or picture.icc == icc:
        return picture.pixels
    plain = cast(Pixels, picture.pixels)
    srgb = colour.to_srgb(plain, picture.icc)
    # Nothing here equals an original pixel that would have to come back exactly.
    return cast(Samples, colour.from_srgb(srgb, icc, plain, ~srgb))


def _checked(archive: Archive, head: Header, data: bytes) -> set[bytes]:
    """The kinds of its chunks. Raises InputUnreadable where one is damaged or the end is missing."""
    kinds: set[bytes] = set()
    view, start = memoryview(data), len(png.MAGIC)
    while start + 12 <= len(view) and b"IEND" not in kinds:
        size = int.from_bytes(view[start : start + 4], "big")
        kind, end = bytes(view[start + 4 : start + 8]), start + 8 + size
        if int.from_bytes(view[end : end + 4], "big") != zlib.crc32(view[start + 4 : end]) or end + 4 > len(view):
            break
        kinds.add(kind)
        start = end + 4
    if not {b"IHDR", b"IDAT", b"IEND"} <= kinds:
        raise refused(archive.path, f"its entry {head.name} is a damaged PNG picture")
    return kinds


def _plain(archive: Archive, head: Header, data: bytes) -> Samples:
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        with silenced():  # libpng prints what it finds wrong
            found = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise refused(archive.path, f"its entry {head.name} is a damaged PNG picture") from error
    if found is None or found.dtype != np.uint8 or found.shape[:2] != (head.height, head.width) or found.ndim != 3:
        raise refused(archive.path, f"its entry {head.name} is a damaged PNG picture")
    code = cv2.COLOR_BGR2RGBA if found.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(found, code), np.uint8)


def _unusual(data: bytes) -> Decoded:
    """Grey, palettes, 16 bit, clear colours: as flat PNG files are read."""
    file = BytesIO(data)
    image = png.open_png(file)
    icc = image.info.get("icc_profile")
    deep = depth(image) == 16
    samples = png.deep_samples(image, file)
    found = interpreted(image, icc) if samples is None else described_samples(samples, icc)
    pixels = to_8_bit(cast(Pixels, found.pixels))
    if pixels.shape[2] == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA), np.uint8)
    notes = ("Layers with 16 bits a channel were rounded to 8.",) if deep else ()
    return Decoded(pixels, found.icc, False, (*found.notes, *notes))


def _profile(data: bytes) -> bytes | None:
    try:
        icc = png.open_png(BytesIO(data[: data.index(b"IDAT") - 4] + bytes(4) + b"IDAT" + bytes(4))).info.get(
            "icc_profile"
        )
    except (OSError, SyntaxError, ValueError, EOFError):
        return None
    return icc if isinstance(icc, bytes) and icc else None


def document_profile(archive: Archive, name: str) -> bytes | None:
    """The profile in the first bytes of a PNG entry; None where it has none that can be used."""
    try:
        data = archive.start(name, 1 << 22)
    except InputUnreadable:
        return None
    if b"iCCP" not in data or b"IDAT" not in data:
        return None
    icc = _profile(data)
    return icc if icc and colour.usable(icc) else None
