"""EXIF, changed in place: only what would be wrong in a new file is touched, so a camera's private notes stay whole.

Layout: EXIF 2.32, a TIFF structure of 12-byte entries (tag, type, count, value or offset).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ORIENTATION, EXIF_POINTER, PIXEL_WIDTH, PIXEL_HEIGHT = 0x0112, 0x8769, 0xA002, 0xA003
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202
PREFIX = b"Exif\0\0"
INTEGERS = {3: "H", 4: "I"}


class BrokenExif(ValueError):
    """The block is no readable TIFF structure."""

    def __init__(self) -> None:
        super().__init__("the EXIF block is broken")


def bare(exif: bytes | None) -> bytes | None:
    """Without the prefix that some writers put before the TIFF structure, even twice; None when nothing is left."""
    while exif and exif.startswith(PREFIX):
        exif = exif[len(PREFIX) :]
    return exif or None


def orientation(exif: bytes | None) -> int:
    """1 to 8 as in EXIF; 1 where it is missing or senseless."""
    try:
        block = _Block(exif) if exif else None
        value = block.value(block.first, ORIENTATION) if block else None
    except BrokenExif:
        return 1
    return value if value and value <= 8 else 1


def directory(exif: bytes) -> tuple[str, dict[int, bytes]]:
    """The byte order as struct writes it, and the raw 12-byte entries of the first directory by tag.

    Raises BrokenExif.
    """
    block = _Block(exif)
    return block.order, {tag: bytes(block.data[at : at + 12]) for tag, at in block.entries(block.first)}


def turned(pixels: NDArray[np.uint8 | np.uint16], orientation: int) -> NDArray[np.uint8 | np.uint16]:
    """(H, W, C) upright, contiguous."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def upright(exif: bytes, width: int, height: int) -> bytes:
    """The block for a turned (and perhaps edited) picture: orientation 1, its size, no thumbnail of the old picture.

    Raises BrokenExif.
    """
    block = _Block(exif)
    block.set(block.first, ORIENTATION, 1)
    details = block.value(block.first, EXIF_POINTER)
    if details:
        block.set(details, PIXEL_WIDTH, width)
        block.set(details, PIXEL_HEIGHT, height)
    block.drop_thumbnail()
    return bytes(block.data)


class _Block:
    def __init__(self, exif: bytes) -> None:
        self.data = bytearray(exif)
        self.order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4], "")
        if not self.order:
            raise BrokenExif
        self.first = self._read("I", 4)

    def entries(self, directory: int) -> Iterator[tuple[int, int]]:
        """(tag, place) of each entry."""
        room = (len(self.data) - directory - 2) // 12
        places = (directory + 2 + 12 * index for index in range(min(self._read("H", directory), room)))
        return ((self._read("H", at), at) for at in places)

    def value(self, directory: int, tag: int) -> int | None:
        """The first number of an entry, where it is a SHORT or a LONG."""
        for found, at in self.entries(directory):
            code = INTEGERS.get(self._read("H", at + 2))
            if found == tag and code:
                return self._read(code, at + 8)
        return None

    def set(self, directory: int, tag: int, value: int) -> None:
        for found, at in self.entries(directory):
            code = INTEGERS.get(self._read("H", at + 2))
            if found == tag and code:
                struct.pack_into(self.order + code, self.data, at + 8, min(value, 65535) if code == "H" else value)

    def drop_thumbnail(self) -> None:
        link = self.first + 2 + 12 * self._read("H", self.first)
        directory = self._read("I", link) if link + 4 <= len(self.data) else 0
        if not directory:
            return
        start, length = self.value(directory, THUMBNAIL_OFFSET), self.value(directory, THUMBNAIL_LENGTH)
        struct.pack_into(self.order + "I", self.data, link, 0)
        if start and length and start >= link + 4 and start + length <= len(self.data):
            self.data[start : start + length] = bytes(length)

    def _read(self, code: str, at: int) -> int:
        try:
            return struct.unpack_from(self.order + code, self.data, at)[0]
        except struct.error as error:
            raise BrokenExif from error
