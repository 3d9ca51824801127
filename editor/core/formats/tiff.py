"""TIFF 6.0: the first page, all of 16 bit; written in strips, deflated after a horizontal difference."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from io import BytesIO
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from editor.core.formats import deflate
from editor.core.formats.exif import ORIENTATION, bare, directory, turned
from editor.core.formats.format import NO_LIMIT, FlatImage, Format, Holds, Options
from editor.core.formats.pillow import Samples, Unsupported, joined, raw_mode, samples_of, set_raw_mode, silenced
from editor.core.pixels import has_alpha, strips

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 254, 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES, ROWS, STRIP_SIZES, X_DENSITY, Y_DENSITY, PLANAR, UNIT = 273, 277, 278, 279, 282, 283, 284, 296
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES, EXTRA, PROFILE = 317, 322, 323, 324, 325, 338, 34675
EXIF_IFD, GPS_IFD, INTEROP, DNG = 34665, 34853, 40965, 50706
# What describes the photo and not the file: description, make, model, software, date, artist, rating, copyright, and
# Windows' own title, comment, author, keywords, subject.
TEXTS = (270, 271, 272, 305, 306, 315, 18246, 33432, 40091, 40092, 40093, 40094, 40095)
SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7
CODES = {SHORT: "H", LONG: "I", RATIONAL: "I", UNDEFINED: "B"}
DEFLATE, RGB, INCH, HORIZONTAL, STRAIGHT_ALPHA = 8, 2, 2, 2, 2
LARGE_TILE = 1 << 22
LARGEST = (1 << 32) - (1 << 20)

Tags = Mapping[int, tuple[int, Iterable[int]]]


def open_tiff(file: BinaryIO) -> ImageFile.ImageFile:
    """Reads the first directory. Raises Unsupported for camera raw files, whose first picture is a small preview."""
    head = file.read(16)
    file.seek(0)
    image = TiffImagePlugin.TiffImageFile(file)
    if DNG in image.tag_v2 or image.tag_v2.get(SUBFILE, 0) & 1 or head[8:10] == b"CR":
        raise Unsupported("it is a camera raw file; develop it and save it as TIFF, PNG or JPEG")
    if image.tag_v2.get(TILE_WIDTH, 1) * image.tag_v2.get(TILE_HEIGHT, 1) > max(LARGE_TILE, 4 * math.prod(image.size)):
        raise Unsupported("it is damaged: its tiles are larger than the picture; try another copy")
    return image


def tiff_exif(image: ImageFile.ImageFile) -> bytes | None:
    """An EXIF block made of the tags that describe the photo, with its orientation."""
    source, block = image.getexif(), Image.Exif()
    for tag in (ORIENTATION, *TEXTS):
        if tag in source:
            block[tag] = source[tag]
    for tag in (EXIF_IFD, GPS_IFD):
        details = {key: value for key, value in source.get_ifd(tag).items() if key != INTEROP}
        if details:
            block[tag] = details
    return bare(block.tobytes()) if len(block) else None


def deep_samples(image: ImageFile.ImageFile, file: BinaryIO) -> Samples | None:
    """uint8 or uint16 (H, W, 1 to 4), upright, where Pillow keeps the upper 8 bits only or mistakes the layout."""
    with silenced():
        samples = _special_samples(image, file)
        if samples is None:
            image.load()
    return samples


def _special_samples(image: ImageFile.ImageFile, file: BinaryIO) -> Samples | None:
    tags = cast(TiffImagePlugin.TiffImageFile, image).tag_v2
    if len(tags.get(TILE_OFFSETS) or tags[STRIP_OFFSETS]) < _pieces_needed(tags):
        raise EOFError  # Pillow would leave the rest black
    photometric, bits = tags.get(PHOTOMETRIC, 0), tags.get(BITS, (1,))
    apart = tags.get(PLANAR) == 2 and tags.get(SAMPLES, 1) > 1
    if apart and (photometric, bits[0]) in ((1, 8), (1, 16), (RGB, 16)):
        orientation = tags.get(ORIENTATION, 1)
        return turned(_straight(_planes(tags, file), tags), orientation)
    if image.mode.startswith("I;16"):
        return _whole_range(samples_of(image).astype(np.uint16), bits[0], white_is_zero=photometric == 0)
    if image.mode in ("RGB", "RGBA") and ";16" in raw_mode(image):
        return _straight(_two_halves(image, file), tags)
    return None


def write_tiff(file: BinaryIO, image: FlatImage, options: Options) -> None:
    """Encodes 8 or 16 bit. Raises Unsupported above 4 GB, where the format's offsets end."""
    height, width, channels = image.pixels.shape
    # EXIF is a TIFF structure itself: put first, with its byte order taken over, all its offsets stay right.
    order, entries = directory(image.exif) if image.exif else ("<", {})
    rows = next(strips(height, width))
    tags = {
        WIDTH: (LONG, [width]),
        HEIGHT: (LONG, [height]),
        BITS: (SHORT, [image.pixels.dtype.itemsize * 8] * channels),
        COMPRESSION: (SHORT, [DEFLATE]),
        PHOTOMETRIC: (SHORT, [RGB]),
        ORIENTATION: (SHORT, [1]),
        SAMPLES: (SHORT, [channels]),
        ROWS: (LONG, [rows.stop]),
        PREDICTOR: (SHORT, [HORIZONTAL]),
    }
    if has_alpha(image.pixels):
        tags[EXTRA] = (SHORT, [STRAIGHT_ALPHA])
    if image.icc:
        tags[PROFILE] = (UNDEFINED, list(image.icc))
    if image.dpi:
        across, down = (Fraction(value).limit_denominator(10_000) for value in image.dpi)
        tags[X_DENSITY] = (RATIONAL, across.as_integer_ratio())
        tags[Y_DENSITY] = (RATIONAL, down.as_integer_ratio())
        tags[UNIT] = (SHORT, [INCH])
    kept = {tag: entry for tag, entry in entries.items() if tag in (*TEXTS, EXIF_IFD, GPS_IFD)}
    assemble(file, order, image.exif or b"", deflate.each(_differences(image.pixels, order)), tags, kept)


