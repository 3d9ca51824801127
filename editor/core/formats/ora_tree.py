"""The layer tree as stack.xml, and what only this program needs beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from editor.core.blend import blend_named
from editor.core.document import Document
from editor.core.formats import ora_xml
from editor.core.formats.ora_plan import PicturePlan, mask_rect, of_mask, of_plane
from editor.core.layer import NORMAL, GroupLayer, Layer, Mask, RasterLayer

IMAGE_ATTRIBUTES = "palimpsest/image-attributes.json"
OP = "composite-op"


@dataclass(eq=False)
class Tree:
    """root: stack.xml. pictures: in the order of the layers. details: per layer id, for document.json."""

    document: Document
    root: Element
    pictures: list[PicturePlan] = field(default_factory=list[PicturePlan])
    details: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    notes: list[str] = field(default_factory=list[str])


def tree_of(document: Document) -> Tree:
    """The document as an OpenRaster file describes it."""
    root = Element("image", {"version": "0.0.3", "w": str(document.width), "h": str(document.height)})
    dpi = document.dpi or (72, 72)
    root.set("xres", str(max(1, round(dpi[0]))))
    root.set("yres", str(max(1, round(dpi[1]))))
    for name, value in _foreign(document.extras.get(IMAGE_ATTRIBUTES)):
        root.attrib.setdefault(name, ora_xml.text(value))
    tree = Tree(document, root)
    stack = SubElement(root, "stack")
    for layer in reversed(document.layers):
        _add(tree, stack, layer, 0, 0)
    return tree


def _foreign(data: bytes | None) -> Iterator[tuple[str, str]]:
    attributes: Any = json.loads(data) if data else {}
    return ((name, value) for name, value in attributes.items() if ora_xml.is_attribute(name))


def _add(tree: Tree, parent: Element, layer: Layer, x: int, y: int) -> None:
    """x, y: of the group that holds the layer, in the document."""
    x, y = x + layer.x, y + layer.y
    if isinstance(layer, GroupLayer):
        _add_group(tree, parent, layer, x, y)
    elif layer.mask is None:
        _describe(tree, _add_pixels(tree, parent, layer, x, y), layer)
    else:
        stack = SubElement(parent, "stack")
        _describe(tree, stack, layer)
        stack.set("isolation", "isolate")
        stack.set("palimpsest:masked", "layer")
        _add_mask(tree, stack, layer, layer.mask, x, y)
        _add_pixels(tree, stack, layer, x, y).set("name", ora_xml.text(layer.name))


def _add_group(tree: Tree, parent: Element, group: GroupLayer, x: int, y: int) -> None:
    stack = SubElement(parent, "stack")
    _describe(tree, stack, group)
    plain = group.pass_through and group.mask is None and group.opacity == 1
    stack.set("isolation", "auto" if plain else "isolate")
    if group.pass_through:
        _describe_pass_through(tree, stack, group, plain)
    if group.mask is not None:
        stack.set("palimpsest:masked", "group")
        _add_mask(tree, stack, group, group.mask, x, y)
    for child in reversed(group.children):
        _add(tree, stack, child, x, y)


def _describe_pass_through(tree: Tree, stack: Element, group: GroupLayer, plain: bool) -> None:
    stack.set(OP, "svg:src-over")
    stack.set("palimpsest:pass-through", "true")
    if group.blend != NORMAL:
        stack.set("palimpsest:blend", group.blend)
    if not plain:
        reason = "other programs know no group that passes through and has an opacity or a mask"
        tree.notes.append(f"The group {group.name!r} looks isolated elsewhere: {reason}.")


def _add_pixels(tree: Tree, parent: Element, layer: RasterLayer, x: int, y: int) -> Element:
    name = f"data/layer{len(tree.pictures):04}.png"
    page = tree.document.rect.moved(-x, -y)
    picture = of_plane(name, layer.plane, page, tree.document.icc)
    tree.pictures.append(picture)
    return _placed(parent, picture, x, y)


def _add_mask(tree: Tree, stack: Element, layer: Layer, mask: Mask, x: int, y: int) -> None:
    name = f"data/mask{len(tree.pictures):04}.png"
    picture = of_mask(name, mask.plane, mask_rect(layer, mask, tree.document.rect.moved(-x, -y)))
    tree.pictures.append(picture)
    element = _placed(stack, picture, x, y)
    element.set("name", "Mask")
    element.set("opacity", "1.0")
    element.set("visibility", "visible" if mask.enabled else "hidden")
    element.set(OP, "svg:dst-in")
    element.set("palimpsest:blank", str(mask.plane.blank))


def _placed(parent: Element, picture: PicturePlan, x: int, y: int) -> Element:
    place = {"src": picture.name, "x": str(picture.rect.x + x), "y": str(picture.rect.y + y)}
    return SubElement(parent, "layer", place)


def _describe(tree: Tree, element: Element, layer: Layer) -> None:
    look: Mapping[str, str] = {
        "name": ora_xml.text(layer.name),
        "opacity": repr(float(layer.opacity)),
        "visibility": "visible" if layer.visible else "hidden",
        OP: blend_named(layer.blend).ora,
        "palimpsest:id": ora_xml.text(layer.id),
        "palimpsest:x": str(layer.x),
        "palimpsest:y": str(layer.y),
    }
    for name, value in look.items():
        element.set(name, value)
    if layer.locked:
        element.set("edit-locked", "true")
    if layer.id == tree.document.active:
        element.set("selected", "true")
    _describe_extras(element, layer)
    details = _details(layer)
    if details:
        tree.details[layer.id] = details


def _describe_extras(element: Element, layer: Layer) -> None:
    for name, value in layer.extras.items():
        if name == OP and layer.blend == NORMAL:  # a mode that is not known here, given back as it came
            element.set(OP, ora_xml.text(value))
        elif ora_xml.is_attribute(name):
            element.attrib.setdefault(name, ora_xml.text(value))


def _details(layer: Layer) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if ora_xml.text(layer.name) != layer.name:
        details["name"] = layer.name
    if isinstance(layer, RasterLayer) and layer.recipe is not None:
        details["recipe"] = dict(layer.recipe)
    return details
