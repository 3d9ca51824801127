"""What an edit layer remembers: everything that is needed to make it again, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

from editor.core.document import Document, find, offset_of
from editor.core.geometry import Rect
from editor.core.layer import RasterLayer
from editor.edits.region import Region, below, cut, picture_hash
from editor.edits.settings import EditSettings

FORMAT = 1


@dataclass(frozen=True)
class Recipe:
    """The request without pixels, and who answered it.

    region: where the model looked, from the layer's own (0, 0), so that it moves with the layer and with a crop.
    mask: the hash of the selection inside the region, "" for none. source: the hash of the composite below the layer
    in the region. library: the version of the library that ran the model.
    """

    instruction: str
    steps: int
    text_scale: float
    image_scale: float
    sampler: str
    size: int
    full_res: bool
    seed: int
    region: Rect
    mask: str
    source: str
    model: str
    model_sha256: str
    precision: str = ""
    provider: str = ""
    library: str = ""
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    reuse: int = 1

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self), "guidance_interval": list(self.guidance_interval)}


def recipe_of(layer: object) -> Recipe | None:
    """The recipe of an edit layer; None for any other, and for one that this version cannot read."""
    if not isinstance(layer, RasterLayer) or layer.recipe is None:
        return None
    return recipe_from(layer.recipe)


def recipe_from(values: Mapping[str, Any]) -> Recipe | None:
    """From JSON values, which may come from anyone's file: None unless every entry has its kind.

    A recipe from before there were savings has none.
    """
    values = {**_EXACT, **values}
    region = values.get("region")
    if values.get("format") != FORMAT or not isinstance(region, Mapping):
        return None
    sides = [cast(Mapping[str, Any], region).get(name) for name in ("x", "y", "width", "height")]
    if not all(type(side) is int for side in sides):
        return None
    found = {field.name: values.get(field.name) for field in fields(Recipe) if field.name != "region"}
    if not all(_fits(name, value) for name, value in found.items()):
        return None
    found["guidance_interval"] = tuple(map(float, cast(list[float], found["guidance_interval"])))
    return Recipe(**cast(dict[str, Any], found), region=Rect(*cast(list[int], sides)))


def settings_from(recipe: Recipe) -> EditSettings:
    return EditSettings(
        instruction=recipe.instruction,
        steps=recipe.steps,
        text_scale=recipe.text_scale,
        image_scale=recipe.image_scale,
        sampler=recipe.sampler,
        size=recipe.size,
        model=recipe.model,
        full_res=recipe.full_res,
        guidance_interval=recipe.guidance_interval,
        reuse=recipe.reuse,
    )


def region_again(document: Document, layer: RasterLayer, recipe: Recipe) -> Region:
    """The region that the layer was made in, where the layer lies now, and its mask as the layer has it."""
    x, y = offset_of(document, layer.id)
    place = recipe.region.moved(x, y) & document.rect
    if not recipe.mask or layer.mask is None:
        return Region(place)
    return Region(place, layer.mask.plane.read(place.moved(-x, -y))[..., 0].copy())


def stale(document: Document, layer_id: str) -> bool:
    """Whether what lies below an edit layer is other than when it was made; False for any other layer.

    Draws the region and hashes it: up to a second for a large picture, so `stale.StaleWatch` does it aside.
    """
    layer = find(document, layer_id)
    recipe = recipe_of(layer)
    if recipe is None or not isinstance(layer, RasterLayer):
        return False
    x, y = offset_of(document, layer_id)
    place = recipe.region.moved(x, y)
    return picture_hash(cut(below(document, layer_id), Region(place)).pixels) != recipe.source


def mask_hash(region: Region) -> str:
    return "" if region.mask is None else picture_hash(region.mask)


_WHOLE = frozenset({"steps", "size", "seed"})
_SCALES = frozenset({"text_scale", "image_scale"})
_EXACT: Mapping[str, Any] = {"guidance_interval": (0.0, 1.0), "reuse": 1}


def _fits(name: str, value: object) -> bool:
    if name in _WHOLE:
        return type(value) is int and value >= 0
    if name in _SCALES:
        return type(value) in (int, float) and 0 <= cast(float, value) < float("inf")
    if name == "reuse":
        return type(value) is int and value >= 1
    if name == "guidance_interval":
        return isinstance(value, list | tuple) and _is_interval(cast(Sequence[object], value))
    return type(value) is (bool if name == "full_res" else str)


def _is_interval(ends: Sequence[object]) -> bool:
    if len(ends) != 2 or not all(type(end) in (int, float) for end in ends):
        return False
    start, end = cast(Sequence[float], ends)
    return 0 <= start < end <= 1
