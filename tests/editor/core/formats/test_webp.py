"""WebP: both codings, the size in the header, animations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from editor.core.errors import InputUnreadable
from editor.core.formats import webp
from editor.core.formats.flat import info, read_flat, write_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]))


@settings(deadline=None, max_examples=40)
@given(pixels=hnp.arrays(np.uint8, SHAPES))
def test_lossless_round_trip(pixels: Pixels, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round.webp"
    assert write_flat(path, FlatImage(pixels), lossless=True) == []
    read = read_flat(path).pixels
    if pixels.shape[2] == 4 and read.shape[2] == 3:  # WebP drops alpha where nothing shines through
        assert (pixels[..., 3] == 255).all()
    assert np.array_equal(read, pixels[..., : read.shape[2]])


def test_lossy_is_close_and_keeps_alpha(tmp_path: Path) -> None:
    y, x = np.mgrid[:32, :40]
    pixels = np.stack([x * 6, y * 7, x + y, x * 6], axis=-1).astype(np.uint8)
    write_flat(tmp_path / "a.webp", FlatImage(pixels))
    read = read_flat(tmp_path / "a.webp").pixels.astype(int)
    assert np.array_equal(read[..., 3], pixels[..., 3])
    assert np.abs(read - pixels)[:, 8:].mean() < 3


def test_opencv_reads_what_is_written(tmp_path: Path, noise: Noise) -> None:
    pixels = noise(np.uint8, (7, 5, 3))
    write_flat(tmp_path / "a.webp", FlatImage(pixels), lossless=True)
    assert np.array_equal(cv2.imread(str(tmp_path / "a.webp"))[..., ::-1], pixels)


def test_the_size_in_the_header(tmp_path: Path, wide: bytes, noise: Noise) -> None:
    image = FlatImage(noise(np.uint8, (300, 517, 3)))
    for number, (profile, lossless) in enumerate([(None, False), (None, True), (wide, False)]):
        path = tmp_path / f"{number}.webp"
        write_flat(path, FlatImage(image.pixels, icc=profile), lossless=lossless)
        assert webp.size_of(path.read_bytes()[:64]) == (517, 300)
    assert webp.size_of(b"RIFF....WEBPVP9 ") is None


def test_a_large_canvas_is_refused_before_memory_is_claimed(tmp_path: Path) -> None:
    Image.new("RGB", (3, 3)).save(tmp_path / "a.webp", lossless=True, exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0")
    data = bytearray((tmp_path / "a.webp").read_bytes())
    assert data[12:16] == b"VP8X"
    data[24:30] = b"\xff\xff\xff\xff\xff\xff"
    (tmp_path / "b.webp").write_bytes(data)
    with pytest.raises(InputUnreadable, match="too large"):
        read_flat(tmp_path / "b.webp")


def test_extras_are_kept(tmp_path: Path, noise: Noise, wide: bytes, photo_exif: bytes) -> None:
    write_flat(tmp_path / "a.webp", FlatImage(noise(np.uint8, (5, 4, 3)), icc=wide, exif=photo_exif))
    read = read_flat(tmp_path / "a.webp")
    assert (read.icc, read.exif) == (wide, photo_exif)


def test_16_bit_is_rounded_with_a_note(tmp_path: Path) -> None:
    (note,) = write_flat(tmp_path / "a.webp", FlatImage(np.full((2, 2, 3), 32000, np.uint16)), lossless=True)
    assert "16-bit" in note
    assert (read_flat(tmp_path / "a.webp").pixels == round(32000 / 257)).all()


def test_the_first_picture_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    read = read_flat(tmp_path / "a.webp")
    assert (read.pixels[..., :3] == [255, 0, 0]).all()
    assert any("first" in note for note in read.notes)
    assert info(tmp_path / "a.webp")["animated"]


def test_a_cut_file_is_refused(tmp_path: Path, noise: Noise) -> None:
    write_flat(tmp_path / "a.webp", FlatImage(noise(np.uint8, (20, 20, 3))))
    data = (tmp_path / "a.webp").read_bytes()
    for end in range(12, len(data), 37):
        (tmp_path / "cut.webp").write_bytes(data[:end])
        with pytest.raises(InputUnreadable, match=r"incomplete|damaged"):
            read_flat(tmp_path / "cut.webp")
