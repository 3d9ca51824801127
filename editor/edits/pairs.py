"""Pairs for training from a document: what a variant, a layer or a stretch of the history changed in the picture."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.core.compositor import composite
from editor.core.document import Document, find, offset_of
from editor.core.errors import Cancelled, ChangeRefused
from editor.core.formats.colour import to_srgb
from editor.core.geometry import Rect, around
from editor.core.history import History, Step
from editor.core.layer import GroupLayer, Layer, RasterLayer
from editor.core.pixels import over_white
from editor.core.tiles import SIDE
from editor.core.touched import touched
from editor.edits.apply import shown, variant_layer
from editor.edits.background import Progress
from editor.edits.pair_group import base_of
from editor.edits.recipe import recipe_of
from editor.edits.region import with_context
from editor.edits.values import VariantItem

Samples = NDArray[np.uint8]

LONGEST = 2048
"""Pixels along the long side of a pair's pictures; larger ones are scaled down."""
CROP = 512
"""The least long side of a crop around a change, where the page has it: about what a model sees."""
EVERYWHERE = 0.8
"""A change of more of the picture than this has no mask."""
GROWN = 0.01
"""How far a mask reaches beyond the change, as a share of the long side; at least `LEAST_GROWN` pixels."""
LEAST_GROWN = 4
FIRST = -1
"""In place of a step's id: the first step, at which the document was opened."""


@dataclass(frozen=True, eq=False)
class NewPair:
    """A picture before and after, and the instruction that leads from one to the other.

    source, target: uint8 (h, w, 3), sRGB, of one size. mask: uint8 (h, w), 255 where the change is wanted, or None for
    everywhere. group: names the photo; the same for all pairs of one document. origin: where it came from, as words.
    """

    instruction: str
    source: Samples
    target: Samples
    mask: Samples | None
    group: str
    origin: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, eq=False)
class Span:
    """What a pair is to be made of; nothing is drawn yet, so this is quick.

    rect: the part of the page that it shows; None for the part that changes, with some room around it.
    instruction: "" where only the user can tell; suggestion: what the user may have meant. past: the documents from
    the first step to now, in which the photo is looked for.
    """

    before: Document
    after: Document
    rect: Rect | None
    instruction: str
    origin: Mapping[str, str]
    past: tuple[Document, ...]
    suggestion: str = ""


def past_of(step: Step) -> tuple[Document, ...]:
    """The documents that led to a step, the first one first, and its own."""
    documents: list[Document] = []
    one: Step | None = step
    while one is not None:
        documents.append(one.document)
        one = one.parent
    return tuple(reversed(documents))


def variant_span(item: VariantItem, current: Step, title: str) -> Span:
    """What a finished variant changed of the picture that it was made from.

    title: of the document. Raises ChangeRefused for a variant that is not finished.
    """
    layer = variant_layer(item, item.source)
    after = shown(item.source, replace(item, layer=layer))
    kept = item.layer is not None and find(current.document, item.layer.id) is not None
    origin = _origin("variant", title, variant=item.id, model=item.settings.model, kept="yes" if kept else "no")
    return Span(item.source, after, item.region.rect, item.settings.instruction, origin, past_of(current))


def layer_span(layer_id: str, current: Step, title: str) -> Span:
    """What a layer changes of all that lies below it, shown or hidden as it may be.

    An edit layer brings its instruction. Raises KeyError for an unknown layer, ChangeRefused for one that lies beyond
    the page.
    """
    document = current.document
    layer = find(document, layer_id)
    parts = _before_and_after(document.layers, layer_id)
    if layer is None or parts is None:
        raise KeyError(layer_id)
    before, after = (replace(document, layers=part, active="", selection=None) for part in parts)
    recipe = recipe_of(layer)
    rect = None
    if recipe is not None:
        rect = recipe.region.moved(*offset_of(document, layer_id)) & document.rect
        if rect.empty:
            raise ChangeRefused("This layer lies beyond the page, where it changes nothing: move it back first.")
    instruction = "" if recipe is None else recipe.instruction.strip()
    suggestion = "" if instruction else _instructions(before, after) or named_instruction(layer.name)
    model = "" if recipe is None else recipe.model
    return Span(
        before,
        after,
        rect,
        instruction,
        _origin("layer", title, layer=layer_id, model=model),
        past_of(current),
        suggestion,
    )


