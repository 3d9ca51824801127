"""Where tools read colours: the whole picture or the active layer."""

from __future__ import annotations

import math
from functools import partial

from editor.core.compositor import composite, composite_layer
from editor.core.document import Document
from editor.core.geometry import Rect
from editor.core.selection import wand
from editor.core.selection_wand import Reader
from editor.core.tiles import TileMap
from editor.tools.settings import Colour
from editor.tools.tool import PointerEvent, ToolContext


def reader(document: Document, sample: str) -> Reader:
    """sample: "layer" (the whole picture where no layer is active) or "all"."""
    if sample == "layer" and document.active_layer is not None:
        return partial(composite_layer, document, document.active)
    return partial(composite, document)


def colour_at(event: PointerEvent, context: ToolContext) -> Colour | None:
    """None off the page, and where nothing is to be seen."""
    x, y = math.floor(event.x), math.floor(event.y)
    if not context.document.rect.contains(x, y):
        return None
    pixel = reader(context.document, context.settings.sample)(Rect(x, y, 1, 1))[0, 0]
    red, green, blue, alpha = (int(value) for value in pixel)
    return (red, green, blue, 255) if alpha else None


def like(event: PointerEvent, context: ToolContext) -> TileMap:
    """What has the colour of the place that was clicked, by the settings of wand and fill."""
    settings, document = context.settings, context.document
    return wand(
        reader(document, settings.sample),
        math.floor(event.x),
        math.floor(event.y),
        settings.tolerance,
        settings.contiguous,
        document.rect,
        settings.antialias,
    )
