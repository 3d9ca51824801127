"""A stroke in progress: dabs go into a coverage of their own, and the layer is recomposed only where it grew.

Within one stroke the strongest dab counts, so that a stroke never builds up over its own opacity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from editor.core.changes import AddLayer, PaintTiles
from editor.core.changes.add_layer import above
from editor.core.changes.change import Change
from editor.core.changes.checks import unlocked, unlocked_raster
from editor.core.document import Document, find, inserted, offset_of, parent_of, walk, with_layer
from editor.core.errors import ChangeRefused
from editor.core.geometry import EMPTY, Rect
from editor.core.layer import Layer, RasterLayer
from editor.core.stroke_dab import Dab
from editor.core.stroke_paint import Paint
from editor.core.stroke_path import Path, Place
from editor.core.tiles import SIDE, Key, Samples, Tile, TileMap, keys_in, tile_rect

Target = Literal["plane", "mask"]
SIZES = 4  # with pressure a dab's size is a multiple of a quarter pixel, so that dabs can be used again
CACHED = 32 << 20  # bytes of dabs that one stroke keeps


@dataclass(frozen=True)
class Brush:
    """size: diameter in pixels. hardness in [0, 1]. spacing: between dabs, as a fraction of the size. antialias:
    False is a pencil of whole pixels. pressure: what it changes. smooth: the path is a curve."""

    size: float = 40.0
    hardness: float = 0.8
    spacing: float = 0.1
    antialias: bool = True
    pressure: Literal["none", "size", "opacity", "both"] = "none"
    smooth: bool = True

    def size_at(self, pressure: float) -> float:
        if self.pressure not in ("size", "both"):
            return self.size
        return max(1.0, round(self.size * pressure * SIZES) / SIZES)

    def step_at(self, pressure: float) -> float:
        """Pixels from a dab at this pressure to the next."""
        return max(0.5, self.size_at(pressure) * self.spacing)

    def strength_at(self, pressure: float) -> int:
        """Of a dab at this pressure, 0..255."""
        return round(255 * min(1.0, max(0.0, pressure))) if self.pressure in ("opacity", "both") else 255


class Stroke:
    """One stroke on the active layer, or on a new layer where none is active. Positions are document pixels.

    Raises ChangeRefused where the layer is locked, hidden or a group, or has no mask to paint on.
    """

    def __init__(self, document: Document, brush: Brush, paint: Paint, target: Target = "plane") -> None:
        self._added: RasterLayer | None = None
        self._base = document
        if find(document, document.active) is None:
            self._added = RasterLayer(name=f"Layer {sum(1 for _ in walk(document)) + 1}")
            self._base = replace(_with_new(document, self._added), active=self._added.id)
        self._id = self._base.active
        self._target: Target = target
        self._layer = paintable(self._base, self._id, target)
        self._brush, self._paint = brush, paint
        self._painting = Painting(self._base, self._id, paint, target)
        self._path = Path(brush.step_at, brush.smooth)
        self._dabs: dict[tuple[Dab, int, int, int], Samples] = {}
        self._bytes = 0
        self._seen: tuple[Document, Document] | None = None

    def add(self, x: float, y: float, pressure: float = 1.0) -> None:
        """The pointer is here now."""
        self._stamp(self._path.add(Place(x, y, pressure)))

    def end(self) -> None:
        """Draw what a curve still holds back."""
        self._stamp(self._path.end())

    def shown(self, document: Document) -> Document:
        """`document`, from which the stroke began, with the stroke so far; tiles that did not grow stay the same.

        A document without the layer comes back as it is.
        """
        fresh = self._painting.update()
        if self._seen is not None and self._seen[0] is document and not fresh:
            return self._seen[1]
        base = document if self._added is None else _with_new(document, self._added)
        if find(base, self._id) is None:
            return document
        result = with_layer(base, self._id, lambda layer: with_painted(layer, self._painting.tiles, self._target))
        self._seen = (document, result)
        return result

    def change(self, label: str) -> Change | None:
        """What the stroke did, holding only changed tiles; None where it did nothing."""
        self._painting.update()
        tiles = self._painting.changed()
        if not tiles:
            return None
        if self._added is not None:
            return AddLayer(replace(self._added, plane=TileMap().with_tiles(tiles)), label=label)
        return PaintTiles(self._id, tiles, label, self._target)

    @property
    def outside(self) -> bool:
        """Whether all of it so far lies where nothing is selected."""
        self._painting.update()
        return bool(self._painting.tiles) and not self._painting.reached

    def _stamp(self, places: list[Place]) -> None:
        for place in places:
            dab = Dab(self._brush.size_at(place.pressure), self._brush.hardness, self._brush.antialias)
            strength = self._brush.strength_at(place.pressure)
            left, top, across, down = dab.at(place.x, place.y)
            self._painting.stamp(self._pixels(dab, across, down, strength), left, top)

    def _pixels(self, dab: Dab, across: int, down: int, strength: int) -> Samples:
        key = (dab, across, down, strength)
        known = self._dabs.get(key)
        if known is None:
            pixels = dab.pixels(across, down)
            if strength < 255:
                pixels = np.rint(pixels * np.float32(strength / 255)).astype(np.uint8)
            if self._bytes > CACHED:
                self._dabs, self._bytes = {}, 0
            self._bytes += pixels.nbytes
            known = self._dabs[key] = pixels
        return known


class Painting:
    """A growing coverage over one layer's plane or mask, and the tiles that come of it."""

    def __init__(self, document: Document, id: str, paint: Paint, target: Target) -> None:
        layer = paintable(document, id, target)
        self._plane = _plane(layer, target)
        self._paint, self._selection = paint, document.selection
        self._offset = offset_of(document, id)
        self._page = document.rect.moved(-self._offset[0], -self._offset[1])
        self._cover: dict[Key, Samples] = {}
        self._dirty: dict[Key, Rect] = {}
        self._made: dict[Key, Samples] = {}
        self.tiles: dict[Key, Tile] = {}
        self.reached = False  # whether the selection let anything through

    def stamp(self, pixels: Samples, x: int, y: int) -> None:
        """Lay the coverage `pixels`, uint8 (h, w), at (x, y) of the document; the larger of both stays."""
        whole = Rect(x - self._offset[0], y - self._offset[1], pixels.shape[1], pixels.shape[0])
        area = whole & self._page
        for key in keys_in(area):
            part = tile_rect(key) & area
            if key not in self._cover:
                self._cover[key] = np.zeros((SIDE, SIDE), np.uint8)
            own = self._cover[key][part.moved(-key[0] * SIDE, -key[1] * SIDE).slices]
            more = pixels[part.moved(-whole.x, -whole.y).slices]
            grown = _where(more > own)
            if grown.empty:
                continue
            np.maximum(own, more, out=own)
            self._dirty[key] = self._dirty.get(key, EMPTY) | grown.moved(part.x, part.y)

    def update(self) -> bool:
        """Compose what was stamped since the last time; whether there was anything."""
        for key, part in self._dirty.items():
            self.tiles[key] = self._composed(key, part)
        fresh = bool(self._dirty)
        self._dirty = {}
        return fresh

    def changed(self) -> dict[Key, Tile | None]:
        """The tiles that differ from what was there; None for one that became blank."""
        result: dict[Key, Tile | None] = {}
        for key, tile in self.tiles.items():
            if not np.array_equal(tile.pixels, self._plane.read(tile_rect(key))):
                result[key] = tile if bool((tile.pixels != self._plane.blank).any()) else None
        return result

    def _composed(self, key: Key, part: Rect) -> Tile:
        rows_columns = part.moved(-key[0] * SIDE, -key[1] * SIDE).slices
        cover = self._cover[key][rows_columns]
        if self._selection is not None:
            selected = self._selection.read(part.moved(*self._offset))[..., 0]
            cover = _product(cover, selected)
        self.reached = self.reached or bool(cover.any())
        before = self.tiles[key].pixels if key in self.tiles else self._plane.read(tile_rect(key))
        pixels = before.copy() if key in self.tiles else before
        pixels[rows_columns] = self._paint.over(self._plane.read(part), cover)
        return Tile(pixels)


