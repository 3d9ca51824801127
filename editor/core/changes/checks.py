"""What changes ask of a document before they touch it; each refusal is a sentence."""

from __future__ import annotations

from editor.core.document import Document, find, parent_of
from editor.core.errors import ChangeRefused
from editor.core.layer import GroupLayer, Layer, RasterLayer

LONGEST = 30_000  # what a PSD holds; also keeps a slip of the finger from filling the memory


def layer_of(document: Document, id: str) -> Layer:
    """The layer of this id. Raises ChangeRefused where there is none."""
    layer = find(document, id)
    if layer is None:
        raise ChangeRefused("There is no layer to work on; choose one in the Layers panel.")
    return layer


def unlocked(document: Document, id: str) -> Layer:
    """The layer, where neither it nor a group around it is locked. Raises ChangeRefused."""
    layer = layer_of(document, id)
    if layer.locked:
        raise ChangeRefused(f"The layer “{layer.name}” is locked; unlock it first.")
    check_inside(document, parent_of(document, id))
    return layer


def unlocked_raster(document: Document, id: str) -> RasterLayer:
    """The layer, where it is unlocked and holds pixels of its own. Raises ChangeRefused."""
    layer = unlocked(document, id)
    if isinstance(layer, GroupLayer):
        raise ChangeRefused(f"“{layer.name}” is a group and has no pixels of its own; choose a layer inside it.")
    return layer


def raster_of(document: Document, id: str) -> RasterLayer:
    """The layer, where it holds pixels of its own, locked or not. Raises ChangeRefused."""
    layer = layer_of(document, id)
    if isinstance(layer, GroupLayer):
        raise ChangeRefused(f"“{layer.name}” is a group and has no pixels of its own; choose a layer inside it.")
    return layer


def group_of(document: Document, id: str) -> GroupLayer:
    """The group of this id. Raises ChangeRefused where it is a layer or missing."""
    layer = layer_of(document, id)
    if not isinstance(layer, GroupLayer):
        raise ChangeRefused(f"“{layer.name}” is a layer, not a group; choose a group.")
    return layer


def check_inside(document: Document, group: GroupLayer | None) -> None:
    """Raises ChangeRefused where `group`, or a group around it, is locked; None is the top of the document."""
    while group is not None:
        if group.locked:
            raise ChangeRefused(f"The group “{group.name}” is locked; unlock it first.")
        group = parent_of(document, group.id)


def check_parent(document: Document, parent: str) -> None:
    """Raises ChangeRefused where nothing may be put into, or taken out of, the group `parent` ("" is the top)."""
    if parent:
        check_inside(document, group_of(document, parent))


def check_size(width: int, height: int) -> None:
    """Raises ChangeRefused for a page that is too small or larger than files can hold."""
    if not (1 <= width <= LONGEST and 1 <= height <= LONGEST):
        raise ChangeRefused(f"A page of {width} x {height} pixels is not possible; give 1 to {LONGEST} each way.")
