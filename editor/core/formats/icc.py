"""ICC profiles: what kind they are, their name, and the exact curves and matrix of the simple ones.

Layout: ICC.1:2022, sections 7 (header, tag table) and 10 (curveType, parametricCurveType, XYZType).
lcms through Pillow has no 16-bit RGB, so 16-bit pixels go through the curves and the matrix read here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

LEVELS = 65536
# The inverse curves are tables over the square root of the linear value: fine where dark codes are dense.
ROOT_STEPS = 1 << 17

Curve = NDArray[np.float32]


class BrokenProfile(ValueError):
    """The bytes are no readable profile, or not of the kind asked for."""


@dataclass(frozen=True, eq=False)
class Shaper:
    """A matrix profile. curves: three float32 (65536,), code to linear light, 0 to 1. matrix: float64 (3, 3), linear
    RGB to XYZ under D50."""

    curves: tuple[Curve, Curve, Curve]
    matrix: NDArray[np.float64]

    @cached_property
    def inverses(self) -> tuple[NDArray[np.uint16], ...]:
        """Three uint16 (ROOT_STEPS + 1,): from round(sqrt(linear) * ROOT_STEPS) back to the code."""
        return tuple(inverse(curve) for curve in self.curves)


def inverse(curve: Curve) -> NDArray[np.uint16]:
    """uint16 (ROOT_STEPS + 1,): the code whose linear value is nearest to (index / ROOT_STEPS) squared."""
    linear = np.square(np.arange(ROOT_STEPS + 1) / ROOT_STEPS)
    rising = np.maximum.accumulate(curve.astype(np.float64))
    return np.rint(np.interp(linear, rising, np.arange(LEVELS))).astype(np.uint16)


def space(icc: bytes) -> str:
    """ "RGB", "GRAY", "CMYK", "Lab" and so on; empty where this is no profile at all."""
    if len(icc) < 132 or icc[36:40] != b"acsp":
        return ""
    return icc[16:20].decode("latin-1").strip()


def opened(icc: bytes) -> ImageCms.ImageCmsProfile:
    """Raises BrokenProfile."""
    try:
        return ImageCms.ImageCmsProfile(BytesIO(icc))
    except (OSError, TypeError, ValueError, ImageCms.PyCMSError) as error:
        raise BrokenProfile from error


def built_in(space: str) -> ImageCms.ImageCmsProfile:
    """lcms' own profile of "sRGB" or "LAB"."""
    return ImageCms.ImageCmsProfile(cast(Any, ImageCms).createProfile(space))


def name(icc: bytes) -> str:
    """What the profile calls itself, on one line; empty where it does not say or is broken."""
    try:
        return " ".join(ImageCms.getProfileDescription(opened(icc)).split())
    except (BrokenProfile, ImageCms.PyCMSError, UnicodeError):
        return ""


def shaper(icc: bytes) -> Shaper | None:
    """The curves and the matrix of an RGB profile; None where it is made of tables instead. Raises BrokenProfile."""
    tags = _tags(icc)
    if space(icc) != "RGB" or icc[20:24] != b"XYZ " or not tags.keys().isdisjoint((b"A2B0", b"A2B1", b"D2B0")):
        return None
    if not {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"} <= tags.keys():
        return None
    columns = [_fixed(tags[tag][8:20], 3) for tag in (b"rXYZ", b"gXYZ", b"bXYZ")]
    matrix = np.array(columns, np.float64).T
    if abs(np.linalg.det(matrix)) < 1e-6:
        raise BrokenProfile
    return Shaper((_curve(tags[b"rTRC"]), _curve(tags[b"gTRC"]), _curve(tags[b"bTRC"])), matrix)


def grey_curve(icc: bytes) -> Curve:
    """float32 (65536,): code to linear light of a grey profile. Raises BrokenProfile."""
    tags = _tags(icc)
    if space(icc) != "GRAY" or b"kTRC" not in tags or icc[20:24] != b"XYZ ":
        raise BrokenProfile
    return _curve(tags[b"kTRC"])


@cache
def srgb() -> Shaper:
    """sRGB as lcms writes it."""
    found = shaper(built_in("sRGB").tobytes())
    if found is None:
        raise BrokenProfile
    return found


def _tags(icc: bytes) -> dict[bytes, bytes]:
    try:
        (count,) = struct.unpack_from(">I", icc, 128)
        entries = [struct.unpack_from(">4sII", icc, 132 + 12 * index) for index in range(min(count, 200))]
    except struct.error as error:
        raise BrokenProfile from error
    return {tag: icc[offset : offset + size] for tag, offset, size in entries}


def _fixed(data: bytes, count: int) -> list[float]:
    try:
        return [value / 65536 for value in struct.unpack_from(f">{count}i", data)]
    except struct.error as error:
        raise BrokenProfile from error


def _curve(data: bytes) -> Curve:
    x = np.linspace(0.0, 1.0, LEVELS)
    if data[:4] == b"curv":
        y = _sampled(data, x)
    elif data[:4] == b"para":
        y = _parametric(data, x)
    else:
        raise BrokenProfile
    return np.clip(np.nan_to_num(y), 0.0, 1.0).astype(np.float32)


def _sampled(data: bytes, x: NDArray[np.float64]) -> NDArray[np.float64]:
    count = int.from_bytes(data[8:12], "big")
    if len(data) < 12 + 2 * count:
        raise BrokenProfile
    table = np.frombuffer(data, ">u2", count, 12)
    if count == 0:
        return x
    if count == 1:
        return x ** (float(table[0]) / 256)
    return np.interp(x, np.linspace(0.0, 1.0, count), table / 65535)


def _parametric(data: bytes, x: NDArray[np.float64]) -> NDArray[np.float64]:
    kind = int.from_bytes(data[8:10], "big")
    if kind > 4:
        raise BrokenProfile
    values = _fixed(data[12:], (1, 3, 4, 5, 7)[kind])
    g, a, b, c, d, e, f = (*values, *(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)[len(values) - 1 :])
    if kind in (1, 2):  # here c is added everywhere, and the border lies where a x + b turns positive
        c, d, e, f = 0.0, -b / a if a else 0.0, c, c
    with np.errstate(all="ignore"):
        return np.where(x >= d, np.maximum(a * x + b, 0.0) ** g + e, c * x + f)
