"""ICC profiles made by hand, so that none has to be shipped: ICC.1:2010, v2 headers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
PRO_PHOTO = ((0.79768, 0.28804, 0.0), (0.13519, 0.71188, 0.00009), (0.03134, 0.00009, 0.82491))
D50 = (0.9642, 1.0, 0.8249)
GRID = 9


def fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def profile(space: bytes, pcs: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Header, tag table and tags."""
    title = b"Made for a test\0"
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(title)) + title + bytes(78), b"wtpt": xyz(D50), **tags}
    table, data = b"", b""
    start = 132 + 12 * len(tags)
    for tag, body in tags.items():
        table += struct.pack(">4sII", tag, start + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), bytes(4), 0x02400000, kind, space, pcs)
    header += bytes(12) + b"acsp" + bytes(28) + fixed(*D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*values)


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def parametric(kind: int, *values: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fixed(*values)


def sampled(values: NDArray[np.float64]) -> bytes:
    codes = np.rint(values * 65535).astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", len(values)) + codes


def table(grid: int, nodes: NDArray[np.float64], inputs: int) -> bytes:
    """mft1: 8-bit tables with straight input and output curves; nodes (grid ** inputs, 3) in 0 to 1."""
    straight = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes((inputs, 3, grid, 0)) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    return head + straight * inputs + np.rint(np.clip(nodes, 0, 1) * 255).astype(np.uint8).tobytes() + straight * 3


def through_lcms(colours: NDArray[np.float64], source: str, target: str, modes: tuple[str, str]) -> NDArray[np.float64]:
    """(N, 3) in 0 to 1 from one of lcms' own spaces to another; Lab as 8-bit tables hold it, with 128 for no colour."""
    ends = (ImageCms.ImageCmsProfile(ImageCms.createProfile(name)) for name in (source, target))
    codes = np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    image = Image.frombytes(modes[0], (1, len(codes)), signed_lab(codes, modes[0]).tobytes())
    converted = np.asarray(ImageCms.ImageCmsTransform(*ends, *modes).apply(image))[:, 0]
    return signed_lab(converted, modes[1]) / 255


def signed_lab(codes: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    """To and from Pillow's way, in which a and b are signed bytes."""
    return codes ^ np.array([0, 128, 128], np.uint8) if mode == "LAB" else codes


def encoded_lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return through_lcms(rgb, "sRGB", "LAB", ("RGB", "LAB"))


def cube(size: int, inputs: int) -> NDArray[np.float64]:
    return np.array(list(product(np.linspace(0, 1, size), repeat=inputs)))


class Profiles:
    """One of every kind."""

    def matrix(self, curve: bytes | None = None, colourants: tuple[tuple[float, float, float], ...] = P3) -> bytes:
        curve = curve or parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        names = zip((b"r", b"g", b"b"), colourants, strict=True)
        tags = {name + b"XYZ": xyz(values) for name, values in names}
        return profile(b"RGB ", b"XYZ ", b"mntr", tags | {name + b"TRC": curve for name in (b"r", b"g", b"b")})

    def pro_photo(self) -> bytes:
        return self.matrix(gamma(1.8), PRO_PHOTO)

    def grey(self, curve: bytes | None = None) -> bytes:
        return profile(b"GRAY", b"XYZ ", b"mntr", {b"kTRC": curve or gamma(1.5)})

    def cmyk(self) -> bytes:
        inks = cube(2, 4)
        rgb = (1 - inks[:, :3]) * (1 - inks[:, 3:]) * 0.9
        return profile(b"CMYK", b"Lab ", b"prtr", {b"A2B0": table(2, encoded_lab(rgb), 4)})

    def tables(self) -> bytes:
        """RGB by tables, to and from Lab: sRGB with a darker middle."""
        forward = encoded_lab(cube(GRID, 3) ** 1.3)
        rgb = through_lcms(cube(GRID, 3), "LAB", "sRGB", ("LAB", "RGB"))
        tags = {b"A2B0": table(GRID, forward, 3), b"B2A0": table(GRID, rgb ** (1 / 1.3), 3)}
        return profile(b"RGB ", b"Lab ", b"mntr", tags)

    def one_way(self) -> bytes:
        return profile(b"RGB ", b"Lab ", b"scnr", {b"A2B0": table(GRID, encoded_lab(cube(GRID, 3)), 3)})

    gamma = staticmethod(gamma)
    parametric = staticmethod(parametric)
    sampled = staticmethod(sampled)


@pytest.fixture(scope="session")
def profiles() -> Profiles:
    return Profiles()


@pytest.fixture(scope="session")
def wide(profiles: Profiles) -> bytes:
    """A profile that is clearly not sRGB, and can be converted to and from."""
    return profiles.matrix()


@pytest.fixture(scope="session")
def photo_exif() -> bytes:
    """A block without the prefix: maker, and in the sub-directory an exposure time. Orientation is upright."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 1
    exif[0x8769] = {0x829A: IFDRational(1, 8)}
    return exif.tobytes()[6:]


@pytest.fixture(scope="session")
def noise() -> Callable[..., NDArray[np.uint8 | np.uint16]]:
    """noise(dtype, shape): every value equally likely, the same each time."""

    def make(dtype: type[np.uint8 | np.uint16], shape: tuple[int, ...]) -> NDArray[np.uint8 | np.uint16]:
        return np.random.default_rng(3).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)

    return make
