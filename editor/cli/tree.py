"""The layer tree of a document as JSON values and as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from editor.core.formats import icc as profiles
from editor.core.formats.layered_format import Opened
from editor.core.formats.psd_plan import content_bounds
from editor.core.geometry import Rect, around
from editor.core.layer import GroupLayer, Layer


def document_info(opened: Opened) -> dict[str, Any]:
    """What `info` tells of a layered file: the same names as for a flat one, and the layers, the top one first."""
    document = opened.document
    return {
        "format": opened.format,
        "size": [document.width, document.height],
        "depth": 8,
        "mode": "RGBA",
        "alpha": True,
        "profile": (profiles.name(document.icc) or "unnamed") if document.icc else None,
        "orientation": 1,
        "dpi": document.dpi,
        "animated": False,
        "layers": _tree(document.layers, (0, 0)),
        "variants": len(opened.variants),
        "notes": list(opened.notes),
    }


def layer_line(layer: dict[str, Any], depth: int = 1) -> Iterator[str]:
    """One line for a layer of the tree, and one for each below it."""
    look = f"{layer['opacity']:.0%} {layer['blend']}" + ("" if layer["visible"] else ", hidden")
    look += ", masked" if layer["mask"] else ""
    look += f", made by {layer['recipe'].get('instruction', '')!r}" if layer["recipe"] else ""
    place = f"{layer['w']} x {layer['h']} at {layer['x']}, {layer['y']}"
    yield f"{'  ' * depth}{layer['kind']} {layer['name']!r} {place}: {look}"
    for child in layer.get("children", ()):
        yield from layer_line(child, depth + 1)


def _tree(layers: Sequence[Layer], offset: tuple[int, int]) -> list[dict[str, Any]]:
    return [_described(layer, offset) for layer in reversed(layers)]


def _described(layer: Layer, offset: tuple[int, int]) -> dict[str, Any]:
    origin = offset[0] + layer.x, offset[1] + layer.y
    place = _place(layer, origin)
    told = {
        "name": layer.name,
        "kind": "group" if isinstance(layer, GroupLayer) else "raster",
        "opacity": layer.opacity,
        "blend": layer.blend,
        "visible": layer.visible,
        "locked": layer.locked,
        "x": place.x,
        "y": place.y,
        "w": place.width,
        "h": place.height,
        "mask": layer.mask is not None,
        "recipe": None if isinstance(layer, GroupLayer) or layer.recipe is None else dict(layer.recipe),
    }
    if isinstance(layer, GroupLayer):
        return {**told, "pass_through": layer.pass_through, "children": _tree(layer.children, origin)}
    return told


def _place(layer: Layer, origin: tuple[int, int]) -> Rect:
    """What the layer's pixels cover, in document coordinates."""
    if not isinstance(layer, GroupLayer):
        return content_bounds(layer.plane).moved(*origin)
    return around(_place(child, (origin[0] + child.x, origin[1] + child.y)) for child in layer.children)
