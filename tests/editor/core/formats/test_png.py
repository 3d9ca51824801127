"""PNG against Pillow and OpenCV, with the depths and oddities that Pillow alone gets wrong."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, PngImagePlugin

from editor.core.errors import InputUnreadable
from editor.core.formats.flat import info, read_flat, write_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]))


@settings(deadline=None)
@given(pixels=hnp.arrays(np.uint8, SHAPES) | hnp.arrays(np.uint16, SHAPES))
def test_round_trip(pixels: Pixels, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round.png"
    assert write_flat(path, FlatImage(pixels)) == []
    read = read_flat(path)
    assert read.pixels.dtype == pixels.dtype
    assert np.array_equal(read.pixels, pixels)
    assert not read.pixels.flags.writeable


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 5, 3), (5, 1, 4), (700, 900, 3)])
def test_opencv_reads_what_is_written(
    tmp_path: Path, noise: Noise, dtype: type[np.uint8 | np.uint16], shape: tuple[int, int, int]
) -> None:
    pixels = noise(dtype, shape)
    write_flat(tmp_path / "a.png", FlatImage(pixels))
    order = [2, 1, 0, 3][: shape[2]]
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)[..., order], pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_of_opencv_is_read(tmp_path: Path, noise: Noise, channels: int) -> None:
    pixels = noise(np.uint16, (20, 31, channels))
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    assert cv2.imwrite(str(tmp_path / "a.png"), np.ascontiguousarray(pixels[..., order]))
    read = read_flat(tmp_path / "a.png")
    assert read.pixels.dtype == np.uint16
    assert np.array_equal(read.pixels, pixels.repeat(3, axis=2) if channels == 1 else pixels)
    assert info(tmp_path / "a.png")["depth"] == 16


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def assembled(width: int, height: int, bits: int, kind: int, rows: bytes, *extras: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    body = header + b"".join(extras) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_16_bit_grey_with_alpha(tmp_path: Path, noise: Noise) -> None:
    pixels = noise(np.uint16, (3, 5, 2))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    (tmp_path / "a.png").write_bytes(assembled(5, 3, 16, 4, rows))
    assert np.array_equal(read_flat(tmp_path / "a.png").pixels, pixels[..., [0, 0, 0, 1]])


def test_16_bit_clear_colour(tmp_path: Path) -> None:
    pixels = np.array([[[1000, 2000, 3000], [1000, 2000, 3001]]], np.uint16)
    clear = chunk(b"tRNS", struct.pack(">HHH", 1000, 2000, 3000))
    (tmp_path / "rgb.png").write_bytes(assembled(2, 1, 16, 2, b"\0" + pixels.astype(">u2").tobytes(), clear))
    assert read_flat(tmp_path / "rgb.png").pixels[0].tolist() == [[1000, 2000, 3000, 0], [1000, 2000, 3001, 65535]]
    grey = chunk(b"tRNS", struct.pack(">H", 7))
    (tmp_path / "grey.png").write_bytes(assembled(2, 1, 16, 0, b"\0\0\7\1\7", grey))
    assert read_flat(tmp_path / "grey.png").pixels[0].tolist() == [[7, 7, 7, 0], [263, 263, 263, 65535]]


def test_interlaced_16_bit(tmp_path: Path) -> None:
    # One pixel is its own first pass; the others are empty.
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 1))
    data = header + chunk(b"IDAT", zlib.compress(b"\0\x12\x34\x56\x78\x9a\xbc")) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    assert read_flat(tmp_path / "a.png").pixels.tolist() == [[[0x1234, 0x5678, 0x9ABC]]]


def test_palette_with_alpha(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=bytes([255, 99]))
    read = read_flat(tmp_path / "a.png")
    assert read.pixels.tolist() == [[[10, 20, 30, 255], [40, 50, 60, 99]]]
    assert read.source_mode == "P"
    image.save(tmp_path / "one.png", transparency=1)
    assert read_flat(tmp_path / "one.png").pixels[0, :, 3].tolist() == [255, 0]
    image.save(tmp_path / "none.png")
    assert read_flat(tmp_path / "none.png").pixels.shape == (1, 2, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_becomes_rgb(tmp_path: Path, mode: str) -> None:
    image = Image.radial_gradient("L").resize((9, 7)).convert(mode)
    image.save(tmp_path / "a.png")
    expected = np.asarray(image.convert("RGBA" if mode == "LA" else "RGB"))
    assert np.array_equal(read_flat(tmp_path / "a.png").pixels, expected)


def test_clear_grey_and_clear_rgb(tmp_path: Path) -> None:
    Image.new("L", (2, 1), 9).save(tmp_path / "l.png", transparency=9)
    assert read_flat(tmp_path / "l.png").pixels[0, 0].tolist() == [9, 9, 9, 0]
    Image.new("RGB", (2, 1), (9, 8, 7)).save(tmp_path / "rgb.png", transparency=(9, 8, 7))
    assert read_flat(tmp_path / "rgb.png").pixels[0, 0].tolist() == [9, 8, 7, 0]
    Image.new("1", (2, 1), 1).save(tmp_path / "1.png", transparency=1)
    assert read_flat(tmp_path / "1.png").pixels[0, 0].tolist() == [255, 255, 255, 0]


def test_extras_are_kept(tmp_path: Path, noise: Noise, wide: bytes, photo_exif: bytes) -> None:
    image = FlatImage(noise(np.uint16, (4, 5, 4)), icc=wide, exif=photo_exif, dpi=(300.0, 200.0))
    write_flat(tmp_path / "a.png", image)
    read = read_flat(tmp_path / "a.png")
    assert read.icc == wide
    assert read.exif == photo_exif
    assert read.dpi == pytest.approx((300, 200), abs=0.02)
    with Image.open(tmp_path / "a.png") as other:
        assert other.info["icc_profile"] == wide
        assert other.getexif()[0x010F] == "Maker"


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("size", [1 << 20, 1 << 24])
def test_texts_of_any_size_do_no_harm(tmp_path: Path, size: int, at_end: bool) -> None:
    """16 MB of text in 16 KB, before or behind the picture."""
    info = PngImagePlugin.PngInfo()
    info.add(b"zTXt", b"bomb\0\0" + zlib.compress(bytes(size)), at_end)
    info.add(b"iTXt", b"bomb\0\1\0\0\0" + zlib.compress(bytes(size)), at_end)
    Image.new("RGB", (3, 2), (1, 2, 3)).save(tmp_path / "a.png", pnginfo=info)
    assert (read_flat(tmp_path / "a.png").pixels == [1, 2, 3]).all()


def test_a_huge_profile_does_no_harm(tmp_path: Path, wide: bytes) -> None:
    for profile, kept in ((wide + bytes(2 << 20), True), (bytes(1 << 26), False)):
        data = b"name\0\0" + zlib.compress(profile)
        (tmp_path / "a.png").write_bytes(assembled(1, 1, 8, 2, b"\0\1\2\3", chunk(b"iCCP", data)))
        read = read_flat(tmp_path / "a.png")
        assert read.pixels.tolist() == [[[1, 2, 3]]]
        assert (read.icc == profile) == kept
        assert bool(read.notes) != kept


def test_a_damaged_profile_is_left_out_with_a_note(tmp_path: Path, wide: bytes) -> None:
    for data in (b"name\0\0" + zlib.compress(wide)[:100], b"name\0\0nonsense", b"name\0\0" + zlib.compress(b"x" * 200)):
        (tmp_path / "a.png").write_bytes(assembled(1, 1, 8, 2, b"\0\1\2\3", chunk(b"iCCP", data)))
        read = read_flat(tmp_path / "a.png")
        assert read.icc is None
        assert any("profile" in note for note in read.notes)
        assert read.pixels.tolist() == [[[1, 2, 3]]]


def test_the_first_picture_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    read = read_flat(tmp_path / "a.png")
    assert (read.pixels == [255, 0, 0]).all()
    assert any("first" in note for note in read.notes)
    assert info(tmp_path / "a.png")["animated"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_cut_file_is_refused_or_whole(tmp_path: Path, noise: Noise, dtype: type[np.uint8 | np.uint16]) -> None:
    pixels = noise(dtype, (9, 8, 4))
    write_flat(tmp_path / "a.png", FlatImage(pixels))
    data = (tmp_path / "a.png").read_bytes()
    refused = 0
    for end in range(0, len(data), 3):
        (tmp_path / "cut.png").write_bytes(data[:end])
        try:
            assert np.array_equal(read_flat(tmp_path / "cut.png").pixels, pixels)
        except InputUnreadable:
            refused += 1
    assert refused > len(data) // 3 - 20


def test_writing_is_no_larger_than_pillow_on_a_photo(tmp_path: Path) -> None:
    y, x = np.mgrid[:400, :600]
    photo = np.stack([x * 0.3, y * 0.4, x * 0.1 + y * 0.2], axis=-1) + np.random.default_rng(1).normal(
        0, 3, (400, 600, 3)
    )
    pixels = np.clip(photo, 0, 255).astype(np.uint8)
    write_flat(tmp_path / "a.png", FlatImage(pixels))
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    assert (tmp_path / "a.png").stat().st_size <= len(buffer.getvalue())
