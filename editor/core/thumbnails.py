"""Small pictures of layers, masks and documents, from a few samples of each tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.core.compositor import composite, composite_layer
from editor.core.document import Document, find, offset_of
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask
from editor.core.tiles import SIDE, Samples, TileMap

SAMPLES = 2  # in each direction, per pixel of the thumbnail, about


def layer_thumbnail(document: Document, layer_id: str, side: int) -> Samples:
    """The layer alone, on the whole page: uint8 (h, w, 4), straight alpha, the longer of h and w `side` (or less for a
    page that is smaller). As composite_layer: place and mask count. Raises KeyError for an unknown id."""
    layer, (x, y) = _known(document, layer_id), offset_of(document, layer_id)
    small = _sampled(replace(document, layers=(replace(layer, x=x, y=y, visible=True),)), side)
    return _shrunk(composite_layer(small, layer_id, small.rect), _size(document, side))


def mask_thumbnail(document: Document, layer_id: str, side: int) -> Samples:
    """The layer's mask on the whole page, enabled or not: uint8 (h, w). Raises KeyError where there is no mask."""
    mask, (x, y) = _known(document, layer_id).mask, offset_of(document, layer_id)
    if mask is None:
        raise KeyError(layer_id)
    page, width, height = document.rect.moved(-x, -y), *_size(document, side)
    samples = _samples(mask.plane, page, _step(document, side))
    return np.asarray(cv2.resize(samples[..., 0], (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def document_thumbnail(document: Document, side: int) -> Samples:
    """What the document shows: uint8 (h, w, 4), straight alpha, the longer of h and w `side` (or less for a page that
    is smaller)."""
    small = _sampled(document, side) if _step(document, side) > 1 else document  # else nothing would be left out
    return _shrunk(composite(small, small.rect), _size(document, side))


_Planes = dict[tuple[TileMap, Rect], TileMap]


def _known(document: Document, id: str) -> Layer:
    layer = find(document, id)
    if layer is None:
        raise KeyError(id)
    return layer


def _size(document: Document, side: int) -> tuple[int, int]:
    """(width, height) of a thumbnail."""
    scale = min(1.0, side / max(document.width, document.height, 1))
    return max(1, round(document.width * scale)), max(1, round(document.height * scale))


def _step(document: Document, side: int) -> int:
    return max(1, round(max(document.width, document.height) / (side * SAMPLES)))


def _sampled(document: Document, side: int) -> Document:
    """The document of every n-th pixel. All layers lie at (0, 0) of it, so that every plane is sampled at the same
    places of the page."""
    step = _step(document, side)
    known = _Planes()
    layers = tuple(_sampled_layer(layer, document.rect, step, known) for layer in document.layers if layer.visible)
    return replace(
        document, width=-(-document.width // step), height=-(-document.height // step), layers=layers, selection=None
    )


def _sampled_layer(layer: Layer, page: Rect, step: int, known: _Planes) -> Layer:
    area = page.moved(-layer.x, -layer.y)
    mask = None if layer.mask is None else Mask(_sampled_plane(layer.mask.plane, area, step, known), layer.mask.enabled)
    if isinstance(layer, GroupLayer):
        children = tuple(_sampled_layer(child, area, step, known) for child in layer.children if child.visible)
        return replace(layer, x=0, y=0, mask=mask, children=children)
    return replace(layer, x=0, y=0, mask=mask, plane=_sampled_plane(layer.plane, area, step, known))


def _sampled_plane(plane: TileMap, area: Rect, step: int, known: _Planes) -> TileMap:
    """known: what layers with the same tiles share."""
    if (plane, area) not in known:
        known[plane, area] = TileMap.of(_samples(plane, area, step), blank=plane.blank)
    return known[plane, area]


def _samples(plane: TileMap, area: Rect, step: int) -> Samples:
    """Every step-th pixel of `area` in both directions: uint8 (ceil(h / step), ceil(w / step), channels)."""
    height, width = -(-area.height // step), -(-area.width // step)
    result = np.full((height, width, plane.channels), plane.blank, np.uint8)
    columns = list(_parts(area.x, width, step))
    for row, rows, y in _parts(area.y, height, step):
        for column, across, x in columns:
            tile = plane.tiles.get((column, row))
            if tile is not None:
                found = tile.pixels[y::step, x::step]
                result[rows, across] = found[: rows.stop - rows.start, : across.stop - across.start]
    return result


def _parts(start: int, count: int, step: int) -> Iterator[tuple[int, slice, int]]:
    """(row of tiles, which samples lie in it, where in it the first lies) for samples at start, start + step, ..."""
    for index in range(start // SIDE, (start + (count - 1) * step) // SIDE + 1):
        # the first samples at or after the tile's first pixel, and the next one's
        first = max(0, -((start - index * SIDE) // step))
        end = min(count, -((start - (index + 1) * SIDE) // step))
        if first < end:
            yield index, slice(first, end), start + first * step - index * SIDE


def _shrunk(pixels: Samples, size: tuple[int, int]) -> Samples:
    """Area-averaged with premultiplied colour, or hidden colours would shine through at edges."""
    values = pixels.astype(np.float32)
    values[..., :3] *= values[..., 3:] / np.float32(255)
    small: NDArray[np.float32] = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
    small[..., :3] *= np.float32(255) / np.maximum(small[..., 3:], np.float32(1e-3))
    return np.rint(np.clip(small, 0, 255)).astype(np.uint8)
