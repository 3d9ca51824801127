"""Which PNG pictures a document consists of in an OpenRaster file, cut into strips that can be compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.formats.flat import MOST_PIXELS
from editor.core.formats.layered_format import StoredVariant
from editor.core.formats.ora_cache import Key
from editor.core.geometry import EMPTY, Rect, around
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import SIDE, Tile, TileMap, keys_in, tile_rect

Samples = NDArray[np.uint8]
STRIP_BYTES = 1 << 22
FEWEST_ROWS = 16
SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
LONGEST_SIDE = 1 << 20
FAR_APART = 1 << 26  # pixels around layers that are blank for the most part, so that a mask does not cover it all
NOTHING = Rect(0, 0, 1, 1)  # what an empty layer is stored as: PNG knows no picture without pixels


@dataclass(frozen=True)
class StripPlan:
    """key: equal for strips that pack to the same bytes. read: uint8 (rows, width, channels)."""

    key: Key
    read: Callable[[], Samples]


@dataclass(frozen=True)
class PicturePlan:
    """key: equal for pictures of the same bytes. rect: what it shows of its plane. keep: what the key's id is of."""

    name: str
    key: Key
    rect: Rect
    channels: int
    strips: tuple[StripPlan, ...]
    keep: object = None


def plane_key(plane: TileMap, icc: bytes | None) -> Key:
    """Under which a layer's picture is remembered."""
    return ("plane", plane, icc)


def mask_key(plane: TileMap) -> Key:
    """Under which a mask's picture is remembered."""
    return ("mask", plane)


def of_plane(name: str, plane: TileMap, page: Rect, icc: bytes | None) -> PicturePlan:
    """A layer's pixels within exact bounds; `page`, in the plane's coordinates, for a plane that never ends."""
    rect = exact_bounds(plane)
    if plane.blank:
        rect |= page
    if _too_large(rect):
        size = f"{rect.width} x {rect.height} pixels"
        raise ValueError(f"a layer is spread over {size}, more than a file can hold; crop the picture")
    rect = NOTHING if rect.empty else rect
    channels = plane.channels if plane.channels < 4 else 3 if _opaque(plane, rect) else 4
    strips = (
        StripPlan(_tile_key(plane, area, channels, plane.blank), _reader(plane, area, channels))
        for area in _areas(rect, channels)
    )
    return PicturePlan(name, plane_key(plane, icc), rect, channels, tuple(strips))


def of_mask(name: str, plane: TileMap, rect: Rect) -> PicturePlan:
    """A mask as black whose alpha is the mask, for `svg:dst-in`."""

    def reader(area: Rect) -> Callable[[], Samples]:
        def read() -> Samples:
            pixels = np.zeros((area.height, area.width, 4), np.uint8)
            pixels[..., 3] = plane.read(area)[..., 0]
            return pixels

        return read

    strips = (StripPlan(_tile_key(plane, area, "mask", plane.blank), reader(area)) for area in _areas(rect, 4))
    return PicturePlan(name, (*mask_key(plane), rect), rect, 4, tuple(strips))


def of_page(name: str, document: Document) -> PicturePlan:
    """The merged picture. Its strips' keys are places: what changed there is the caller's to know."""
    strips = (
        StripPlan(("merged", area), lambda area=area: composite(document, area)) for area in _areas(document.rect, 4)
    )
    return PicturePlan(name, ("merged", id(document)), document.rect, 4, tuple(strips), keep=document)


def of_pixels(name: str, pixels: Samples) -> PicturePlan:
    """uint8 (h, w) or (h, w, 3 or 4) that nobody changes."""
    values = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    height, width, channels = values.shape
    rect = Rect(0, 0, width, height)
    strips = (
        StripPlan(("pixels", id(pixels), area), lambda area=area: values[area.slices])
        for area in _areas(rect, channels)
    )
    return PicturePlan(name, ("pixels", id(pixels)), rect, channels, tuple(strips), keep=pixels)