def history_span(earlier: Step, current: Step, title: str) -> Span:
    """What changed from one step to another. Raises ChangeRefused where the page is another one."""
    before, after = earlier.document, current.document
    if before.rect != after.rect:
        raise ChangeRefused("The page had another size then: choose a later step, from which on it stayed the same.")
    origin = _origin("history", title, steps=f"{earlier.label} to {current.label}")
    return Span(before, after, None, "", origin, past_of(current), _instructions(before, after))


def pair_of(span: Span, progress: Progress) -> NewPair:
    """Draw both pictures; off the thread of the window, as it takes seconds for a large page.

    Raises ChangeRefused where nothing changes, and Cancelled.
    """
    page = span.after.rect
    place = span.rect if span.rect is not None else _reach(around(touched(span.before, span.after)), page)
    if place.empty:
        raise _nothing_changes()
    before = _drawn(span.before, place, progress, 0.0)
    after = _drawn(span.after, place, progress, 0.45)
    change = changed(before, after)
    if not change.any():
        raise _nothing_changes()
    if span.rect is None:
        part = with_context(_bounds(change).moved(place.x, place.y), page, CROP).moved(-place.x, -place.y).slices
        before, after = before[part], after[part]
    source, target = shrunk(before), shrunk(after)
    base, group = base_of(span.past)
    progress(1.0)
    origin = {**span.origin, **({"base": base} if base else {})}
    return NewPair(span.instruction, source, target, mask_of(changed(source, target)), group, origin)


def changed(before: Samples, after: Samples) -> NDArray[np.bool_]:
    """bool (h, w): True where any channel differs. before, after: uint8 (h, w, 3)."""
    result = np.zeros(before.shape[:2], np.bool_)
    for channel in range(before.shape[2]):
        result |= before[..., channel] != after[..., channel]
    return result


def mask_of(change: NDArray[np.bool_]) -> Samples | None:
    """uint8 (h, w): 255 on the change and a little around it; None where the change is nearly everywhere."""
    if change.mean() > EVERYWHERE:
        return None
    reach = max(LEAST_GROWN, round(max(change.shape) * GROWN))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(change.astype(np.uint8) * np.uint8(255), disc), np.uint8)


def shrunk(picture: Samples) -> Samples:
    """The picture, averaged over areas where its long side is more than `LONGEST`."""
    height, width = picture.shape[:2]
    scale = LONGEST / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(picture)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def why_not_layer(document: Document | None) -> str:
    """Why the active layer gives no pair, as a sentence; "" where it may give one."""
    layer = document.active_layer if document is not None else None
    if document is None or layer is None:
        return "No layer is active: choose one first."
    if is_empty(layer):
        return "This layer is empty, so it changes nothing."
    return "" if lies_on_something(document, layer.id) else "Nothing visible lies below this layer to be changed."


def why_not_history(history: History | None, step_id: int = FIRST) -> str:
    """Why the change from a step to now gives no pair, as a sentence; "" where it may give one."""
    step = None if history is None else step_named(history, step_id)
    if history is None or step is None:
        return "No document is open."
    if step is history.current:
        return "This is the step that is shown now: choose an earlier one."
    if step.document.rect != history.document.rect:
        return "The page had another size then: choose a later step."
    return "" if leads_to(step, history.current) else "This step does not lead to what is shown now."


def step_named(history: History, step_id: int = FIRST) -> Step | None:
    """The step of that id, or the first one; None for an unknown id."""
    return history.root if step_id == FIRST else next((s for s in history.steps() if s.id == step_id), None)


def leads_to(step: Step, current: Step) -> bool:
    """Whether `step` comes before `current` on its branch."""
    one = current.parent
    while one is not None and one is not step:
        one = one.parent
    return one is step


