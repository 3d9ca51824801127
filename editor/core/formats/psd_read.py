"""Reads a layered Photoshop file (PSD, PSB): what is not understood is kept as pixels or named in a sentence."""

from __future__ import annotations

import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image
from psd_tools import PSDImage
from psd_tools.psd import PSD

from editor.core.document import Document
from editor.core.errors import Cancelled, InputUnreadable
from editor.core.formats import colour
from editor.core.formats import icc as profiles
from editor.core.formats import psd_resources as resources
from editor.core.formats.exif import BrokenExif, bare, upright
from editor.core.formats.layered_format import Cancelled as Asked
from editor.core.formats.layered_format import Opened, Progress, ignore, never
from editor.core.formats.pillow import BROKEN, Unsupported, decoding, interpreted
from editor.core.formats.psd import NAME, SIGNATURE
from editor.core.formats.psd_tree import Entry, Notes, layer_of, nested
from editor.core.history import default_budget
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap

MOST_PIXELS = 900_000_000
MOST_SIDE = 300_000
_GREY, _RGB = 1, 3
_MODES = {0: "Bitmap", 2: "Indexed", 4: "CMYK", 7: "Multichannel", 8: "Duotone", 9: "Lab"}

# Without a handler of its own, what psd-tools logs about a damaged file would end up on stderr.
logging.getLogger("psd_tools").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Header:
    """version: 1 for PSD, 2 for PSB. mode: 1 for grey, 3 for RGB, and more. resources: by number."""

    version: int
    width: int
    height: int
    depth: int
    mode: int
    resources: dict[int, bytes]

    @property
    def icc(self) -> bytes | None:
        return self.resources.get(resources.PROFILE) or None


def read_psd(path: Path, progress: Progress = ignore, cancelled: Asked = never) -> Opened:
    """Opens all layers of an RGB or grey file of 8 or 16 bit (as 8 bit); of other files the merged picture.

    progress: called with the share done. Raises InputUnreadable and Cancelled.
    """
    try:
        with path.open("rb") as file, decoding(path, NAME):
            header = read_header(path, file)
            if header.mode in (_GREY, _RGB) and header.depth in (8, 16):
                found = _with_layers(file, header, progress, cancelled)
                if found is not None:
                    return found
            file.seek(0)
            return _merged(file, header)
    except FileNotFoundError as error:
        raise InputUnreadable(f"{path} does not exist; check the name.") from error
    except OSError as error:
        reason = error.strerror or error
        raise InputUnreadable(f"{path} cannot be opened: {reason}; check its name and permissions.") from error


def read_header(path: Path, file: BinaryIO) -> Header:
    """Everything before the layers; the file then stands at 0 again. Raises InputUnreadable and struct.error."""
    signature, version, height, width, depth, mode = struct.unpack(">4sH8xIIHH", file.read(26))
    if signature != SIGNATURE or version not in (1, 2):
        raise InputUnreadable(f"{path} is not a Photoshop file; check the name.")
    if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE) or width * height > MOST_PIXELS:
        most = MOST_PIXELS // 1_000_000
        raise InputUnreadable(f"{path} is too large: {width} x {height}, the most here is {most} megapixels.")
    (colours,) = struct.unpack(">I", file.read(4))
    file.seek(colours, 1)
    (length,) = struct.unpack(">I", file.read(4))
    section = file.read(length)
    file.seek(0)
    return Header(version, width, height, depth, mode, resources.decoded(section))


def _with_layers(file: BinaryIO, header: Header, progress: Progress, cancelled: Asked) -> Opened | None:
    """None where the file has no layers."""
    info: Any = cast(Any, PSD.read(file))._get_layer_info()
    if info is None or not info.layer_records:
        return None
    icc, notes = _profile(header)
    recipes = resources.recipes_of(header.resources.get(resources.RECIPES, b""))
    entries = list[Entry]()
    told = Notes(notes)
    records = list(zip(info.layer_records, info.channel_image_data, strict=False))
    if sum(record.width * record.height for record, _ in records) > default_budget() // 2:
        raise Unsupported("its layers have more pixels together than fit into memory here")
    for index, (record, channels) in enumerate(records):
        if cancelled():
            raise Cancelled("The file was not opened: it was cancelled.")
        progress(index / len(records))
        entries.append(layer_of(record, channels, header, recipes, told))
        for channel in channels:  # the packed pixels are in the layer now
            channel.data = b""
    layers = nested(entries, told)
    if header.depth == 16:
        told.add("The 16-bit values were rounded to 8 bits.")
    progress(1.0)
    return Opened(_document(header, layers, icc, told), told.sentences, NAME)


def _merged(file: BinaryIO, header: Header) -> Opened:
    """The merged picture as the one layer."""
    image: Any = cast(Any, PSDImage).open(file)
    picture = cast(Image.Image | None, image.topil(apply_icc=False))
    if picture is None:
        raise Unsupported("it holds neither layers nor a merged picture that could be shown; save it as RGB")
    decoded = interpreted(picture, header.icc)
    pixels = np.asarray(decoded.pixels, np.uint8)
    if pixels.shape[2] == 3:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=2)
    kind = _MODES.get(header.mode, f"{header.depth}-bit")
    told = Notes(list(decoded.notes))
    if header.mode not in (_GREY, _RGB) or header.depth not in (8, 16):
        told.add(f"Layers of {kind} files are not read, so the merged picture was opened as one layer.")
    layer = RasterLayer(name="Background", plane=TileMap.of(pixels))
    return Opened(_document(header, (layer,), decoded.icc, told), told.sentences, NAME)


def _document(header: Header, layers: Sequence[Any], icc: bytes | None, told: Notes) -> Document:
    document = Document(
        header.width,
        header.height,
        tuple(layers),
        active=layers[-1].id if layers else "",
        dpi=resources.dpi_of(header.resources.get(resources.RESOLUTION, b"")),
        icc=icc,
    )
    exif = bare(header.resources.get(resources.EXIF))
    try:
        return replace(document, exif=upright(exif, header.width, header.height) if exif else None)
    except BrokenExif:
        told.add("The EXIF block is broken, so it was left out.")
        return document


def _profile(header: Header) -> tuple[bytes | None, list[str]]:
    icc = header.icc
    if icc is None or (header.mode == _GREY and profiles.space(icc) == "GRAY"):
        return None, (["The grey profile was left out, so greys count as sRGB."] if icc else [])
    if profiles.space(icc) == "RGB" and colour.usable(icc):
        return icc, []
    return None, [BROKEN]
