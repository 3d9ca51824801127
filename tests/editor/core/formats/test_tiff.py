"""TIFF against tifffile: byte orders, layouts, depths."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from editor.core.errors import InputUnreadable, OutputNotWritable
from editor.core.formats import tiff
from editor.core.formats.exif import turned
from editor.core.formats.flat import info, read_flat, write_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]))
DEPTHS = [np.uint8, np.uint16]
Depth = type[np.uint8 | np.uint16]


@settings(deadline=None)
@given(pixels=hnp.arrays(np.uint8, SHAPES) | hnp.arrays(np.uint16, SHAPES))
def test_round_trip(pixels: Pixels, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round.tif"
    assert write_flat(path, FlatImage(pixels)) == []
    read = read_flat(path)
    assert read.pixels.dtype == pixels.dtype
    assert np.array_equal(read.pixels, pixels)
    assert read.dpi is None


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 5, 3), (700, 900, 4)])
def test_others_read_what_is_written(tmp_path: Path, noise: Noise, dtype: Depth, shape: tuple[int, int, int]) -> None:
    pixels = noise(dtype, shape)
    write_flat(tmp_path / "a.tif", FlatImage(pixels))
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)
    if dtype == np.uint16 or shape[2] == 3:  # OpenCV multiplies 8-bit colours by alpha
        opened = cv2.imread(str(tmp_path / "a.tif"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(opened[..., [2, 1, 0, 3][: shape[2]]], pixels)


def foreign(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    kind = "minisblack" if pixels.ndim == 2 or pixels.shape[2] == 2 else "rgb"
    planar = options.pop("planar", "contig")
    stored = pixels if planar == "contig" else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    layout = {} if pixels.ndim == 2 else {"planarconfig": planar}
    tifffile.imwrite(path, stored, metadata=None, **({"photometric": kind} | layout | options))
    return path


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("channels", [3, 4])
def test_every_layout_is_read(
    tmp_path: Path, noise: Noise, dtype: Depth, order: Any, planar: str, channels: int
) -> None:
    pixels = noise(dtype, (37, 53, channels))
    extra = ["unassalpha"] if channels == 4 else None
    shapes: list[dict[str, Any]] = [{}, {"tile": (16, 32)}, {"rowsperstrip": 5}]
    packings: list[dict[str, Any]] = [{}, {"compression": "zlib"}, {"compression": "zlib", "predictor": 2}]
    for options in (shape | packing for shape in shapes for packing in packings):
        path = foreign(tmp_path / "a.tif", pixels, byteorder=order, planar=planar, extrasamples=extra, **options)
        assert np.array_equal(read_flat(path).pixels, pixels), options


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("packing", [None, "zlib"])
def test_16_bit_grey(tmp_path: Path, noise: Noise, order: Any, packing: Any) -> None:
    pixels = noise(np.uint16, (7, 5))
    path = foreign(tmp_path / "a.tif", pixels, byteorder=order, compression=packing)
    assert np.array_equal(read_flat(path).pixels, pixels[..., np.newaxis].repeat(3, axis=2))
    assert info(path)["depth"] == 16


def test_white_is_zero(tmp_path: Path, noise: Noise) -> None:
    for dtype in DEPTHS:
        pixels = noise(dtype, (7, 5))
        path = foreign(tmp_path / "a.tif", pixels, photometric="miniswhite")
        assert np.array_equal(read_flat(path).pixels[..., 1], np.iinfo(dtype).max - pixels)


def test_12_bits_fill_the_range(tmp_path: Path) -> None:
    tags = {256: [2], 257: [1], 258: [12], 259: [1], 262: [1], 277: [1], 278: [1]}
    buffer = BytesIO()
    tiff.assemble(buffer, "<", b"", [b"\xff\xf8\x01"], {tag: (3, values) for tag, values in tags.items()}, {})
    (tmp_path / "a.tif").write_bytes(buffer.getvalue())
    white, other = 65535, 0x801 << 4 | 0x8
    assert read_flat(tmp_path / "a.tif").pixels[0, :, 0].tolist() == [white, other]


@pytest.mark.parametrize("dtype", DEPTHS)
def test_grey_with_alpha_in_planes(tmp_path: Path, noise: Noise, dtype: Depth) -> None:
    """Pillow mistakes the second plane; of 16 bit it opens none."""
    pixels = noise(dtype, (7, 5, 2))
    path = foreign(tmp_path / "a.tif", pixels, planar="separate", extrasamples=["unassalpha"], compression="zlib")
    if dtype == np.uint16:
        with pytest.raises(InputUnreadable, match="unusual kind"):
            read_flat(path)
    else:
        assert np.array_equal(read_flat(path).pixels, pixels[..., [0, 0, 0, 1]])


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bit_colours_multiplied_by_alpha(tmp_path: Path, noise: Noise, planar: str) -> None:
    straight = noise(np.uint16, (30, 20, 4)).astype(np.float64)
    straight[0, 0, 3] = 0
    multiplied = straight.copy()
    multiplied[..., :3] *= straight[..., 3:] / 65535
    path = foreign(
        tmp_path / "a.tif", np.rint(multiplied).astype(np.uint16), planar=planar, extrasamples=["assocalpha"]
    )
    read = read_flat(path).pixels
    assert np.array_equal(read[..., 3], straight[..., 3])
    assert read[0, 0].tolist() == [0, 0, 0, 0]
    slack = np.maximum(65535 / np.maximum(straight[..., 3:], 1), 1) / 2 + 1
    assert (np.abs(read - straight)[..., :3] <= slack)[straight[..., 3] > 0].all()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_orientation_is_applied_and_reset(tmp_path: Path, noise: Noise, turn: int, dtype: Depth, planar: str) -> None:
    pixels = noise(dtype, (5, 7, 3))
    path = foreign(tmp_path / "a.tif", pixels, planar=planar, extratags=[(274, 3, 1, turn, True)])
    read = read_flat(path)
    assert np.array_equal(read.pixels, turned(pixels, turn))
    assert info(path)["orientation"] == turn
    assert info(path)["size"] == [read.width, read.height]
    write_flat(tmp_path / "b.tif", read)
    assert np.array_equal(read_flat(tmp_path / "b.tif").pixels, read.pixels)
    assert info(tmp_path / "b.tif")["orientation"] == 1


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", DEPTHS)
def test_extras_are_kept(
    tmp_path: Path, noise: Noise, wide: bytes, photo_exif: bytes, order: str, dtype: Depth
) -> None:
    exif = photo_exif if order == ">" else swapped()
    image = FlatImage(noise(dtype, (4, 5, 4)), icc=wide, exif=exif, dpi=(300.0, 72.5))
    write_flat(tmp_path / "a.tif", image)
    read = read_flat(tmp_path / "a.tif")
    assert np.array_equal(read.pixels, image.pixels)
    assert read.icc == wide
    assert read.dpi == (300, 72.5)
    kept = Image.Exif()
    kept.load(read.exif or b"")
    assert kept[0x010F] == "Maker"
    assert kept.get_ifd(0x8769)[0x829A] == 0.125
    with tifffile.TiffFile(tmp_path / "a.tif") as other:
        assert other.byteorder == order
        assert other.pages[0].tags["Make"].value == "Maker"
        assert other.pages[0].tags["ExifTag"].value["ExposureTime"] == (1, 8)


def swapped() -> bytes:
    """Such a block in the other byte order."""
    maker, details, end = struct.pack("<HHII", 0x010F, 2, 6, 38), 44, bytes(4)
    first = struct.pack("<H", 2) + maker + struct.pack("<HHII", 0x8769, 4, 1, details) + end
    second = struct.pack("<H", 1) + struct.pack("<HHII", 0x829A, 5, 1, details + 18) + end
    return b"II*\0\x08\0\0\0" + first + b"Maker\0" + second + struct.pack("<II", 1, 8)


def test_exif_that_is_none_is_refused(tmp_path: Path, noise: Noise) -> None:
    with pytest.raises(OutputNotWritable, match="EXIF block is broken"):
        write_flat(tmp_path / "a.tif", FlatImage(noise(np.uint8, (4, 5, 3)), exif=b"nonsense"))
    assert list(tmp_path.iterdir()) == []


def test_only_the_first_page_is_read(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    read = read_flat(tmp_path / "a.tif")
    assert (read.pixels == [255, 0, 0]).all()
    assert any("first" in note for note in read.notes)


def test_lab(tmp_path: Path) -> None:
    pixels = np.array([[[255, 0, 0], [137, 0, 0], [138, 81, 70]]], np.int16).astype(np.uint8)
    Image.frombytes("LAB", (3, 1), pixels.tobytes()).save(tmp_path / "a.tif")
    read = read_flat(tmp_path / "a.tif")
    assert np.abs(read.pixels[0].astype(int) - [[255, 255, 255], [128, 128, 128], [255, 0, 0]]).max() <= 6
    assert read.notes


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    foreign(tmp_path / "float.tif", np.zeros((4, 4), np.float32))
    with pytest.raises(InputUnreadable, match="floating point"):
        read_flat(tmp_path / "float.tif")
    foreign(tmp_path / "rgb.tif", np.zeros((4, 4, 3), np.float32))
    with pytest.raises(InputUnreadable, match="unusual kind"):
        read_flat(tmp_path / "rgb.tif")
    foreign(tmp_path / "raw.tif", np.zeros((4, 4, 3), np.uint8), extratags=[(50706, 1, 4, (1, 4, 0, 0), True)])
    foreign(tmp_path / "preview.tif", np.zeros((4, 4, 3), np.uint8), subfiletype=1)
    for name in ("raw.tif", "preview.tif"):
        with pytest.raises(InputUnreadable, match="camera raw"):
            read_flat(tmp_path / name)


def test_a_tile_far_larger_than_the_picture_claims_no_memory(tmp_path: Path, noise: Noise) -> None:
    foreign(tmp_path / "fine.tif", noise(np.uint8, (5, 7, 3)), tile=(256, 256))
    assert read_flat(tmp_path / "fine.tif").width == 7
    with tifffile.TiffFile(tmp_path / "fine.tif") as opened:
        entry = opened.pages[0].tags["TileLength"].offset
    large = bytearray((tmp_path / "fine.tif").read_bytes())
    large[entry : entry + 12] = struct.pack("<HHII", 323, 4, 1, 1 << 24)
    (tmp_path / "large.tif").write_bytes(large)
    with pytest.raises(InputUnreadable, match="larger than the picture"):
        read_flat(tmp_path / "large.tif")


@pytest.mark.parametrize("packing", [None, "zlib"])
def test_a_file_with_too_few_strips_is_refused(tmp_path: Path, noise: Noise, packing: Any) -> None:
    foreign(tmp_path / "a.tif", noise(np.uint8, (8, 7, 3)), rowsperstrip=4, compression=packing)
    with tifffile.TiffFile(tmp_path / "a.tif") as opened:
        entry = opened.pages[0].tags["ImageLength"].offset
    data = bytearray((tmp_path / "a.tif").read_bytes())
    for height, refused in ((8, False), (9, True), (5000, True)):
        data[entry : entry + 12] = struct.pack("<HHII", 257, 4, 1, height)
        (tmp_path / "b.tif").write_bytes(data)
        if refused:
            with pytest.raises(InputUnreadable, match="incomplete"):
                read_flat(tmp_path / "b.tif")
        else:
            assert read_flat(tmp_path / "b.tif").height == 8


def test_above_4_gb_is_refused(tmp_path: Path, noise: Noise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "LARGEST", 1000)
    with pytest.raises(OutputNotWritable, match="4 GB"):
        write_flat(tmp_path / "a.tif", FlatImage(noise(np.uint8, (40, 40, 3))))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", DEPTHS)
def test_a_cut_file_is_refused_or_whole_and_nothing_is_printed(
    tmp_path: Path, noise: Noise, dtype: Depth, capfd: pytest.CaptureFixture[str]
) -> None:
    pixels = noise(dtype, (19, 8, 4))
    write_flat(tmp_path / "a.tif", FlatImage(pixels))
    foreign(tmp_path / "b.tif", pixels, extrasamples=["unassalpha"], rowsperstrip=4)
    refused = 0
    for name in ("a.tif", "b.tif"):
        data = (tmp_path / name).read_bytes()
        for end in range(0, len(data), 7):
            (tmp_path / "cut.tif").write_bytes(data[:end])
            try:
                assert np.array_equal(read_flat(tmp_path / "cut.tif").pixels, pixels), end
            except InputUnreadable:
                refused += 1
    assert refused > 100
    assert capfd.readouterr() == ("", "")