def lies_on_something(document: Document, layer_id: str) -> bool:
    """Whether anything visible lies below the layer, so that there is a picture without it."""
    parts = _before_and_after(document.layers, layer_id)
    return parts is not None and any(_drawn_layers(parts[0]))


def is_empty(layer: Layer) -> bool:
    """Whether it has no pixels at all."""
    if isinstance(layer, GroupLayer):
        return all(map(is_empty, layer.children))
    return not layer.plane.tiles and not layer.plane.blank


_GIVEN = re.compile(r"(layer|group|pasted|background|photo|copy|merged|untitled|image|img|dsc)\b|.*\.\w{2,4}$", re.I)
"""Names that programs give."""


def named_instruction(name: str) -> str:
    """The name of a layer where it reads like an instruction ("make the sky darker"), else ""."""
    words = re.sub(r"(\s+(copy|\d+))+$", "", name.strip(), flags=re.IGNORECASE)
    reads = len(words.split()) >= 2 and words[:1].isalpha() and not _GIVEN.match(words)
    return words if reads else ""


def _instructions(before: Document, after: Document) -> str:
    """Those of the edit layers that only `after` shows, the lowest first."""
    old = {layer.id for layer in _drawn_layers(before.layers)}
    recipes = (recipe_of(layer) for layer in _drawn_layers(after.layers) if layer.id not in old)
    return ", ".join(dict.fromkeys(recipe.instruction.strip() for recipe in recipes if recipe is not None))


def _drawn_layers(layers: tuple[Layer, ...]) -> Iterator[RasterLayer]:
    for layer in layers:
        if not layer.visible or layer.opacity <= 0:
            continue
        if isinstance(layer, GroupLayer):
            yield from _drawn_layers(layer.children)
        elif not is_empty(layer):
            yield layer


def _before_and_after(layers: tuple[Layer, ...], layer_id: str) -> tuple[tuple[Layer, ...], tuple[Layer, ...]] | None:
    """(what lies below the layer, the same with it); the layer and the groups around it are visible in both."""
    for index, layer in enumerate(layers):
        below = layers[:index]
        if layer.id == layer_id:
            return below, (*below, replace(layer, visible=True))
        if isinstance(layer, GroupLayer):
            inner = _before_and_after(layer.children, layer_id)
            if inner is not None:
                without, with_it = (replace(layer, visible=True, children=children) for children in inner)
                return (*below, without), (*below, with_it)
    return None


def _drawn(document: Document, rect: Rect, progress: Progress, start: float) -> Samples:
    """uint8 (rect.height, rect.width, 3): what the document shows there, over white, in sRGB.

    A row of tiles at a time, so that the window gets its turns. start: the share of `progress` done before.
    """
    result = np.empty((rect.height, rect.width, 3), np.uint8)
    for top in range(0, rect.height, SIDE):
        if progress.cancelled:
            raise Cancelled("The pair was not made: it was cancelled.")
        strip = Rect(rect.x, rect.y + top, rect.width, min(SIDE, rect.height - top))
        pixels = to_srgb(composite(document, strip), document.icc)
        result[top : top + strip.height] = cast(Samples, over_white(pixels))
        progress(start + 0.45 * min(1.0, (top + SIDE) / rect.height))
        time.sleep(0)  # hands the interpreter's lock to whoever waits for it
    return result


def _reach(rect: Rect, page: Rect) -> Rect:
    """All that the crop around a change within `rect` can take in; empty where nothing of it is on the page."""
    inside = rect & page
    return inside if inside.empty else inside.grown(max(CROP, inside.width // 2, inside.height // 2)) & page


def _bounds(change: NDArray[np.bool_]) -> Rect:
    x, y, width, height = cv2.boundingRect(change.astype(np.uint8))
    return Rect(int(x), int(y), int(width), int(height))


def _nothing_changes() -> ChangeRefused:
    return ChangeRefused("Nothing changes in the picture here, so there is nothing to learn: choose another change.")


def _origin(what: str, title: str, **more: str) -> dict[str, str]:
    values = {"kind": "editor", "what": what, "document": title, **more}
    return {name: value for name, value in values.items() if value}
