"""Pictures to and from the system's clipboard, and the images that they go through."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from editor.ui.clipboard import SystemClipboard, image_of, pixels_of


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 4)).astype(np.uint8)


@pytest.fixture
def clipboard(qapp: QApplication) -> SystemClipboard:
    qapp.clipboard().clear()
    return SystemClipboard(qapp.clipboard())


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 33)])
def test_pixels_come_back_as_they_were(size: tuple[int, int]) -> None:
    pixels = noise(*size)
    assert np.array_equal(pixels_of(image_of(pixels)), pixels)


def test_an_image_has_memory_of_its_own() -> None:
    pixels = np.full((4, 4, 4), 255, np.uint8)
    image = image_of(pixels)
    pixels[:] = 0
    assert image.pixelColor(1, 1) == QColor("white")


def test_parts_of_arrays_are_read_rightly() -> None:
    pixels = noise(20, 20)[2:9:2, 3:14]
    assert np.array_equal(pixels_of(image_of(pixels)), pixels)


def test_other_kinds_of_images_become_rgba() -> None:
    image = QImage(5, 3, QImage.Format.Format_RGB32)
    image.fill(QColor(10, 20, 30))
    assert (pixels_of(image) == [10, 20, 30, 255]).all() and pixels_of(image).shape == (3, 5, 4)


def test_what_is_copied_can_be_pasted_with_its_alpha(clipboard: SystemClipboard) -> None:
    assert not clipboard.has_picture and clipboard.paste() is None
    pixels = noise(6, 9)
    clipboard.copy(pixels)
    assert clipboard.has_picture
    pasted = clipboard.paste()
    assert pasted is not None and np.array_equal(pasted, pixels)


def test_it_notices_what_others_copy(clipboard: SystemClipboard, qapp: QApplication) -> None:
    clipboard.copy(noise(2, 2))
    assert clipboard.has_picture
    qapp.clipboard().setText("words")
    assert not clipboard.has_picture and clipboard.paste() is None
