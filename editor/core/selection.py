"""Selections: one channel in document coordinates, 255 selected. None, where it is allowed, selects everything."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from editor.core.document import Document
from editor.core.geometry import Rect, around
from editor.core.selection_outline import outline
from editor.core.selection_shapes import ellipse, ellipse_points, polygon, rectangle
from editor.core.selection_soften import feathered, grown, smoothed
from editor.core.selection_wand import wand
from editor.core.tiles import Key, Samples, Tile, TileMap, keys_in, tile_rect

__all__ = [
    "How",
    "bounds",
    "combined",
    "covers",
    "ellipse",
    "ellipse_points",
    "empty",
    "everything",
    "feathered",
    "grown",
    "inverted",
    "on_page",
    "outline",
    "polygon",
    "rectangle",
    "smoothed",
    "wand",
]

How = Literal["replace", "add", "subtract", "intersect"]


def everything(document: Document) -> TileMap:
    """The whole page."""
    return rectangle(document.rect)


def combined(old: TileMap | None, new: TileMap, how: How) -> TileMap:
    """add: the larger of both; subtract: the smaller of the old and what the new leaves; intersect: the smaller.

    old None: nothing was selected yet, so that "add" gives the new one; "subtract" then gives nothing, and whoever
    means "all but this" passes `everything(document)`. "intersect" with None gives the new one.
    """
    if how == "replace" or (old is None and how != "subtract"):
        return new
    if old is None:
        return TileMap(1)
    keys = old.tiles.keys() | new.tiles.keys()
    made: dict[tuple[int, int], Tile | None] = {}
    result: dict[Key, Tile] = {}
    for key in keys:
        one, two = old.tiles.get(key), new.tiles.get(key)
        pair = (id(one), id(two))
        if pair not in made:
            made[pair] = _combined(one, two, how)
        tile = made[pair]
        if tile is not None:
            result[key] = tile
    return TileMap(1, result)


def inverted(selection: TileMap | None, document: Document) -> TileMap:
    """What of the page is not selected."""
    page = everything(document)
    return combined(page, page if selection is None else selection, "subtract")


def bounds(selection: TileMap) -> Rect:
    """Around every pixel that is selected at all; EMPTY for none."""
    parts = ((key, _bounds(tile.pixels)) for key, tile in selection.tiles.items())
    return around(part.moved(tile_rect(key).x, tile_rect(key).y) for key, part in parts)


def empty(selection: TileMap) -> bool:
    """Whether nothing at all is selected."""
    return not any(tile.pixels.any() for tile in selection.tiles.values())


def on_page(selection: TileMap, document: Document) -> TileMap:
    """What of the selection lies on the page."""
    outside = [key for key in selection.tiles if tile_rect(key) & document.rect != tile_rect(key)]
    if not outside:
        return selection
    page = everything(document)
    kept = {key: _combined(selection.tiles[key], page.tiles.get(key), "intersect") for key in outside}
    return selection.with_tiles(kept)


def covers(selection: TileMap | None, rect: Rect) -> bool:
    """Whether all of `rect` is wholly selected."""
    if selection is None:
        return True
    return all(bool((selection.read(tile_rect(key) & rect) == 255).all()) for key in keys_in(rect))


def _combined(one: Tile | None, two: Tile | None, how: How) -> Tile | None:
    if one is None or two is None:
        return {"add": one or two, "subtract": one}.get(how)
    pixels = _values(one.pixels, two.pixels, how)
    if not pixels.any():
        return None
    return one if np.array_equal(pixels, one.pixels) else Tile(pixels)


def _values(one: Samples, two: Samples, how: How) -> Samples:
    if how == "add":
        return np.maximum(one, two)
    return np.minimum(one, two if how == "intersect" else 255 - two)


def _bounds(pixels: Samples) -> Rect:
    x, y, width, height = cv2.boundingRect(pixels)
    return Rect(x, y, width, height)
