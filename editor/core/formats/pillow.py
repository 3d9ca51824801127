"""What readers and writers ask of Pillow: our limits in place of its own, quiet, one kind of error, plain pixels."""

from __future__ import annotations

import logging
import os
import struct
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from editor.core.errors import InputUnreadable, PalimpsestError
from editor.core.formats import colour
from editor.core.formats import icc as profiles
from editor.core.formats.format import FlatImage
from editor.core.formats.icc import BrokenProfile
from editor.core.pixels import strips

Samples = NDArray[np.uint8 | np.uint16]

# Without a handler of its own, what Pillow logs about a damaged file would end up on stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# The size of a picture is judged in flat.py, from its header and by the memory that the caller has.
Image.MAX_IMAGE_PIXELS = None

BROKEN = "The colour profile is broken or does not fit the picture, so it was left out."
CMYK_BY_PROFILE = "CMYK was converted to sRGB through its profile."
CMYK_BY_RULE = "CMYK was converted to sRGB without a profile, so its colours are approximate."


class Unsupported(Exception):
    """The file may be whole, but holds something that is not read here; str() says what and what to do."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Samples as (H, W, 3 or 4), the profile that still describes them, and what was converted."""

    pixels: Samples
    icc: bytes | None
    notes: tuple[str, ...] = ()


@contextmanager
def decoding(path: object, format_name: str) -> Generator[None]:
    """Turns whatever a decoder does on a damaged file into InputUnreadable, and keeps its warnings off stderr."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PalimpsestError:
        raise
    except MemoryError as error:
        raise InputUnreadable(f"{path} cannot be opened: there is not enough memory; close other programs.") from error
    except Unsupported as error:
        raise InputUnreadable(f"{path} cannot be opened: {error}.") from error
    except (EOFError, IndexError, struct.error) as error:
        raise _incomplete(path, format_name) from error
    except Exception as error:  # decoders meet damage with nearly every type there is
        if "truncated" in str(error).lower():
            raise _incomplete(path, format_name) from error
        reason = f"its {format_name} data is damaged or of an unusual kind"
        raise InputUnreadable(f"{path} cannot be read: {reason}; try another copy, or save it anew as PNG.") from error


def _incomplete(path: object, format_name: str) -> InputUnreadable:
    return InputUnreadable(f"{path} is incomplete: its {format_name} data ends too early; try another copy of it.")


@contextmanager
def silenced() -> Generator[None]:
    """Sends the process's stderr nowhere: libtiff and libpng print what they find wrong and cannot be told not to."""
    _SILENCE.begin()
    try:
        yield
    finally:
        _SILENCE.end()


class _Silence:
    """Threads share it: the first to come turns stderr off, the last to go turns it on again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._kept: int | None = None

    def begin(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._kept = _stderr_off()

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._kept is not None:
                os.dup2(self._kept, 2)
                os.close(self._kept)
                self._kept = None


_SILENCE = _Silence()


def _stderr_off() -> int | None:
    """What to put back later; None for a program without a console, which has no stderr to keep clean."""
    try:
        kept = os.dup(2)
    except OSError:
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return kept


def depth(image: ImageFile.ImageFile) -> int:
    """Bits per sample in the file, 8 (also for fewer) or 16, from the header."""
    return 16 if "16" in raw_mode(image) else 8


def raw_mode(image: ImageFile.ImageFile) -> str:
    """How the samples lie in the file, in Pillow's words; empty where it does not say."""
    args = image.tile[0].args if image.tile else None
    return args if isinstance(args, str) else str(args[0]) if args else ""


def set_raw_mode(image: ImageFile.ImageFile, raw: str) -> None:
    """Has the samples of a file that is not loaded yet read in another way."""
    image.tile = [
        tile._replace(args=raw if not isinstance(tile.args, tuple) else (raw, *tile.args[1:])) for tile in image.tile
    ]


def samples_of(image: Image.Image) -> Samples:
    """(H, W) or (H, W, C) of an image. By strips, since numpy's own way needs the room of a second copy."""
    sample = np.asarray(image.crop((0, 0, 1, 1)))
    result = np.empty((image.height, image.width, *sample.shape[2:]), sample.dtype)
    for rows in strips(image.height, image.width):
        result[rows] = _strip(image, rows)
    return result


