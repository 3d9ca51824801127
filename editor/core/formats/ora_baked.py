"""Documents whose masks are applied to the pixels, for programs that know no masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from editor.core.compositor import composite_layer
from editor.core.document import Document
from editor.core.formats.ora_plan import content
from editor.core.layer import GroupLayer, Layer, RasterLayer
from editor.core.tiles import Tile, TileMap, tile_rect


def baked(document: Document) -> tuple[Document, list[str]]:
    """The document without masks, looking the same to 1/255, and a note for everything that is lost by that.

    A group's mask cannot be handed on to its layers, so such a group becomes one layer.
    """
    notes: list[str] = []
    return replace(document, layers=_baked_all(document, document.layers, 0, 0, notes)), notes


def _baked_all(document: Document, layers: tuple[Layer, ...], x: int, y: int, notes: list[str]) -> tuple[Layer, ...]:
    return tuple(_baked(document, layer, x + layer.x, y + layer.y, notes) for layer in layers)


def _baked(document: Document, layer: Layer, x: int, y: int, notes: list[str]) -> Layer:
    if isinstance(layer, RasterLayer):
        return _baked_layer(layer, notes)
    if layer.mask is None or not layer.mask.enabled:
        return replace(layer, mask=None, children=_baked_all(document, layer.children, x, y, notes))
    notes.append(f"The group {layer.name!r} became one layer, because its mask was applied.")
    return _merged(document, layer, x, y)


def _merged(document: Document, group: GroupLayer, x: int, y: int) -> RasterLayer:
    rect = content(group).moved(x, y)
    plane = (
        TileMap.of(composite_layer(document, group.id, rect), rect.x - x, rect.y - y) if not rect.empty else TileMap()
    )
    look = {name: getattr(group, name) for name in ("id", "opacity", "visible", "locked", "blend", "x", "y", "extras")}
    return RasterLayer(name=group.name, plane=plane, **look)


def _baked_layer(layer: RasterLayer, notes: list[str]) -> RasterLayer:
    mask = layer.mask
    if mask is None or not mask.enabled:
        return replace(layer, mask=None)
    notes.append(f"The mask of {layer.name!r} was applied to its pixels.")
    tiles = {key: _weighed(tile, mask.plane.read(tile_rect(key))) for key, tile in layer.plane.tiles.items()}
    return replace(layer, mask=None, plane=layer.plane.with_tiles(tiles))


def _weighed(tile: Tile, weights: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tile:
    pixels = tile.pixels.copy()
    product = pixels[..., 3].astype(np.uint16) * weights[..., 0]
    pixels[..., 3] = (product + 127) // 255
    return Tile(pixels)
