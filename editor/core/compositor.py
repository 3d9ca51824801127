"""From layers to pixels: W3C Compositing and Blending Level 1 in float32, one tile at a time.

Every rectangle inside this module is in the coordinates of the list of layers it goes with: a group's, or the page's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from editor.core.compositor_coverage import alone, mask_of, opacity_at, seen, tile_at
from editor.core.compositor_surface import Floats, Surface
from editor.core.document import Document, find, offset_of
from editor.core.errors import Cancelled
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import SIDE, Samples, TileMap, keys_in, tile_rect


def composite(document: Document, rect: Rect) -> Samples:
    """What the document shows in `rect`: a new uint8 (rect.height, rect.width, 4), straight alpha.

    Beyond the page everything is transparent. Within 0.51/255 of the exact result.
    """
    result = _transparent(rect)
    for block in _blocks(rect & document.rect):
        result[block.moved(-rect.x, -rect.y).slices] = _block(document.layers, block)
    return result


def flatten(
    document: Document,
    progress: Callable[[float], None] = lambda done: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Samples:
    """The whole page as uint8 (height, width, 4), straight alpha. Safe on any thread: a document never changes.

    progress: called with the share done, in (0, 1]. cancelled: asked before every tile; True raises Cancelled.
    """
    result = _transparent(document.rect)
    blocks = list(_blocks(document.rect))
    for done, block in enumerate(blocks, 1):
        if cancelled():
            raise Cancelled("The layers were not flattened: it was cancelled.")
        result[block.slices] = _block(document.layers, block)
        progress(done / len(blocks))
        time.sleep(0)  # hands the interpreter's lock to whoever waits for it: skia keeps it while it draws
    return result


def composite_layer(document: Document, layer_id: str, rect: Rect) -> Samples:
    """One layer alone in `rect` of the document, beyond the page too: uint8 (rect.height, rect.width, 4), straight.

    Its place and its mask count; its opacity, its blend mode and whether it is visible do not. Raises KeyError for an
    unknown id.
    """
    layer = find(document, layer_id)
    x, y = offset_of(document, layer_id)
    if layer is None or rect.empty:
        return _transparent(rect)
    area = rect.moved(-x, -y)
    result = _group_alone(layer, area) if isinstance(layer, GroupLayer) else layer.plane.read(area)
    mask = mask_of(layer)
    if mask is not None:
        product = result[..., 3].astype(np.uint16) * mask.plane.read(area)[..., 0]
        result[..., 3] = (product + 127) // 255
    return result


def _group_alone(group: GroupLayer, area: Rect) -> Samples:
    result = _transparent(area)
    for block in _blocks(area):
        result[block.moved(-area.x, -area.y).slices] = _block(group.children, block)
    return result


def _transparent(rect: Rect) -> Samples:
    return np.zeros((max(0, rect.height), max(0, rect.width), 4), np.uint8)


def _blocks(rect: Rect) -> Iterator[Rect]:
    """`rect` in pieces of at most a tile's size; small ones stay whole, even where they lie on four tiles."""
    if rect.width <= SIDE and rect.height <= SIDE:
        return iter(() if rect.empty else (rect,))
    return (tile_rect(key) & rect for key in keys_in(rect))


def _block(layers: Sequence[Layer], rect: Rect) -> Samples:
    present = seen(layers, rect)
    if not present:
        return _transparent(rect)
    only = alone(present, rect)
    if only is not None:
        return only[0].plane.read(only[1])
    surface = Surface(rect.width, rect.height)
    _lay(surface, present, rect)
    return surface.straight()


def _lay(surface: Surface, layers: Sequence[Layer], rect: Rect) -> None:
    """Draw the layers that are to be seen in `rect`, whose first pixel is the surface's first."""
    for layer in layers:
        area = rect.moved(-layer.x, -layer.y)
        if isinstance(layer, RasterLayer):
            _lay_raster(surface, layer, area)
        elif layer.pass_through:
            _lay_through(surface, layer, area)
        else:
            _lay_isolated(surface, layer, area)


def _lay_raster(surface: Surface, layer: RasterLayer, area: Rect) -> None:
    mask = mask_of(layer)
    if mask is not None and any(opacity_at(mask.plane, key)[0] < 255 for key in keys_in(area)):
        _lay_masked(surface, layer, mask, area)
        return
    for key in keys_in(area):
        tile = tile_at(layer.plane, key)
        if tile is not None and tile.opacity[1] > 0:
            x, y = key[0] * SIDE - area.x, key[1] * SIDE - area.y
            surface.draw(tile.pixels, x, y, layer.blend, layer.opacity)


def _lay_masked(surface: Surface, layer: RasterLayer, mask: Mask, area: Rect) -> None:
    """Float pixels, since alpha times mask does not fit into 8 bits."""
    pixels = layer.plane.read(area) * np.float32(1 / 255)
    pixels[..., 3] *= _weights(mask.plane, area)
    surface.draw_straight(pixels, 0, 0, layer.blend, layer.opacity)


def _lay_isolated(surface: Surface, group: GroupLayer, area: Rect) -> None:
    inner, mask = Surface(area.width, area.height), mask_of(group)
    _lay(inner, seen(group.children, area), area)
    if mask is not None:
        inner.pixels *= _weights(mask.plane, area)[..., np.newaxis]
    surface.draw_premultiplied(inner.pixels, 0, 0, group.blend, group.opacity)


def _lay_through(surface: Surface, group: GroupLayer, area: Rect) -> None:
    mask, children = mask_of(group), seen(group.children, area)
    if mask is None and group.opacity >= 1:
        _lay(surface, children, area)
        return
    before = surface.pixels.copy()
    _lay(surface, children, area)
    share = np.float32(group.opacity)
    weights = share if mask is None else _weights(mask.plane, area)[..., np.newaxis] * share
    surface.pixels -= before
    surface.pixels *= weights
    surface.pixels += before


def _weights(plane: TileMap, rect: Rect) -> Floats:
    return plane.read(rect)[..., 0] * np.float32(1 / 255)