def joined(upper: Image.Image, lower: Image.Image) -> NDArray[np.uint16]:
    """16-bit samples from the two halves that Pillow's 8-bit unpackers can give."""
    result = np.empty((upper.height, upper.width, len(upper.getbands())), np.uint16)
    for rows in strips(upper.height, upper.width):
        np.left_shift(_strip(upper, rows), 8, out=result[rows], dtype=np.uint16)
        np.bitwise_or(result[rows], _strip(lower, rows), out=result[rows])
    return result


def _strip(image: Image.Image, rows: slice) -> NDArray[Any]:
    return np.asarray(image.crop((0, rows.start, image.width, rows.stop)))


def interpreted(image: Image.Image, icc: bytes | None) -> Decoded:
    """RGB or RGBA pixels of any image that Pillow can hold in 8 bit, or in 16 bit grey. Raises Unsupported."""
    if image.mode in ("I", "F"):
        raise Unsupported("it holds 32-bit or floating point samples; save it with 8 or 16 bits a channel")
    if image.mode.startswith("I;16"):
        return described(_deep_grey(image), icc)
    if image.mode == "LAB":
        return Decoded(samples_of(colour.lab_to_srgb(image)), None, ("Lab colours were converted to sRGB.",))
    if image.mode == "CMYK":
        return _from_cmyk(image, icc)
    mode = _plain_mode(image)
    return described(samples_of(image if image.mode == mode else image.convert(mode)), icc)


def described(samples: Samples, icc: bytes | None) -> Decoded:
    """RGB or RGBA pixels from samples (H, W) or (H, W, 1 to 4), with the profile where it fits them."""
    samples = samples[..., np.newaxis] if samples.ndim == 2 else samples
    kind = profiles.space(icc) if icc else ""
    if samples.shape[2] <= 2:
        return _from_grey(samples, icc, kind)
    if icc and not (kind == "RGB" and colour.usable(icc)):
        return Decoded(samples, None, (BROKEN,))
    return Decoded(samples, icc)


def save(file: BinaryIO, image: FlatImage, format_name: str, **options: Any) -> None:
    """Encodes 8-bit pixels with Pillow. By way of memory: on a real file Pillow overlooks a short write."""
    buffer = BytesIO()
    picture = Image.fromarray(image.pixels)
    given = {"icc_profile": image.icc, "exif": image.exif, "dpi": image.dpi} | options
    picture.save(buffer, format_name, **{key: value for key, value in given.items() if value is not None})
    file.write(buffer.getbuffer())


def _plain_mode(image: Image.Image) -> str:
    if image.mode in ("1", "L", "LA", "La"):
        return "LA" if image.has_transparency_data else "L"
    return "RGBA" if image.has_transparency_data else "RGB"


def _deep_grey(image: Image.Image) -> NDArray[np.uint16]:
    grey = samples_of(image).astype(np.uint16)
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return grey
    return np.stack([grey, np.where(grey == clear, 0, 65535).astype(np.uint16)], axis=-1)


def _from_grey(samples: Samples, icc: bytes | None, kind: str) -> Decoded:
    notes: tuple[str, ...] = ()
    grey = samples[..., :1]
    if icc and kind == "GRAY":
        try:
            grey = colour.grey_table(icc, samples.dtype.itemsize * 8)[grey]
            notes = ("Grey was converted from its own profile to sRGB.",)
        except BrokenProfile:
            notes = (BROKEN,)
        icc = None
    pixels = np.concatenate([grey, grey, grey, samples[..., 1:]], axis=2)
    rest = described(pixels, icc)
    return Decoded(rest.pixels, rest.icc, notes + rest.notes)


def _from_cmyk(image: Image.Image, icc: bytes | None) -> Decoded:
    if icc:
        try:
            return Decoded(samples_of(colour.image_to_srgb(image, icc)), None, (CMYK_BY_PROFILE,))
        except BrokenProfile:
            return Decoded(samples_of(image.convert("RGB")), None, (BROKEN, CMYK_BY_RULE))
    return Decoded(samples_of(image.convert("RGB")), None, (CMYK_BY_RULE,))