def painted(document: Document, id: str, cover: TileMap, paint: Paint, label: str, target: Target = "plane") -> Change:
    """The change that lays a paint over a layer wherever `cover`, in document coordinates, and the selection say."""
    painting = Painting(document, id, paint, target)
    for key, tile in cover.tiles.items():
        painting.stamp(tile.pixels[..., 0], key[0] * SIDE, key[1] * SIDE)
    painting.update()
    return PaintTiles(id, painting.changed(), label, target)


def paintable(document: Document, id: str, target: Target = "plane") -> Layer:
    """The layer, where it can be painted on. Raises ChangeRefused."""
    if target == "plane":
        layer: Layer = unlocked_raster(document, id)
    else:
        layer = unlocked(document, id)
        if layer.mask is None:
            raise ChangeRefused(f"“{layer.name}” has no mask to paint on; add a mask or paint on the layer.")
    above_it: Layer | None = layer
    while above_it is not None:
        if not above_it.visible:
            raise ChangeRefused(f"“{above_it.name}” is hidden, so painting would not be seen; show it first.")
        above_it = parent_of(document, above_it.id)
    return layer


def with_painted(layer: Layer, tiles: Mapping[Key, Tile], target: Target) -> Layer:
    """The layer with these tiles in its plane or its mask."""
    if target == "mask" and layer.mask is not None:
        return replace(layer, mask=replace(layer.mask, plane=layer.mask.plane.with_tiles(tiles)))
    return replace(layer, plane=layer.plane.with_tiles(tiles)) if isinstance(layer, RasterLayer) else layer


def _plane(layer: Layer, target: Target) -> TileMap:
    if target == "mask" and layer.mask is not None:
        return layer.mask.plane
    return layer.plane if isinstance(layer, RasterLayer) else TileMap()


def _with_new(document: Document, layer: RasterLayer) -> Document:
    parent, index = above(document, document.active)
    return inserted(document, layer, parent, index)


def _where(marks: NDArray[np.bool_]) -> Rect:
    """The smallest rectangle around all that is True."""
    rows, columns = np.flatnonzero(marks.any(1)), np.flatnonzero(marks.any(0))
    if not len(rows):
        return EMPTY
    return Rect.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _product(one: Samples, two: Samples) -> Samples:
    """one * two / 255, rounded to nearest."""
    wide = one.astype(np.uint16) * two + np.uint16(128)
    return ((wide + (wide >> np.uint16(8))) >> np.uint16(8)).astype(np.uint8)
