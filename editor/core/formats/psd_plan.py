"""A document as the flat list of layers that a Photoshop file holds, and what such a file cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from editor.core.blend import blend_named
from editor.core.document import Document, walk
from editor.core.formats.psd_records import (
    END_OF_GROUP,
    LONGEST_NAME,
    OPEN_GROUP,
    PASS_THROUGH,
    LayerRecord,
    MaskRecord,
)
from editor.core.formats.psd_resources import KeptRecipe, Recipes
from editor.core.geometry import EMPTY, Rect
from editor.core.layer import NORMAL, GroupLayer, Layer, RasterLayer
from editor.core.tiles import TileMap, tile_rect

_END = LayerRecord("</Layer group>", section=END_OF_GROUP)


@dataclass(frozen=True, eq=False)
class PlannedLayer:
    """record: its place in the list. plane, mask: where its pixels come from, None for none; (x, y): where the (0, 0)
    of both lies in the document."""

    record: LayerRecord
    plane: TileMap | None = None
    mask: TileMap | None = None
    x: int = 0
    y: int = 0


def planned(document: Document) -> tuple[list[PlannedLayer], Recipes]:
    """The layers in the order of the file, the lowest first, and the recipes by the layers' numbers."""
    numbers = {layer.id: number for number, layer in enumerate(walk(document), 1)}
    layers = list(_planned(document.layers, document.rect, (0, 0), numbers))
    corners = {layer.record.number: (layer.record.rect.x - layer.x, layer.record.rect.y - layer.y) for layer in layers}
    recipes = {
        numbers[layer.id]: KeptRecipe(_name(layer), layer.recipe, *corners[numbers[layer.id]])
        for layer in walk(document)
        if isinstance(layer, RasterLayer) and layer.recipe is not None
    }
    return layers, Recipes(recipes)


def lost(document: Document, variants: int) -> list[str]:
    """A sentence for everything that a PSD cannot hold or means otherwise."""
    notes = list[str]()
    layers = list(walk(document))
    if any(layer.blend == "plus" for layer in layers):
        notes.append(
            "PSD has no mode Plus, so it became Linear Dodge, which differs where layers are half transparent."
        )
    missing = {blend_named(layer.blend).title for layer in layers if not blend_named(layer.blend).psd}
    notes += [f"PSD has no mode {title}, so such layers became Normal." for title in sorted(missing)]
    if any(layer.blend == "soft-light" for layer in layers):
        notes.append(
            "Photoshop's Soft Light follows another formula, so such layers may look a little different there."
        )
    if any(len(layer.name.encode("utf-16-be", "replace")) > 2 * LONGEST_NAME for layer in layers):
        notes.append(f"PSD holds layer names of {LONGEST_NAME} characters, so longer ones were cut.")
    if variants:
        notes.append(
            "PSD holds no variants beside the layers, so those not kept were left out; save as .ora to keep them."
        )
    if document.extras:
        notes.append("PSD cannot hold what other programs or the history stored in the file, so it was left out.")
    return notes


def content_bounds(plane: TileMap) -> Rect:
    """The smallest rectangle around every sample that is not blank."""
    found = EMPTY
    for key, tile in plane.tiles.items():
        place = tile_rect(key)
        if found & place == place:
            continue
        other = (tile.pixels != plane.blank).any(axis=2)
        rows, columns = np.flatnonzero(other.any(axis=1)), np.flatnonzero(other.any(axis=0))
        if rows.size:
            inside = Rect.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
            found |= inside.moved(place.x, place.y)
    return found


def _planned(
    layers: Sequence[Layer], page: Rect, offset: tuple[int, int], numbers: dict[str, int]
) -> Iterator[PlannedLayer]:
    for layer in layers:
        x, y = offset[0] + layer.x, offset[1] + layer.y
        plane = layer.plane if isinstance(layer, RasterLayer) else None
        rect = EMPTY if plane is None else _moved(content_bounds(plane), x, y)
        mask = _mask(layer, page | rect, x, y)
        if isinstance(layer, GroupLayer):
            yield PlannedLayer(_END)
            yield from _planned(layer.children, page, (x, y), numbers)
        yield PlannedLayer(
            _record(layer, rect, mask, numbers[layer.id]), plane, layer.mask.plane if layer.mask else None, x, y
        )


def _record(layer: Layer, rect: Rect, mask: MaskRecord | None, number: int) -> LayerRecord:
    group = isinstance(layer, GroupLayer)
    return LayerRecord(
        name=_name(layer),
        rect=rect,
        blend=PASS_THROUGH if isinstance(layer, GroupLayer) and layer.pass_through else _blend(layer),
        opacity=min(255, max(0, round(layer.opacity * 255))),
        visible=layer.visible,
        locked=layer.locked,
        mask=mask,
        section=OPEN_GROUP if group else 0,
        number=number,
    )


def _mask(layer: Layer, everything: Rect, x: int, y: int) -> MaskRecord | None:
    """everything: what the mask has to cover where its value elsewhere is neither black nor white."""
    if layer.mask is None:
        return None
    plane = layer.mask.plane
    rect = content_bounds(plane).moved(x, y)
    if plane.blank not in (0, 255):
        rect |= everything
    if rect.empty:  # some readers take a mask without pixels for no mask at all
        rect = Rect(x, y, 1, 1)
    return MaskRecord(rect, 255 if plane.blank >= 128 else 0, layer.mask.enabled)


def _blend(layer: Layer) -> str:
    return blend_named(layer.blend).psd or blend_named(NORMAL).psd


def _name(layer: Layer) -> str:
    data = layer.name.encode("utf-16-be", "replace")[: 2 * LONGEST_NAME]
    return data.decode("utf-16-be", "ignore")


def _moved(rect: Rect, x: int, y: int) -> Rect:
    return EMPTY if rect.empty else rect.moved(x, y)
