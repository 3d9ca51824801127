"""Reading, writing and describing flat pictures. The kind of a file is told by its content when it is read, and by
its suffix when it is written."""

from __future__ import annotations

import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from PIL import ImageFile

from editor.core.atomic import replacing
from editor.core.errors import InputUnreadable, OutputNotWritable, UsageError
from editor.core.formats import FORMATS, colour
from editor.core.formats import icc as profiles
from editor.core.formats.exif import BrokenExif, bare, orientation, turned, upright
from editor.core.formats.format import NO_LIMIT, FlatImage, Format, Options
from editor.core.formats.pillow import Decoded, Unsupported, decoding, depth, described, interpreted
from editor.core.pixels import Pixels, opaque, over_white, to_8_bit

MOST_PIXELS = 900_000_000
MOST_DPI = 65_535  # what JPEG's header holds
HEAD = 64


def read_flat(path: Path, *, max_pixels: int | None = None) -> FlatImage:
    """Opens a picture: turned upright, 8 or 16 bit RGB or RGBA, in its own RGB profile (other kinds become sRGB).

    max_pixels: what the caller has memory for; never more than 900 megapixels, judged before anything is decoded.
    Raises InputUnreadable.
    """
    with _opened(path) as file:
        format = _kind(path, file)
        with decoding(path, format.name):
            image = _header(path, file, format, max_pixels)
            exif = bare(format.exif(image))
            turn = 1 if format.turns else orientation(exif)
            decoded = _decoded(image, file, format)
            return _finished(image, format, decoded, exif, turn)


def write_flat(path: Path, image: FlatImage, *, quality: int = 95, lossless: bool = False) -> list[str]:
    """Writes a picture in the format of the suffix, whole or not at all; returns what the format could not hold.

    quality: 1 to 100, for JPEG, WebP and AVIF. lossless: for WebP. Raises UsageError for an unknown suffix or quality,
    and OutputNotWritable.
    """
    format = format_for(path)
    if not 1 <= quality <= 100:
        raise UsageError(f"A quality of {quality} does not exist; give one from 1 to 100.")
    if max(image.width, image.height) > format.holds.side:
        size = f"{image.width} x {image.height}"
        message = f"{path} was not written: {format.name} holds at most {format.holds.side} pixels a side, not {size}"
        raise OutputNotWritable(f"{message}; save it as PNG or TIFF.")
    try:
        fitted, notes = _fitted(image, format)
        with replacing(path) as file:
            format.write(file, fitted, Options(quality, lossless))
    except MemoryError as error:
        raise OutputNotWritable(f"{path} was not written: there is not enough memory; close other programs.") from error
    except (Unsupported, ValueError, OverflowError) as error:
        raise OutputNotWritable(f"{path} was not written as {format.name}: {error}.") from error
    return notes


def flatten(source: Path, target: Path, *, max_pixels: int | None = None) -> list[str]:
    """Writes a flat picture as it looks, as PNG. Raises UsageError for another suffix, and as read and write do."""
    if target.suffix.lower() != ".png":
        raise UsageError(f"{target} has to end in .png: flattening writes PNG.")
    image = read_flat(source, max_pixels=max_pixels)
    return [*image.notes, *write_flat(target, image)]


def info(path: Path) -> dict[str, Any]:
    """What the header says, with the picture as the one layer of a tree. Raises InputUnreadable."""
    with _opened(path) as file:
        format = _kind(path, file)
        with decoding(path, format.name):
            image = format.open(file)
            turn = orientation(bare(format.exif(image)))
            width, height = image.size if format.turns or turn < 5 else image.size[::-1]
            icc = image.info.get("icc_profile")
            return {
                "format": format.name,
                "size": [width, height],
                "depth": depth(image),
                "mode": image.mode,
                "alpha": image.has_transparency_data,
                "profile": (profiles.name(icc) or "unnamed") if icc else None,
                "orientation": turn,
                "dpi": _dpi(image),
                "animated": _animated(image),
                "layers": [_layer(path.stem, width, height)],
            }


def format_for(path: Path) -> Format:
    """The format that a suffix stands for. Raises UsageError, listing the known ones."""
    for format in FORMATS:
        if path.suffix.lower() in format.suffixes:
            return format
    known = ", ".join(suffix for format in FORMATS for suffix in format.suffixes)
    raise UsageError(f"{path} does not end in a picture's suffix that can be written; use one of {known}.")


