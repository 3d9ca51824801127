"""Variants on their way into a project file and back, so that closing it loses none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np

from editor.core.blend import BLENDS
from editor.core.compositor import composite
from editor.core.document import Document, find, inserted
from editor.core.formats.layered_format import StoredVariant
from editor.core.geometry import Rect
from editor.core.layer import NORMAL, Mask, RasterLayer
from editor.core.tiles import TileMap
from editor.edits.apply import place_of
from editor.edits.recipe import recipe_from, settings_from
from editor.edits.region import Region, below
from editor.edits.values import VariantItem

FORMAT = 1


def stored(items: Iterable[VariantItem]) -> tuple[StoredVariant, ...]:
    """The finished ones of `items`, as a file holds them: the pixels of the layer that each would become."""
    return tuple(_stored(item, item.layer) for item in items if item.done and item.layer is not None)


def restored(variants: Iterable[StoredVariant], document: Document) -> tuple[VariantItem, ...]:
    """The variants of a file that was opened as `document`; one that cannot be read is left out.

    Draws each in its region: call it where the file is read, off the thread of the window.
    """
    items = (_restored(variant, document) for variant in variants)
    return tuple(item for item in items if item is not None)


def _stored(item: VariantItem, layer: RasterLayer) -> StoredVariant:
    place, rect = place_of(item.region), item.region.rect
    meta = {
        "format": FORMAT,
        "recipe": None if item.recipe is None else item.recipe.as_json(),
        "region": [rect.x, rect.y, rect.width, rect.height],
        "run": item.run,
        "index": item.index,
        "near": None if item.near is None else list(item.near),
        "above": item.above,
        "blend": layer.blend,
        "seconds": item.seconds,
        "changed_fraction": item.changed_fraction,
        "outside_mask_changed": item.outside_mask_changed,
    }
    own = Rect(0, 0, place.width, place.height)
    mask = None if layer.mask is None else layer.mask.plane.read(own)[..., 0]
    return StoredVariant(item.id, meta, layer.plane.read(own), layer.x, layer.y, mask)


def _restored(variant: StoredVariant, document: Document) -> VariantItem | None:
    meta = variant.meta
    recipe = recipe_from(_mapping(meta.get("recipe")))
    rect = _rect(meta.get("region"))
    if meta.get("format") != FORMAT or recipe is None or rect is None:
        return None
    region = Region(rect & document.rect, _mask(variant, rect & document.rect))
    if region.rect != rect:  # the page is another one
        return None
    above = str(meta.get("above", ""))
    layer = RasterLayer(
        name=recipe.instruction,
        plane=TileMap.of(variant.pixels),
        mask=None if variant.mask is None else Mask(TileMap.of(variant.mask)),
        x=variant.x,
        y=variant.y,
        blend=_blend(meta.get("blend")),
        # A recipe counts from its layer's own (0, 0).
        recipe={**recipe.as_json(), "region": _as_json(rect.moved(-variant.x, -variant.y))},
    )
    source = below(document, above) if above and find(document, above) is not None else document
    return VariantItem(
        id=variant.id,
        index=_whole(meta.get("index")),
        seed=recipe.seed,
        settings=settings_from(recipe),
        region=region,
        source=source,
        state="done",
        progress=1.0,
        pixels=composite(inserted(source, layer), rect),
        changed_fraction=_number(meta.get("changed_fraction")),
        outside_mask_changed=_whole(meta.get("outside_mask_changed")),
        seconds=_number(meta.get("seconds")),
        above=above,
        run=_whole(meta.get("run")),
        near=_place(meta.get("near")),
        recipe=recipe,
        layer=layer,
    )


def _mask(variant: StoredVariant, rect: Rect) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]] | None:
    if variant.mask is None:
        return None
    return cast(Any, TileMap.of(variant.mask, variant.x, variant.y).read(rect)[..., 0].copy())


def _mapping(value: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _rect(value: object) -> Rect | None:
    sides = cast(list[object], list(cast(Any, value))) if isinstance(value, list | tuple) else []
    if len(sides) != 4 or not all(type(side) is int for side in sides):
        return None
    rect = Rect(*cast(list[int], sides))
    return None if rect.empty else rect


def _blend(value: object) -> str:
    return str(value) if any(blend.name == value for blend in BLENDS) else NORMAL


def _whole(value: object) -> int:
    return value if type(value) is int and value >= 0 else 0


def _place(value: object) -> tuple[int, int] | None:
    numbers = cast(list[object], list(cast(Any, value))) if isinstance(value, list | tuple) else []
    return (_whole(numbers[0]), _whole(numbers[1])) if len(numbers) == 2 else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < float("inf") else 0.0


def _as_json(rect: Rect) -> dict[str, int]:
    return {"x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height}
