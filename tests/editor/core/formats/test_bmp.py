"""BMP, read in its variants and written with 24 bits."""

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
from editor.core.formats import colour
from editor.core.formats.flat import read_flat, write_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]


@settings(deadline=None)
@given(pixels=hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_round_trip(pixels: Pixels, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round.bmp"
    assert write_flat(path, FlatImage(pixels)) == []
    assert np.array_equal(read_flat(path).pixels, pixels)


def test_opencv_agrees_both_ways(tmp_path: Path, noise: Noise) -> None:
    pixels = noise(np.uint8, (7, 5, 3))
    write_flat(tmp_path / "a.bmp", FlatImage(pixels))
    assert np.array_equal(cv2.imread(str(tmp_path / "a.bmp"))[..., ::-1], pixels)
    cv2.imwrite(str(tmp_path / "b.bmp"), np.ascontiguousarray(pixels[..., ::-1]))
    assert np.array_equal(read_flat(tmp_path / "b.bmp").pixels, pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_fewer_bits(tmp_path: Path, mode: str) -> None:
    image = Image.radial_gradient("L").resize((9, 7)).convert("RGB").convert(mode)
    image.save(tmp_path / "a.bmp")
    assert np.array_equal(read_flat(tmp_path / "a.bmp").pixels, np.asarray(image.convert("RGB")))


def test_what_it_cannot_hold_is_told(tmp_path: Path, noise: Noise, wide: bytes, photo_exif: bytes) -> None:
    image = FlatImage(noise(np.uint8, (7, 5, 4)), icc=wide, exif=photo_exif)
    notes = write_flat(tmp_path / "a.bmp", image)
    assert ["profile" in notes[0], "transparency" in notes[1], "EXIF" in notes[2]] == [True] * 3
    opaque = image.pixels.copy()
    opaque[..., 3] = 255
    write_flat(tmp_path / "b.bmp", FlatImage(opaque, icc=wide))
    assert np.array_equal(read_flat(tmp_path / "b.bmp").pixels, colour.to_srgb(opaque, wide)[..., :3])


def test_a_cut_file_is_refused(tmp_path: Path, noise: Noise) -> None:
    write_flat(tmp_path / "a.bmp", FlatImage(noise(np.uint8, (8, 8, 3))))
    data = (tmp_path / "a.bmp").read_bytes()
    for end in range(18, len(data), 9):
        (tmp_path / "cut.bmp").write_bytes(data[:end])
        with pytest.raises(InputUnreadable, match=r"incomplete|damaged"):
            read_flat(tmp_path / "cut.bmp")


def test_a_text_that_begins_like_one(tmp_path: Path) -> None:
    (tmp_path / "a.bmp").write_bytes(b"BM is short for bitmap, and this is no picture at all.")
    with pytest.raises(InputUnreadable, match="known kind"):
        read_flat(tmp_path / "a.bmp")
