"""From a variant to a layer that gives exactly the variant where it lies over its source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.core.blend import BLENDS
from editor.core.changes.change import Change
from editor.core.document import Document, find, inserted, offset_of, parent_of, siblings, walk, with_layer
from editor.core.errors import ChangeRefused
from editor.core.geometry import Rect
from editor.core.layer import NORMAL, Mask, RasterLayer, new_id
from editor.core.tiles import TileMap
from editor.edits.mix import unmixed
from editor.edits.recipe import Recipe
from editor.edits.region import Region, cut
from editor.edits.values import VariantItem

Samples = NDArray[np.uint8]

# The mode that keeps the alpha of what lies below, where the program has it. Over an opaque source it is normal's twin.
ATOP = "atop"


def variant_layer(item: VariantItem, document: Document, taken: Iterable[str] = ()) -> RasterLayer:
    """The layer that keeping `item` adds: named by the instruction, masked by the selection, with its recipe.

    document: whose layers' names it should not repeat, nor those of `taken`. Raises ChangeRefused for a variant that is
    not finished.
    """
    layer = item.layer
    if layer is None and item.pixels is not None:
        layer = layer_of(cut(item.source, item.region).pixels, item.pixels, item.region, item.settings.instruction)
    if layer is None:
        raise ChangeRefused("This variant is not finished yet: wait for it, or choose another one.")
    used = {*taken, *(other.name for other in walk(document))}
    unused = layer.id if find(document, layer.id) is None else new_id()
    return replace(layer, id=unused, name=_free(layer.name, used))


def layer_of(source: Samples, variant: Samples, region: Region, name: str, recipe: Recipe | None = None) -> RasterLayer:
    """source, variant: uint8 (h, w, 4) of the region, the first without the edit. The layer covers the mask's bounds.

    The recipe's region is told from the layer's own (0, 0).
    """
    place = place_of(region)
    part = place.moved(-region.rect.x, -region.rect.y).slices
    mask = None if region.mask is None else region.mask[part]
    pixels = unmixed(source[part], variant[part], mask)
    blend = _blend(source[part])
    if blend == ATOP:
        pixels[..., 3] = 255
    own = None if recipe is None else replace(recipe, region=region.rect.moved(-place.x, -place.y)).as_json()
    return RasterLayer(
        name=name,
        plane=TileMap.of(pixels),
        mask=None if mask is None else Mask(TileMap.of(np.ascontiguousarray(mask))),
        x=place.x,
        y=place.y,
        blend=blend,
        recipe=own,
    )


def place_of(region: Region) -> Rect:
    """Where on the page the layer of a variant lies: around its mask, or the whole region."""
    return region.rect if region.mask is None else _bounds(region.mask).moved(region.rect.x, region.rect.y)


def shown(document: Document, item: VariantItem) -> Document:
    """The document with the variant in place, as keeping it would give; the very same document until it is done."""
    return document if item.layer is None else _placed(document, item, item.layer)


@dataclass(frozen=True, eq=False)
class Keep:
    """All variants become layers in one step; the first is on top and the only visible one of them."""

    items: tuple[VariantItem, ...]
    merge_key: str = ""

    @property
    def label(self) -> str:
        return self.items[0].settings.instruction if len(self.items) == 1 else f"Keep {len(self.items)} variants"

    def apply(self, document: Document) -> Document:
        if not self.items:
            raise ChangeRefused("No finished variant is chosen: choose one in the strip first.")
        before = document
        layers: list[RasterLayer] = []
        for item in self.items:
            taken = (layer.name for layer in layers)
            layers.append(replace(variant_layer(item, before, taken), visible=not layers))
        for item, layer in reversed(list(zip(self.items, layers, strict=True))):
            document = replace(_placed(document, item, layer), active=layer.id)
        return document


def keep(items: Iterable[VariantItem]) -> Change:
    """The change that turns variants into layers, the one to be seen first."""
    return Keep(tuple(items))


def _placed(document: Document, item: VariantItem, layer: RasterLayer) -> Document:
    """On top, or right above the edit layer that was edited again, which is hidden then."""
    old = find(document, item.above) if item.above else None
    if old is None:
        return inserted(document, layer)
    parent = parent_of(document, old.id)
    home = "" if parent is None else parent.id
    x, y = offset_of(document, home) if home else (0, 0)
    index = [child.id for child in siblings(document, home)].index(old.id)
    above = inserted(document, replace(layer, x=layer.x - x, y=layer.y - y), home, index + 1)
    return with_layer(above, old.id, lambda hidden: replace(hidden, visible=False))


def _blend(source: Samples) -> str:
    """Through a glass, a layer in normal mode would add to the alpha. Without the other mode it does, a little."""
    seen_through = (source[..., 3] > 0) & (source[..., 3] < 255)
    present = any(blend.name == ATOP for blend in BLENDS)
    return ATOP if present and bool(seen_through.any()) else NORMAL


def _bounds(mask: Samples) -> Rect:
    x, y, width, height = cv2.boundingRect(mask)
    return Rect(int(x), int(y), int(width), int(height))


def _free(name: str, taken: set[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free