def _differences(pixels: Samples, order: str) -> Iterator[bytes]:
    for rows in strips(*pixels.shape[:2]):
        strip = pixels[rows].copy()
        strip[:, 1:] -= pixels[rows, :-1]
        yield strip.astype(np.dtype(order + strip.dtype.str[1:])).tobytes()


def assemble(
    file: BinaryIO, order: str, start: bytes, blocks: Iterable[bytes], tags: Tags, entries: Mapping[int, bytes]
) -> None:
    """Writes a TIFF: `start` (itself beginning like one), the blocks, then the directory; `entries` are ready-made."""
    start = start or {"<": b"II*\0", ">": b"MM\0*"}[order] + bytes(4)
    file.write(start + bytes(len(start) % 2))
    offsets, sizes = list[int](), list[int]()
    for block in blocks:
        offsets.append(_append(file, block))
        sizes.append(len(block))
    places = (TILE_OFFSETS, TILE_SIZES) if TILE_WIDTH in tags else (STRIP_OFFSETS, STRIP_SIZES)
    tags = {**tags, places[0]: (LONG, offsets), places[1]: (LONG, sizes)}
    written = {tag: _entry(file, order, tag, kind, list(values)) for tag, (kind, values) in tags.items()}
    complete = sorted((dict(entries) | written).items())
    table = struct.pack(order + "H", len(complete)) + b"".join(entry for _, entry in complete) + bytes(4)
    place = _append(file, table)
    file.seek(4)
    file.write(struct.pack(order + "I", place))


def _entry(file: BinaryIO, order: str, tag: int, kind: int, values: list[int]) -> bytes:
    count = len(values) // 2 if kind == RATIONAL else len(values)
    data = struct.pack(f"{order}{len(values)}{CODES[kind]}", *values)
    if len(data) > 4:
        data = struct.pack(order + "I", _append(file, data))
    return struct.pack(order + "HHI", tag, kind, count) + data.ljust(4, b"\0")


def _append(file: BinaryIO, data: bytes) -> int:
    place = file.seek(0, 2)
    if place + len(data) > LARGEST:
        raise Unsupported("a TIFF file ends at 4 GB; save it as PNG")
    file.write(data + bytes(len(data) % 2))
    return place


def _two_halves(image: ImageFile.ImageFile, file: BinaryIO) -> NDArray[np.uint16]:
    """uint16 (H, W, 3 or 4): Pillow's unpackers for either byte order give the upper and the lower 8 bits."""
    raw = raw_mode(image).replace("RGBa", "RGBA")
    here = {"N": sys.byteorder[0].upper()}.get(raw[-1], raw[-1])
    there = {"L": "B", "B": "L"}[here]
    set_raw_mode(image, raw[:-1] + here)
    image.load()
    file.seek(0)
    lower = TiffImagePlugin.TiffImageFile(file)
    set_raw_mode(lower, raw[:-1] + there)
    return joined(image, lower)


