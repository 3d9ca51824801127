"""Thumbnails against the area average of the whole picture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from editor.core.compositor import composite, composite_layer
from editor.core.document import Document
from editor.core.layer import GroupLayer, Mask, RasterLayer
from editor.core.thumbnails import document_thumbnail, layer_thumbnail, mask_thumbnail
from editor.core.tiles import Samples, TileMap

WIDTH, HEIGHT = 1200, 800


def smooth(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Samples:
    small = np.random.default_rng(seed).integers(0, 256, (4, 6, 4), dtype=np.uint8)
    small[..., 3] |= 128
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def document() -> Document:
    soft = Mask(TileMap.of(smooth(5)[..., 0], blank=255), enabled=True)
    child = RasterLayer(name="c", id="c", plane=TileMap.of(smooth(2, 700, 700)), x=55, y=-31, mask=soft)
    hidden = RasterLayer(name="d", plane=TileMap.of(smooth(3)), visible=False)
    group = GroupLayer(name="g", id="g", children=(child, hidden), x=101, y=77, opacity=0.7)
    return Document(WIDTH, HEIGHT, (RasterLayer(name="a", id="a", plane=TileMap.of(smooth(1))), group))


def small(pixels: Samples, side: int) -> Samples:
    return cv2.resize(pixels, (side, side * HEIGHT // WIDTH), interpolation=cv2.INTER_AREA)


def far(found: Samples, exact: Samples) -> float:
    """Mean difference of the premultiplied colours, as hidden ones do not matter."""
    return float(np.abs(_premultiplied(found) - _premultiplied(exact)).mean())


def _premultiplied(pixels: Samples) -> np.ndarray:
    return np.dstack([pixels[..., :3] * (pixels[..., 3:] / 255), pixels[..., 3:]])


@pytest.mark.parametrize("side", [48, 120])
def test_the_documents_is_like_its_picture_made_small(side: int) -> None:
    page = document()
    found = document_thumbnail(page, side)
    assert found.shape == (side * 2 // 3, side, 4)
    assert found.dtype == np.uint8
    assert far(found, small(composite(page, page.rect), side)) < 2


@pytest.mark.parametrize("id", ["a", "c", "g"])
def test_a_layers_is_itself_on_the_page(id: str) -> None:
    page = document()
    found = layer_thumbnail(page, id, 60)
    assert far(found, small(composite_layer(page, id, page.rect), 60)) < 2.5
    hidden = replace(page, layers=tuple(replace(layer, visible=False) for layer in page.layers))
    assert np.array_equal(layer_thumbnail(hidden, id, 60), found)


def test_a_masks_lies_where_its_layer_does() -> None:
    page = document()
    found = mask_thumbnail(page, "c", 60)
    exact = np.full((HEIGHT, WIDTH), 255, np.uint8)
    exact[46:, 156:] = smooth(5)[: HEIGHT - 46, : WIDTH - 156, 0]
    assert found.shape == (40, 60)
    assert np.abs(found.astype(float) - small(exact, 60)).mean() < 3


def test_hidden_colours_do_not_shine_through() -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[..., 0] = 255
    pixels[:, ::2] = (0, 0, 255, 255)
    found = layer_thumbnail(
        Document(WIDTH, HEIGHT, (RasterLayer(name="a", id="a", plane=TileMap.of(pixels)),)), "a", 30
    )
    assert not found[..., 0].any()


def test_a_page_smaller_than_the_thumbnail_stays_as_it_is() -> None:
    pixels = smooth(1, 20, 10)
    page = Document(20, 10, (RasterLayer(name="a", id="a", plane=TileMap.of(pixels)),))
    assert np.abs(document_thumbnail(page, 48).astype(int) - composite(page, page.rect)).max() <= 1


def test_a_long_page_keeps_at_least_one_row() -> None:
    assert document_thumbnail(Document(3000, 2), 48).shape == (1, 48, 4)


def test_what_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        layer_thumbnail(document(), "unknown", 48)
    with pytest.raises(KeyError):
        mask_thumbnail(document(), "a", 48)
