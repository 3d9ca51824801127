"""palimpsest replay: runs the recipe of a layer again and says whether the same pixels come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from editor.cli import report
from editor.cli.layered import opened
from editor.cli.library import library
from editor.cli.opening import Opening, opening
from editor.cli.progress import edit_bar
from editor.cli.running import in_thread, interruptible
from editor.core.document import Document, offset_of, walk
from editor.core.errors import UsageError
from editor.core.formats.psd_plan import content_bounds
from editor.core.layer import RasterLayer
from editor.core.tiles import Samples
from editor.edits.recipe import Recipe, recipe_of, region_again, settings_from
from editor.edits.region import Cut, below, cut, request_of
from editor.edits.run import finished
from editor.edits.values import VariantItem
from inference import memory
from inference.engine import copies
from inference.package import ModelPackage
from inference.types import CancelToken, EditRequest, Event, Progress, Variant


@dataclass(frozen=True)
class ReplayOptions:
    """model None: the one that the recipe names. provider None: the recipe's."""

    source: Path
    layer: str
    model: str | None = None
    provider: str | None = None
    as_json: bool = False


@dataclass(frozen=True)
class Difference:
    """pixels: how many differ in any channel. most: the largest difference, 0 to 255."""

    pixels: int
    most: int


def replay(options: ReplayOptions) -> None:
    """Compare a layer with what its recipe gives now; the file is only read."""
    store = library()
    document = opened(options.source, _largest()).document
    layer, recipe = _found(document, options)
    package = store.find(options.model or recipe.model)
    region = region_again(document, layer, recipe)
    if region.rect.empty:
        raise UsageError(f"The layer {layer.name!r} lies outside the page, so its recipe has nothing to edit.")
    source = cut(below(document, layer.id), region)
    request = request_of(source, settings_from(recipe), (recipe.seed,))
    provider = options.provider or recipe.provider or "auto"
    with interruptible() as cancel, opening(package, provider, wanted=not request.blank) as engine:
        variant = _variant(engine, request, cancel)
        again = _layer_again(document, layer, recipe, source, variant)
        difference = _difference(document, layer, again)
        changes = list(_changes(recipe, package, source, engine))
    if options.as_json:
        report.say_json(_as_json(layer, recipe, package, engine, difference, changes))
    else:
        _say(layer, difference, changes)


def _found(document: Document, options: ReplayOptions) -> tuple[RasterLayer, Recipe]:
    """The topmost layer of that name with a recipe. Raises UsageError, listing those that have one."""
    layers = list(walk(document))[::-1]
    for layer in layers:
        recipe = recipe_of(layer)
        if layer.name == options.layer and isinstance(layer, RasterLayer) and recipe is not None:
            return layer, recipe
    known = ", ".join(repr(layer.name) for layer in layers if recipe_of(layer) is not None) or "none"
    there = any(layer.name == options.layer for layer in layers)
    reason = "has no recipe" if there else f"is not in {options.source}"
    raise UsageError(f"The layer {options.layer!r} {reason}; layers with a recipe: {known}.")


def _variant(engine: Opening, request: EditRequest, cancel: CancelToken) -> Variant:
    with edit_bar(1) as show:
        for event in _events(engine, request, cancel):
            if isinstance(event, Progress):
                show(event)
            elif isinstance(event, Variant):
                return event
    raise RuntimeError("the engine ended without a variant")


def _events(engine: Opening, request: EditRequest, cancel: CancelToken) -> Iterator[Event]:
    if request.blank:
        return copies(request, cancel)
    ready = engine.result(cancel)
    return in_thread(lambda: ready.edit(request, cancel, previews=False), cancel)


def _layer_again(document: Document, layer: RasterLayer, recipe: Recipe, source: Cut, variant: Variant) -> RasterLayer:
    item = VariantItem("replay", 0, recipe.seed, settings_from(recipe), source.region, document)
    made = finished(item, variant, source, recipe).layer
    if made is None:
        raise RuntimeError(f"the recipe of {layer.name!r} gave no layer")
    return made


def _difference(document: Document, layer: RasterLayer, again: RasterLayer) -> Difference:
    """Over everything that either of both covers; colours that cannot be seen do not count."""
    x, y = offset_of(document, layer.id)
    area = content_bounds(layer.plane).moved(x, y) | content_bounds(again.plane).moved(again.x, again.y)
    now = _seen(again.plane.read(area.moved(-again.x, -again.y)))
    then = _seen(layer.plane.read(area.moved(-x, -y)))
    apart = np.abs(now.astype(np.int16) - then).max(axis=2, initial=0)
    return Difference(int(np.count_nonzero(apart)), int(apart.max(initial=0)))


def _seen(pixels: Samples) -> Samples:
    return np.where(pixels[..., 3:] == 0, np.uint8(0), pixels)


def _changes(recipe: Recipe, package: ModelPackage, source: Cut, engine: Opening) -> Iterator[str]:
    """A sentence for everything that is not as it was when the layer was made."""
    if source.sha256 != recipe.source:
        yield "What lies below the layer has changed since it was made."
    if package.sha256 != recipe.model_sha256:
        yield f"The model {package.name} is not the one that made the layer: its files are others."
    if engine.provider != recipe.provider:
        yield f"It was made with {recipe.provider or 'no provider'} and ran with {engine.provider or 'none'} now."


def _as_json(
    layer: RasterLayer,
    recipe: Recipe,
    package: ModelPackage,
    engine: Opening,
    difference: Difference,
    changes: Sequence[str],
) -> dict[str, object]:
    return {
        "layer": layer.name,
        "match": difference.pixels == 0,
        "max_difference": difference.most,
        "pixels_different": difference.pixels,
        "notes": list(changes),
        "provider": engine.chosen_json(),
        "model": {"name": package.name, "sha256": package.sha256, "precision": package.precision},
        "recipe": recipe.as_json(),
    }


def _say(layer: RasterLayer, difference: Difference, changes: Sequence[str]) -> None:
    if difference.pixels == 0:
        report.say(f"The pixels of {layer.name!r} match: its recipe gives the same again.")
    else:
        count = "1 pixel differs" if difference.pixels == 1 else f"{difference.pixels} pixels differ"
        report.say(f"The pixels of {layer.name!r} do not match: {count}, by {difference.most}/255 at most.")
    for sentence in changes:
        report.say(f"  {sentence}")


def _largest() -> int:
    return memory.max_pixels(memory.available_memory())