def of_variant(variant: StoredVariant) -> Iterator[PicturePlan]:
    """Its pixels, and its mask where it has one. Raises ValueError for an id that is no file name."""
    if not SAFE_ID.fullmatch(variant.id):
        raise ValueError(f"the variant's name {variant.id!r} holds other characters than letters, digits, - and _")
    yield of_pixels(f"palimpsest/variants/{variant.id}.png", variant.pixels)
    if variant.mask is not None:
        yield of_pixels(f"palimpsest/variants/{variant.id}-mask.png", variant.mask)


def mask_rect(layer: Layer, mask: Mask, page: Rect) -> Rect:
    """How far a mask has to be stored, in the layer's coordinates: all that differs in it, and where it shows by
    default, all that it covers; of layers far apart only what is on the page, and of none where that is far as well."""
    rect, covered = exact_bounds(mask.plane), content(layer) if mask.plane.blank else EMPTY
    most = max(FAR_APART, 4 * page.width * page.height)
    fitting = (rect | area for area in (covered, covered & page) if not _too_large(rect | area, most))
    rect = next(fitting, rect)
    if isinstance(layer, RasterLayer) and layer.plane.blank:
        rect |= page
    return NOTHING if rect.empty else rect


def _too_large(rect: Rect, most: int = MOST_PIXELS) -> bool:
    return max(rect.width, rect.height) > LONGEST_SIDE or rect.width * rect.height > most


def content(layer: Layer) -> Rect:
    """Around the pixels of a layer, or of all layers in a group, in the layer's own coordinates."""
    if isinstance(layer, GroupLayer):
        return around(content(child).moved(child.x, child.y) for child in layer.children)
    return exact_bounds(layer.plane)


def exact_bounds(plane: TileMap) -> Rect:
    """Around every pixel that is not blank; only tiles on the edges are looked at."""
    columns, rows = sorted({key[0] for key in plane.tiles}), sorted({key[1] for key in plane.tiles})
    left = _first(plane, columns, 0, first=True)
    if left is None:
        return EMPTY
    right, top = _first(plane, columns[::-1], 0, first=False), _first(plane, rows, 1, first=True)
    bottom = _first(plane, rows[::-1], 1, first=False)
    assert right is not None and top is not None and bottom is not None
    return Rect.between(left, top, right + 1, bottom + 1)


def _first(plane: TileMap, order: list[int], axis: int, *, first: bool) -> int | None:
    """The first or last column (axis 0) or row (axis 1) that is not blank, by lines of tiles in this order."""
    for line in order:
        filled = np.zeros(SIDE, bool)
        for key, tile in plane.tiles.items():
            if key[axis] == line:
                filled |= (tile.pixels != plane.blank).any(axis=(axis, 2))
        if filled.any():
            return line * SIDE + (int(filled.argmax()) if first else SIDE - 1 - int(filled[::-1].argmax()))
    return None


def _areas(rect: Rect, channels: int) -> Iterator[Rect]:
    """`rect` in strips that end with tiles, so that growing in height leaves the others as they are."""
    rows = SIDE
    while rows > FEWEST_ROWS and rows * rect.width * channels > STRIP_BYTES:
        rows //= 2
    top = rect.y
    while top < rect.bottom:
        bottom = min(rect.bottom, (top // rows + 1) * rows)
        yield Rect.between(rect.x, top, rect.right, bottom)
        top = bottom


def _tile_key(plane: TileMap, area: Rect, kind: object, blank: int) -> Key:
    tiles: Iterable[Tile | None] = (plane.tiles.get(key) for key in keys_in(area))
    return (kind, blank, area, *tiles)


def _reader(plane: TileMap, area: Rect, channels: int) -> Callable[[], Samples]:
    return lambda: plane.read(area)[..., :channels]


def _opaque(plane: TileMap, rect: Rect) -> bool:
    return all(_tile_opaque(plane, plane.tiles.get(key), tile_rect(key), rect) for key in keys_in(rect))


def _tile_opaque(plane: TileMap, tile: Tile | None, place: Rect, rect: Rect) -> bool:
    if tile is None:
        return plane.blank == 255
    if tile.opacity[0] == 255:
        return True
    part = (place & rect).moved(-place.x, -place.y)
    return part.width * part.height < SIDE * SIDE and bool((tile.pixels[part.slices][..., 3] == 255).all())