@contextmanager
def _opened(path: Path) -> Generator[BinaryIO]:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputUnreadable(f"{path} is a folder; give a picture file.")
        if not stat.S_ISREG(mode):  # reading a pipe or /dev/zero may never end
            raise InputUnreadable(f"{path} is not a regular file; copy the picture into a file first.")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise InputUnreadable(f"{path} does not exist; check the name.") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputUnreadable(f"{path} cannot be opened: {reason}; check its name and permissions.") from error
    with file:
        yield file


def _kind(path: Path, file: BinaryIO) -> Format:
    head = file.read(HEAD)
    file.seek(0)
    for format in FORMATS:
        if format.sniff(head):
            return format
    if not head:
        raise InputUnreadable(f"{path} is empty; try another copy of it.")
    known = ", ".join(format.name for format in FORMATS)
    raise InputUnreadable(f"{path} is not a picture of a known kind; those that open are {known}, OpenRaster and PSD.")


def _header(path: Path, file: BinaryIO, format: Format, max_pixels: int | None) -> ImageFile.ImageFile:
    peeked = format.peek(file.read(HEAD))
    file.seek(0)
    if peeked:
        _check_size(path, peeked, max_pixels)
    image = format.open(file)
    _check_size(path, image.size, max_pixels)
    return image


def _check_size(path: Path, size: tuple[int, int], max_pixels: int | None) -> None:
    most = MOST_PIXELS if max_pixels is None else min(max_pixels, MOST_PIXELS)
    if size[0] * size[1] > most:
        found = f"{size[0]} x {size[1]} is {size[0] * size[1] / 1e6:.1f} megapixels, the most here is {most / 1e6:.1f}"
        raise InputUnreadable(f"{path} is too large: {found}; scale it down first.")


def _decoded(image: ImageFile.ImageFile, file: BinaryIO, format: Format) -> Decoded:
    icc = image.info.get("icc_profile")
    icc = icc if isinstance(icc, bytes) and icc else None
    samples = format.samples(image, file)
    return interpreted(image, icc) if samples is None else described(samples, icc)


def _finished(image: ImageFile.ImageFile, format: Format, decoded: Decoded, exif: bytes | None, turn: int) -> FlatImage:
    pixels = turned(decoded.pixels, turn)
    pixels.flags.writeable = False
    notes = list(decoded.notes)
    if _animated(image):
        notes.append("Only the first of several pictures in the file was read.")
    try:
        exif = upright(exif, pixels.shape[1], pixels.shape[0]) if exif else None
    except BrokenExif:
        exif = None
        notes.append("The EXIF block is broken, so it was left out.")
    return FlatImage(cast(Pixels, pixels), decoded.icc, exif, _dpi(image), image.mode, format.name, tuple(notes))


def _fitted(image: FlatImage, format: Format) -> tuple[FlatImage, list[str]]:
    """The picture as far as the format can hold it, and what was given up."""
    holds, name, notes = format.holds, format.name, list[str]()
    pixels, icc, exif = image.pixels, image.icc, image.exif
    if icc and len(icc) > holds.icc:
        pixels, icc = colour.to_srgb(pixels, icc), None
        notes.append(f"{name} cannot hold the colour profile, so the colours were converted to sRGB.")
    if image.has_alpha and not holds.alpha:
        if not opaque(pixels):
            notes.append(f"{name} holds no transparency, so the picture was laid on white.")
        pixels = over_white(pixels)
    if pixels.dtype.itemsize == 2 and not holds.deep:
        pixels = to_8_bit(pixels)
        notes.append(f"{name} holds 8 bits a channel, so the 16-bit values were rounded.")
    if exif and len(exif) > holds.exif:
        exif = None
        notes.append(f"{name} cannot hold the EXIF block, so it was left out.")
    if holds.colours < NO_LIMIT:
        notes.append(f"{name} holds {holds.colours} colours, so they were reduced.")
    return replace(image, pixels=pixels, icc=icc, exif=exif), notes


def _dpi(image: ImageFile.ImageFile) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    # 1 is what Pillow says where a TIFF says nothing.
    return (across, down) if 1 < across <= MOST_DPI and 1 < down <= MOST_DPI else None


def _animated(image: ImageFile.ImageFile) -> bool:
    return bool(getattr(image, "is_animated", False))


def _layer(name: str, width: int, height: int) -> dict[str, Any]:
    look = {"kind": "raster", "opacity": 1.0, "blend": "normal", "visible": True}
    return {"name": name, **look, "x": 0, "y": 0, "w": width, "h": height, "mask": False, "recipe": None}
