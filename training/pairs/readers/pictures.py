"""Pictures as pairs have them: 8-bit sRGB, upright, without transparency; decoded from bytes that nobody vouches for.

Pillow decodes, and only formats whose decoders run nothing (no EPS, no PSD). Transparent parts are flattened over
white. Colours are taken to sRGB by the picture's own profile; CMYK without one by Pillow's rule. 16 bits become 8 by
rounding. Animations give their first picture. The orientation that a camera wrote is carried out.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from training.pairs.pair import Grey, PairError, Rgb

LARGEST_FILE = 256 << 20
"""Bytes of one encoded picture."""

LARGEST_PICTURE = 1 << 27
"""Pixels of one picture, 134 million: above any camera, below what would fill the memory."""

DECODERS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".mpo", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".jp2", ".ppm"}
)

_cms: Any = import_module("PIL.ImageCms")  # its annotations are partial

# Without a handler of its own, what Pillow logs about a damaged file would end up on stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def picture(data: bytes, name: str) -> Rgb:
    """uint8 (H, W, 3) sRGB. Raises `PairError`, with `name` in its sentence."""
    with _decoding(data, name) as image:
        alpha = _samples(image.convert("RGBA").getchannel("A")) if image.has_transparency_data else None
        rgb = _samples(_to_srgb(image))
    return rgb if alpha is None else _over_white(rgb, alpha)


def mask(data: bytes, name: str) -> Grey:
    """uint8 (H, W): the picture's brightness, 255 where the change is wanted; transparent counts as black.

    Raises `PairError`.
    """
    with _decoding(data, name) as image:
        grey = _samples(image.convert("RGB").convert("L") if image.mode != "L" else image)
        alpha = _samples(image.convert("RGBA").getchannel("A")) if image.has_transparency_data else None
    return grey if alpha is None else _times(grey, alpha)


def erased(data: bytes, name: str, shape: tuple[int, int]) -> Grey:
    """uint8 (H, W) of `shape`, from a picture out of which the part to change was erased: 255 where it is transparent.

    MagicBrush keeps its masks so, at sizes of their own (its issue 10). Some copies of it are black and white without
    transparency; there white is the part to change, as its card says. Raises `PairError` where it is neither.
    """
    with _decoding(data, name) as image:
        if image.has_transparency_data:
            wanted = 255 - _samples(image.convert("RGBA").getchannel("A"))
        else:
            wanted = _white(_samples(image.convert("RGB")), name)
    if wanted.shape == shape:
        return wanted
    return np.asarray(cv2.resize(wanted, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)


def brought_to_one_size(source: Rgb, target: Rgb) -> tuple[Rgb, Rgb]:
    """Both at the smaller one's size where they have one shape, as MagicBrush's 500 px photos and their 1024 px
    edits; else both as they are."""
    high, wide = source.shape[:2]
    higher, wider = target.shape[:2]
    if (high, wide) == (higher, wider) or abs(wide * higher - high * wider) > max(high, wide, higher, wider):
        return source, target
    if high * wide <= higher * wider:
        return source, _reduced(target, high, wide)
    return _reduced(source, higher, wider), target


def _reduced(image: Rgb, height: int, width: int) -> Rgb:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _white(rgb: Rgb, name: str) -> Grey:
    spread = rgb.max(axis=2).astype(np.int16) - rgb.min(axis=2)
    if int(spread.max()) > 8:
        raise PairError(f"{name} is no mask: it is neither transparent where the change is wanted nor black and white.")
    return np.ascontiguousarray(rgb[..., 0])


@contextmanager
def _decoding(data: bytes, name: str) -> Generator[Image.Image]:
    """The decoded picture, upright, 8 bits a sample; whatever a decoder does on damaged data becomes `PairError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=DECODERS) as image:
                if image.width * image.height > LARGEST_PICTURE:
                    raise PairError(
                        f"{name} has more than {LARGEST_PICTURE / 1e6:.0f} million pixels; save it smaller."
                    )
                image.load()
                yield _eight_bits(_upright(image), name)
    except PairError:
        raise
    except Image.DecompressionBombError as error:
        raise PairError(f"{name} has more than {LARGEST_PICTURE / 1e6:.0f} million pixels; save it smaller.") from error
    except UnidentifiedImageError as error:
        raise PairError(f"{name} is no picture of a kind that can be read; save it as PNG or JPEG.") from error
    except MemoryError as error:
        raise PairError(f"{name} does not fit into memory; close other programs, or save it smaller.") from error
    except Exception as error:  # decoders meet damage with nearly every type there is
        raise PairError(f"{name} is damaged or incomplete ({_reason(error)}); try another copy of it.") from error


def _reason(error: Exception) -> str:
    return (
        "its data ends too early" if "truncated" in str(error) or isinstance(error, EOFError) else "it does not decode"
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):  # the note is damaged, the picture is whole
        return image


def _eight_bits(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F":
        raise PairError(f"{name} holds floating-point samples; save it with 8 or 16 bits a channel.")
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    deep = np.asarray(image).astype(np.int64)
    if int(deep.min()) < 0 or int(deep.max()) > 65535:
        raise PairError(f"{name} holds 32-bit samples; save it with 8 or 16 bits a channel.")
    grey = Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8))
    grey.info = {"icc_profile": image.info.get("icc_profile")}
    return grey


def _to_srgb(image: Image.Image) -> Image.Image:
    plain = image if image.mode in ("L", "CMYK", "RGB") else image.convert("L" if image.mode == "1" else "RGB")
    profile = cast("object", image.info.get("icc_profile"))
    if isinstance(profile, bytes) and profile:
        try:
            own = _cms.getOpenProfile(BytesIO(profile))
            if "srgb" not in _cms.getProfileDescription(own).lower():
                return _converted(plain, own)
        except (_cms.PyCMSError, OSError, ValueError):  # a profile that is broken or of another kind says nothing
            pass
    return plain.convert("RGB")


def _converted(image: Image.Image, own: object) -> Image.Image:
    made: Image.Image | None = _cms.profileToProfile(
        image,
        own,
        _cms.createProfile("sRGB"),
        renderingIntent=_cms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=_cms.Flags.BLACKPOINTCOMPENSATION,
    )
    return image.convert("RGB") if made is None else made


def _samples(image: Image.Image) -> NDArray[np.uint8]:
    return np.array(image, np.uint8)


def _over_white(rgb: Rgb, alpha: Grey) -> Rgb:
    cover = alpha[..., np.newaxis].astype(np.uint16)
    return ((rgb * cover + 255 * (255 - cover) + 127) // 255).astype(np.uint8)


def _times(grey: Grey, alpha: Grey) -> Grey:
    return ((grey.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