def _planes(tags: TiffImagePlugin.ImageFileDirectory_v2, file: BinaryIO) -> Samples:
    """(H, W, C) of a file that keeps its channels apart, each read as a grey picture of its own."""
    order = "<" if tags.prefix == b"II" else ">"
    count = tags[SAMPLES]
    offsets_tag, sizes_tag = (TILE_OFFSETS, TILE_SIZES) if TILE_OFFSETS in tags else (STRIP_OFFSETS, STRIP_SIZES)
    places = list(zip(tags[offsets_tag], tags[sizes_tag], strict=True))
    share = len(places) // count
    useful = (1 if tags[PHOTOMETRIC] == 1 else 3) + (1 if _alpha_kind(tags) else 0)
    shared = (WIDTH, HEIGHT, COMPRESSION, FILL_ORDER, ROWS, PREDICTOR, TILE_WIDTH, TILE_HEIGHT)
    grey = {tag: (LONG, [tags[tag]]) for tag in shared if tag in tags}
    grey |= {BITS: (SHORT, [tags[BITS][0]]), PHOTOMETRIC: (SHORT, [1]), SAMPLES: (SHORT, [1])}
    planes = list[Samples]()
    for index in range(min(count, useful)):
        buffer = BytesIO()
        assemble(buffer, order, b"", _pieces(file, places[index * share : (index + 1) * share]), grey, {})
        buffer.seek(0)
        planes.append(_native(np.asarray(TiffImagePlugin.TiffImageFile(buffer))))
    return np.stack(planes, axis=-1)


def _pieces_needed(tags: TiffImagePlugin.ImageFileDirectory_v2) -> int:
    """How many strips or tiles make up the picture."""
    width, height = tags[WIDTH], tags[HEIGHT]
    if TILE_OFFSETS in tags:
        layer = math.ceil(width / tags[TILE_WIDTH]) * math.ceil(height / tags[TILE_HEIGHT])
    else:
        layer = math.ceil(height / tags.get(ROWS, height))
    return layer * (tags.get(SAMPLES, 1) if tags.get(PLANAR) == 2 else 1)


def _pieces(file: BinaryIO, places: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    for offset, size in places:
        file.seek(offset)
        yield file.read(size)


def _native(samples: NDArray[Any]) -> Samples:
    return samples.astype(samples.dtype.newbyteorder("="))


def _alpha_kind(tags: TiffImagePlugin.ImageFileDirectory_v2) -> int:
    """0 without alpha, 1 where the colours are multiplied by it, 2 where they are not."""
    colours = 1 if tags.get(PHOTOMETRIC, 0) <= 1 else 3
    extra = tags.get(EXTRA, ())
    if tags[SAMPLES] > colours and not extra:  # Pillow and others take an unnamed channel for alpha
        return STRAIGHT_ALPHA
    return extra[0] if extra and extra[0] in (1, STRAIGHT_ALPHA) else 0


def _straight(samples: Samples, tags: TiffImagePlugin.ImageFileDirectory_v2) -> Samples:
    """The samples with their colours no longer multiplied by alpha."""
    if _alpha_kind(tags) != 1 or samples.shape[2] not in (2, 4):
        return samples
    top = np.iinfo(samples.dtype).max
    for rows in strips(*samples.shape[:2]):
        alpha = samples[rows, :, -1:].astype(np.uint64)
        colour = (samples[rows, :, :-1].astype(np.uint64) * top + alpha // 2) // np.maximum(alpha, 1)
        samples[rows, :, :-1] = np.where(alpha == 0, 0, np.minimum(colour, top))
    return samples


def _whole_range(grey: NDArray[np.uint16], bits: int, *, white_is_zero: bool) -> NDArray[np.uint16]:
    """Grey spread over 16 bits, black at 0."""
    if bits == 12:
        grey = np.bitwise_or(np.left_shift(grey, 4), np.right_shift(grey, 8))
    return np.invert(grey) if white_is_zero else grey


FORMAT = Format(
    name="TIFF",
    suffixes=(".tif", ".tiff"),
    holds=Holds(alpha=True, deep=True, icc=NO_LIMIT, exif=NO_LIMIT),
    sniff=lambda head: head.startswith(MAGICS),
    open=open_tiff,
    write=write_tiff,
    samples=deep_samples,
    exif=tiff_exif,
    turns=True,
)
