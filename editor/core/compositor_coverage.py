"""What of a layer can be seen in a rectangle, told from its tiles alone, so that most of the drawing can be left out.

Every rectangle here is in the coordinates of the list that the layer is in: its group's, or the document's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from editor.core.geometry import Rect
from editor.core.layer import NORMAL, GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import SIDE, Key, Tile, TileMap, keys_in


def tile_at(plane: TileMap, key: Key) -> Tile | None:
    """The tile there; one of nothing but `blank` where the plane has none, and None where that is transparent."""
    tile = plane.tiles.get(key)
    if tile is None and plane.blank:
        return Tile(np.full((SIDE, SIDE, plane.channels), plane.blank, np.uint8))
    return tile


def opacity_at(plane: TileMap, key: Key) -> tuple[int, int]:
    """The lowest and the highest sample of the last channel in the tile there."""
    tile = plane.tiles.get(key)
    return (plane.blank, plane.blank) if tile is None else tile.opacity


def mask_of(layer: Layer) -> Mask | None:
    """The layer's mask where it counts."""
    return layer.mask if layer.mask is not None and layer.mask.enabled else None


def shows(layer: Layer, rect: Rect) -> bool:
    """False only where the layer changes no pixel in `rect`."""
    if not layer.visible or layer.opacity <= 0:
        return False
    area, mask = rect.moved(-layer.x, -layer.y), mask_of(layer)
    if mask is not None and not any(opacity_at(mask.plane, key)[1] for key in keys_in(area)):
        return False
    if isinstance(layer, GroupLayer):
        return any(shows(child, area) for child in layer.children)
    return any(opacity_at(layer.plane, key)[1] for key in keys_in(area))


def covers(layer: Layer, rect: Rect) -> bool:
    """True only where nothing below the layer can be seen in `rect`."""
    if not layer.visible or layer.opacity < 1:
        return False
    if layer.blend != NORMAL and not (isinstance(layer, GroupLayer) and layer.pass_through):
        return False
    area, mask = rect.moved(-layer.x, -layer.y), mask_of(layer)
    if mask is not None and not all(opacity_at(mask.plane, key)[0] == 255 for key in keys_in(area)):
        return False
    if isinstance(layer, GroupLayer):
        return any(covers(child, area) for child in layer.children)
    return all(opacity_at(layer.plane, key)[0] == 255 for key in keys_in(area))


def seen(layers: Sequence[Layer], rect: Rect) -> Sequence[Layer]:
    """Those of `layers`, the lowest first, that have a part in what `rect` shows."""
    found: list[Layer] = []
    for layer in reversed(layers):
        if shows(layer, rect):
            found.append(layer)
            if covers(layer, rect):
                break
    return found[::-1]


def alone(present: Sequence[Layer], rect: Rect) -> tuple[RasterLayer, Rect] | None:
    """The one opaque layer that is all that `rect` shows, with the rectangle in its own plane; None for any other.

    present: what `seen` gave.
    """
    if len(present) != 1 or not covers(present[0], rect):
        return None
    layer = present[0]
    area = rect.moved(-layer.x, -layer.y)
    return alone(seen(layer.children, area), area) if isinstance(layer, GroupLayer) else (layer, area)
