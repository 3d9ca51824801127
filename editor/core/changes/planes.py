"""What several changes do to planes of pixels: shift them, turn them, weigh them with the selection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from editor.core.document import Document, offset_of
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import SIDE, Key, Samples, Tile, TileMap, keys_in, tile_rect


def shifted(plane: TileMap, dx: int, dy: int) -> TileMap:
    """The plane with every pixel moved by (dx, dy). Whole tiles are shared where both are multiples of SIDE."""
    if dx % SIDE == 0 and dy % SIDE == 0:
        moved = {(column + dx // SIDE, row + dy // SIDE): tile for (column, row), tile in plane.tiles.items()}
        return TileMap(plane.channels, moved, plane.blank)
    keys = {key for tile in plane.tiles for key in keys_in(tile_rect(tile).moved(dx, dy))}
    tiles = ((key, tile_of(plane.read(tile_rect(key).moved(-dx, -dy)), plane.blank)) for key in keys)
    return TileMap(plane.channels, {key: tile for key, tile in tiles if tile is not None}, plane.blank)


def tile_of(pixels: Samples, blank: int = 0) -> Tile | None:
    """A tile of uint8 (SIDE, SIDE, channels); None where all of it is blank."""
    return Tile(pixels) if bool((pixels != blank).any()) else None


def with_planes(layer: Layer, change: Callable[[TileMap], TileMap]) -> Layer:
    """The layer with its mask, its own plane and those of everything in it changed, each in its own coordinates."""
    mask = Mask(change(layer.mask.plane), layer.mask.enabled) if layer.mask else None
    if isinstance(layer, RasterLayer):
        return replace(layer, plane=change(layer.plane), mask=mask)
    return replace(layer, mask=mask, children=tuple(with_planes(child, change) for child in layer.children))


def with_offsets(layer: Layer, change: Callable[[int, int], tuple[int, int]]) -> Layer:
    """The layer, and everything in it, with its (x, y) changed."""
    x, y = change(layer.x, layer.y)
    if isinstance(layer, GroupLayer):
        return replace(layer, x=x, y=y, children=tuple(with_offsets(child, change) for child in layer.children))
    return replace(layer, x=x, y=y)


def in_page(selection: TileMap | None, page: Rect, dx: int = 0, dy: int = 0) -> TileMap | None:
    """The part of a selection, moved by (dx, dy), that lies on `page`; None where nothing of it does."""
    if selection is None:
        return None
    pixels = selection.read(page.moved(-dx, -dy))
    return TileMap.of(pixels, page.x, page.y) if pixels.any() else None


def coverage(document: Document, layer_id: str, key: Key) -> Samples | None:
    """How much of a layer's tile is selected: uint8 (SIDE, SIDE, 1); None where all of it is."""
    if document.selection is None:
        return None
    return document.selection.read(tile_rect(key).moved(*offset_of(document, layer_id)))


def selected_keys(document: Document, layer_id: str) -> Iterator[Key]:
    """The tiles of a layer's plane that the page, and the selection's tiles, touch."""
    x, y = offset_of(document, layer_id)
    area = document.rect
    if document.selection is not None and not document.selection.blank:
        area &= document.selection.bounds
    yield from keys_in(area.moved(-x, -y))


def on_page(document: Document, layer_id: str, key: Key) -> Samples:
    """uint8 (SIDE, SIDE, 1): 255 where the layer's tile lies on the page, selected or not."""
    x, y = offset_of(document, layer_id)
    inside = document.rect.moved(-x, -y) & tile_rect(key)
    result = np.zeros((SIDE, SIDE, 1), np.uint8)
    result[inside.moved(-key[0] * SIDE, -key[1] * SIDE).slices] = 255
    return result


def scaled(values: Samples, by: Samples) -> Samples:
    """values * by / 255, rounded to nearest; any two shapes that broadcast."""
    product = values.astype(np.uint16) * by + np.uint16(128)
    return ((product + (product >> np.uint16(8))) >> np.uint16(8)).astype(np.uint8)


def with_alpha(pixels: Samples, alpha: Samples) -> Samples:
    """uint8 (h, w, 4) with another alpha (h, w, 1); what becomes invisible becomes blank, so that it costs nothing."""
    if not alpha.any():
        return np.zeros_like(pixels)
    result = np.ascontiguousarray(pixels).copy()
    result[..., 3:] = alpha
    result.view(np.uint32)[...] *= alpha != 0  # whole pixels at once
    return result
