"""AVIF, as far as this Pillow brings it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from editor.core.errors import InputUnreadable
from editor.core.formats import avif
from editor.core.formats.flat import info, read_flat, write_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]

pytestmark = pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")


@pytest.mark.parametrize("channels", [3, 4])
def test_written_pixels_are_close(tmp_path: Path, channels: int) -> None:
    y, x = np.mgrid[:32, :40]
    pixels = np.stack([x * 6, y * 7, x + y, 255 - x], axis=-1).astype(np.uint8)[..., :channels]
    assert write_flat(tmp_path / "a.avif", FlatImage(pixels)) == []
    read = read_flat(tmp_path / "a.avif").pixels
    assert read.shape == pixels.shape
    assert np.abs(read.astype(int) - pixels).mean() < 3


def test_the_brand_may_stand_among_the_compatible_ones() -> None:
    assert avif.is_avif(b"\0\0\0\x18ftypavif\0\0\0\0mif1")
    assert avif.is_avif(b"\0\0\0\x1cftypmif1\0\0\0\0miafavif\0\0")
    assert not avif.is_avif(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert not avif.is_avif(b"\0\0\0\x14ftypmif1\0\0\0\0miafavif\0\0")


@pytest.mark.parametrize("turn", [3, 6])
def test_orientation_is_applied(tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.linear_gradient("L").convert("RGB").resize((30, 20)).save(tmp_path / "a.avif", exif=exif)
    read = read_flat(tmp_path / "a.avif")
    assert read.pixels.shape[:2] == ((20, 30) if turn == 3 else (30, 20))
    top, right = read.pixels[0, 0, 0], read.pixels[0, -1, 0]
    assert top > 200 if turn == 3 else right < 60
    assert info(tmp_path / "a.avif")["size"] == [read.width, read.height]


def test_extras_are_kept(tmp_path: Path, noise: Noise, wide: bytes, photo_exif: bytes) -> None:
    write_flat(tmp_path / "a.avif", FlatImage(noise(np.uint8, (15, 14, 3)), icc=wide, exif=photo_exif))
    read = read_flat(tmp_path / "a.avif")
    assert read.icc == wide
    exif = Image.Exif()
    exif.load(read.exif or b"")
    assert exif[0x010F] == "Maker"


def test_a_cut_file_is_refused(tmp_path: Path, noise: Noise) -> None:
    write_flat(tmp_path / "a.avif", FlatImage(noise(np.uint8, (8, 8, 3))))
    data = (tmp_path / "a.avif").read_bytes()
    for end in range(12, len(data), 29):
        (tmp_path / "cut.avif").write_bytes(data[:end])
        with pytest.raises(InputUnreadable, match=r"incomplete|damaged"):
            read_flat(tmp_path / "cut.avif")
