"""JPEG: colour models, orientation, and what a segment can hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from editor.core.errors import InputUnreadable
from editor.core.formats.flat import info, read_flat, write_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]


class Profiles(Protocol):
    def cmyk(self) -> bytes: ...
    def grey(self) -> bytes: ...
    def matrix(self) -> bytes: ...


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=-1).astype(np.uint8)


def test_written_pixels_are_close_and_colours_keep_their_edges(tmp_path: Path) -> None:
    pixels = smooth()
    pixels[:, 31:33] = [255, 0, 0]
    assert write_flat(tmp_path / "a.jpg", FlatImage(pixels)) == []
    read = read_flat(tmp_path / "a.jpg").pixels
    assert np.abs(read.astype(int) - pixels).max() <= 24
    assert np.abs(read.astype(int) - pixels).mean() < 1.5
    assert np.array_equal(cv2.imread(str(tmp_path / "a.jpg"))[..., ::-1], read)


def test_quality_is_heeded(tmp_path: Path, noise: Noise) -> None:
    sizes = list[int]()
    for quality in (20, 95, 100):
        write_flat(tmp_path / "a.jpg", FlatImage(noise(np.uint8, (40, 40, 3))), quality=quality)
        sizes.append((tmp_path / "a.jpg").stat().st_size)
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_applied_and_reset(tmp_path: Path, turn: int) -> None:
    image = Image.fromarray(smooth())
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = turn, "Maker"
    image.save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    with Image.open(tmp_path / "a.jpg") as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    read = read_flat(tmp_path / "a.jpg")
    assert np.array_equal(read.pixels, expected)
    described = info(tmp_path / "a.jpg")
    assert described["orientation"] == turn
    assert described["size"] == [read.width, read.height]
    write_flat(tmp_path / "b.jpg", read)
    with Image.open(tmp_path / "b.jpg") as written:
        assert written.size == (read.width, read.height)
        assert written.getexif()[0x0112] == 1
        assert written.getexif()[0x010F] == "Maker"


@pytest.mark.parametrize(
    ("inks", "colour"),
    [((0, 255, 255, 0), (230, 0, 0)), ((255, 0, 0, 0), (0, 230, 230)), ((0, 0, 0, 255), (0, 0, 0))],
)
def test_cmyk_through_its_profile(
    tmp_path: Path, profiles: Profiles, inks: tuple[int, ...], colour: tuple[int, ...]
) -> None:
    """The profile's paper is grey: solid inks come out at 0.9 of full."""
    Image.new("CMYK", (16, 16), inks).save(tmp_path / "a.jpg", icc_profile=profiles.cmyk(), quality=100)
    read = read_flat(tmp_path / "a.jpg")
    assert read.icc is None
    assert read.source_mode == "CMYK"
    assert len(read.notes) == 1
    assert "through its profile" in read.notes[0]
    assert np.abs(read.pixels[8, 8].astype(int) - colour).max() <= 6


def test_cmyk_as_adobe_stores_it(tmp_path: Path) -> None:
    """Pure cyan, stored inverted: the picture has to be cyan, not red."""
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(tmp_path / "a.jpg", quality=100)
    assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()
    red, green, blue = read_flat(tmp_path / "a.jpg").pixels[8, 8]
    assert red < 10
    assert min(green, blue) > 245


def test_cmyk_with_a_broken_profile(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.jpg", icc_profile=b"nonsense")
    read = read_flat(tmp_path / "a.jpg")
    assert len(read.notes) == 2
    assert read.pixels.min() > 245


def test_grey_with_its_own_profile_becomes_srgb(tmp_path: Path, profiles: Profiles) -> None:
    image = Image.linear_gradient("L")
    image.save(tmp_path / "a.jpg", icc_profile=profiles.grey(), quality=100)
    with Image.open(tmp_path / "a.jpg") as stored:
        grey = np.asarray(stored) / 255
    read = read_flat(tmp_path / "a.jpg")
    assert read.icc is None
    light = grey**1.5
    expected = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(read.pixels[..., 1] - expected).max() <= 1
    assert np.array_equal(read.pixels[..., 0], read.pixels[..., 2])


def test_grey_with_an_rgb_profile_keeps_it(tmp_path: Path, profiles: Profiles) -> None:
    Image.linear_gradient("L").save(tmp_path / "a.jpg", icc_profile=profiles.matrix())
    read = read_flat(tmp_path / "a.jpg")
    assert read.icc == profiles.matrix()
    assert read.notes == ()


def test_a_profile_of_another_kind_is_left_out(tmp_path: Path, profiles: Profiles) -> None:
    for profile in (profiles.cmyk(), profiles.grey(), b"nonsense"):
        Image.fromarray(smooth()).save(tmp_path / "a.jpg", icc_profile=profile)
        read = read_flat(tmp_path / "a.jpg")
        assert read.icc is None
        assert any("profile" in note for note in read.notes)


def test_extras_are_kept(tmp_path: Path, wide: bytes, photo_exif: bytes) -> None:
    large = wide + bytes(200_000)  # more than one segment
    write_flat(tmp_path / "a.jpg", FlatImage(smooth(), icc=large, exif=photo_exif, dpi=(300.0, 300.0)))
    read = read_flat(tmp_path / "a.jpg")
    assert read.icc == large
    assert read.exif == photo_exif
    assert read.dpi == (300, 300)


def test_exif_beyond_a_segment_is_left_out_with_a_note(tmp_path: Path, photo_exif: bytes) -> None:
    for size, notes in ((65_527, 0), (65_528, 1)):
        image = FlatImage(smooth(), exif=photo_exif.ljust(size, b"\0"))
        assert len(write_flat(tmp_path / "a.jpg", image)) == notes
        assert (read_flat(tmp_path / "a.jpg").exif is None) == bool(notes)


def test_transparency_and_depth_are_given_up_with_notes(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16, 4), np.uint16)
    notes = write_flat(tmp_path / "a.jpg", FlatImage(pixels))
    assert len(notes) == 2
    assert (read_flat(tmp_path / "a.jpg").pixels == 255).all()
    pixels[..., 3] = 65535
    assert len(write_flat(tmp_path / "a.jpg", FlatImage(pixels))) == 1


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    write_flat(tmp_path / "a.jpg", FlatImage(smooth()))
    data = (tmp_path / "a.jpg").read_bytes()
    for end in range(3, len(data) - 2, 61):
        (tmp_path / "cut.jpg").write_bytes(data[:end])
        with pytest.raises(InputUnreadable, match=r"incomplete|damaged"):
            read_flat(tmp_path / "cut.jpg")
