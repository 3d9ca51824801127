"""Decoding pictures that nobody vouches for."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.training.pairs.readers import trees
from training.pairs.pair import PairError
from training.pairs.readers import pictures

Array = NDArray[Any]


def coded(array: Array, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, array)[1].tobytes()


def test_colours_and_places_are_kept() -> None:
    image = trees.noise(1)
    for kind in ("PNG", "BMP", "TIFF", "PPM"):
        assert np.array_equal(pictures.picture(trees.encoded(image, kind), "a"), image), kind
    assert np.array_equal(pictures.picture(trees.encoded(image, "WEBP", lossless=True), "a"), image)


def test_jpeg_is_close() -> None:
    image = trees.smooth(1)
    data = trees.encoded(image, "JPEG", quality=100, subsampling=0)
    assert np.abs(pictures.picture(data, "a").astype(int) - image).max() <= 3


def test_transparency_is_flattened_over_white() -> None:
    image = np.zeros((1, 3, 4), np.uint8)
    image[0, :, 3] = (0, 128, 255)
    image[..., 0] = 200
    assert pictures.picture(trees.encoded(image), "a").tolist() == [[[255, 255, 255], [227, 127, 127], [200, 0, 0]]]


def test_a_palette_with_a_clear_colour() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=0)
    assert pictures.picture(buffer.getvalue(), "a").tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_sixteen_bits_become_eight_by_rounding() -> None:
    grey = np.array([[0, 128, 129, 257 * 100, 257 * 100 + 129, 65535]], np.uint16)
    assert pictures.picture(coded(grey), "a")[0, :, 0].tolist() == [0, 0, 1, 100, 101, 255]
    assert pictures.picture(coded(grey, ".tiff"), "a")[0, :, 2].tolist() == [0, 0, 1, 100, 101, 255]


@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_sixteen_bits_of_colour(ending: str) -> None:
    rgb = (trees.noise(3).astype(np.uint16) * 257)[..., ::-1]
    assert np.array_equal(pictures.picture(coded(np.ascontiguousarray(rgb), ending), "a"), trees.noise(3))


def test_grey_and_cmyk_become_rgb() -> None:
    grey = trees.noise(1)[..., 0]
    assert np.array_equal(pictures.picture(trees.encoded(grey), "a"), np.dstack([grey] * 3))
    cmyk = Image.new("CMYK", (3, 2), (0, 255, 255, 0))
    buffer = io.BytesIO()
    cmyk.save(buffer, "TIFF")
    shown = pictures.picture(buffer.getvalue(), "a")
    assert shown.shape == (2, 3, 3)
    assert shown[0, 0, 0] > 200 and shown[0, 0, 1:].max() < 60


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_the_orientation_of_a_camera_is_carried_out(kind: str) -> None:
    image = np.zeros((16, 32, 3), np.uint8)
    image[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    upright = pictures.picture(trees.encoded(image, kind, exif=exif), "a")
    assert upright.shape == (32, 16, 3)
    assert upright[:8].min() > 240 and upright[-8:].max() < 15


def test_colours_of_another_space_become_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = trees.noise(1)
    for profile in (srgb, lab, b"no profile"):  # nothing to do, of another kind, broken
        assert np.array_equal(pictures.picture(trees.encoded(image, icc_profile=profile), "a"), image)
    swapped = _without_green(srgb)
    assert not np.array_equal(pictures.picture(trees.encoded(image, icc_profile=swapped), "a"), image)


def _without_green(profile: bytes) -> bytes:
    """The profile with its red and green primaries exchanged, and another description."""
    data = bytearray(profile.replace(b"s\0R\0G\0B", b"o\0t\0h\0e").replace(b"sRGB", b"othe"))
    count = struct.unpack(">I", data[128:132])[0]
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


def test_the_first_picture_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert pictures.picture(buffer.getvalue(), "a")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF"])
def test_damage_is_one_sentence(kind: str) -> None:
    data = trees.encoded(trees.noise(1, 64, 64), kind)
    with pytest.raises(PairError, match=r"cat is (damaged or incomplete|no picture)") as caught:
        pictures.picture(data[: len(data) // 2], "cat")
    assert "\n" not in str(caught.value)


def test_a_truncated_jpeg_says_so() -> None:
    data = trees.encoded(trees.noise(1, 64, 64), "JPEG")
    with pytest.raises(PairError, match="its data ends too early"):
        pictures.picture(data[: len(data) * 3 // 4], "cat")


def test_what_is_no_picture() -> None:
    for data in (b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\x93NUMPY\x01\x00"):
        with pytest.raises(PairError, match=r"a\.png is no picture of a kind that can be read"):
            pictures.picture(data, "a.png")


def _png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(PairError, match="has more than 134 million pixels"):
        pictures.picture(_png_header(side, side), "a")


@given(st.binary(max_size=200), st.integers(0, 400))
def test_bytes_of_any_kind_give_a_picture_or_a_sentence(tail: bytes, cut: int) -> None:
    data = trees.encoded(trees.noise(1), "PNG")
    try:
        image = pictures.picture(data[:cut] + tail, "a")
    except PairError:
        return
    assert image.dtype == np.uint8 and image.ndim == 3


def test_masks_are_brightness_and_clear_is_black() -> None:
    grey = trees.noise(1)[..., 0]
    assert np.array_equal(pictures.mask(trees.encoded(grey), "m"), grey)
    image = np.full((1, 3, 4), 255, np.uint8)
    image[0, :, 3] = (0, 100, 255)
    assert pictures.mask(trees.encoded(image), "m").tolist() == [[0, 100, 255]]
    assert pictures.mask(coded(np.array([[0, 65535]], np.uint16)), "m").tolist() == [[0, 255]]


def test_erased_parts_are_where_the_change_is_wanted() -> None:
    wanted = pictures.erased(trees.encoded(trees.hole(8, 10)), "m", (8, 10))
    expected = np.zeros((8, 10), np.uint8)
    expected[:4, :5] = 255
    assert np.array_equal(wanted, expected)
    scaled = pictures.erased(trees.encoded(trees.hole(16, 20)), "m", (8, 10))
    assert np.array_equal(scaled, expected)
    assert np.array_equal(pictures.erased(trees.encoded(expected), "m", (8, 10)), expected)
    with pytest.raises(PairError, match="m is no mask"):
        pictures.erased(trees.encoded(trees.noise(1)), "m", (12, 16))


def test_pictures_of_one_shape_are_brought_to_the_smaller_size() -> None:
    small, large = trees.noise(1, 50, 50), trees.noise(2, 102, 102)
    a, b = pictures.brought_to_one_size(small, large)
    assert a is small and b.shape == small.shape
    a, b = pictures.brought_to_one_size(large, small)
    assert b is small and a.shape == small.shape
    wide = trees.noise(3, 50, 102)
    assert pictures.brought_to_one_size(small, wide)[1] is wide
