"""Documents that are quick to composite, and reading what a widget shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from editor.core.document import Document
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap

Painted = Callable[..., Document]


@pytest.fixture
def noise() -> Callable[..., Document]:
    """`noise(width, height, alpha=False)`: one layer of random pixels, id "a"."""

    def make(width: int, height: int, alpha: bool = False, seed: int = 0) -> Document:
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
        if not alpha:
            pixels[..., 3] = 255
        layer = RasterLayer(name="a", id="a", plane=TileMap.of(pixels))
        return Document(width, height, (layer,), active="a")

    return make


@pytest.fixture
def painted() -> Painted:
    """`painted(document, x, y, width, height, colour)`: the document with a rectangle painted on its first layer."""

    def paint(document: Document, x: int, y: int, width: int, height: int, colour: tuple[int, ...]) -> Document:
        patch = np.full((height, width, 4), colour, np.uint8)
        layer = document.layers[0]
        assert isinstance(layer, RasterLayer)
        return replace(
            document, layers=(replace(layer, plane=layer.plane.with_pixels(patch, x, y)), *document.layers[1:])
        )

    return paint


@pytest.fixture
def screen() -> Callable[[QWidget], NDArray[np.uint8]]:
    """`screen(widget)`: uint8 (h, w, 3) RGB of what it shows."""

    def read(widget: QWidget) -> NDArray[np.uint8]:
        image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
        return data[:, : image.width(), 2::-1].copy()

    return read
