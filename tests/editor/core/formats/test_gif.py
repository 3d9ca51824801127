"""GIF: its first picture in, 256 colours out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from editor.core.errors import InputUnreadable
from editor.core.formats.flat import info, read_flat, write_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels

Noise = Callable[..., Pixels]


def test_the_first_picture_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    read = read_flat(tmp_path / "a.gif")
    assert (read.pixels == [255, 0, 0]).all()
    assert any("first" in note for note in read.notes)
    assert info(tmp_path / "a.gif")["animated"]


def test_clear_pixels_are_clear(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    image.save(tmp_path / "a.gif", transparency=1)
    read = read_flat(tmp_path / "a.gif")
    assert read.pixels[0, 0].tolist() == [10, 20, 30, 255]
    assert read.pixels[0, 1, 3] == 0
    assert read.notes == ()


def test_few_colours_come_back_exactly(tmp_path: Path, noise: Noise) -> None:
    colours = noise(np.uint8, (40, 3))
    pixels = colours[noise(np.uint8, (9, 11)) % 40]
    notes = write_flat(tmp_path / "a.gif", FlatImage(pixels))
    assert any("256 colours" in note for note in notes)
    assert np.abs(read_flat(tmp_path / "a.gif").pixels.astype(int) - pixels).max() <= 1
    assert np.array_equal(cv2.imread(str(tmp_path / "a.gif"))[..., ::-1], read_flat(tmp_path / "a.gif").pixels)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5, 4), (300, 2, 3)])
def test_odd_sizes(tmp_path: Path, noise: Noise, shape: tuple[int, int, int]) -> None:
    write_flat(tmp_path / "a.gif", FlatImage(noise(np.uint8, shape)))
    assert read_flat(tmp_path / "a.gif").pixels.shape == (*shape[:2], 3)


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    notes = write_flat(tmp_path / "a.gif", FlatImage(np.zeros((3, 3, 4), np.uint8)))
    assert any("transparency" in note for note in notes)
    assert (read_flat(tmp_path / "a.gif").pixels == 255).all()


def test_a_cut_file_is_refused(tmp_path: Path, noise: Noise) -> None:
    write_flat(tmp_path / "a.gif", FlatImage(noise(np.uint8, (8, 8, 3))))
    data = (tmp_path / "a.gif").read_bytes()
    for end in range(6, len(data) - 2, 31):
        (tmp_path / "cut.gif").write_bytes(data[:end])
        with pytest.raises(InputUnreadable, match=r"incomplete|damaged"):
            read_flat(tmp_path / "cut.gif")
