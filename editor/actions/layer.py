"""The layer menu."""

from __future__ import annotations

from collections.abc import Callable

from editor.actions.action import Action, with_layer
from editor.actions.desk import Desk
from editor.actions.pairs import use_layer, why_not_active_layer
from editor.actions.together import Together
from editor.core import changes
from editor.core.changes.change import Change
from editor.core.document import Document, parent_of, siblings, walk
from editor.core.layer import GroupLayer, Layer, RasterLayer


def with_group(desk: Desk) -> bool:
    return desk.document is not None and isinstance(desk.document.active_layer, GroupLayer)


def with_mask(desk: Desk) -> bool:
    layer = desk.document.active_layer if desk.document is not None else None
    return layer is not None and layer.mask is not None


def with_pixel_mask(desk: Desk) -> bool:
    """A layer with a mask is active that has pixels of its own."""
    return with_mask(desk) and not with_group(desk)


def with_recipe(desk: Desk) -> bool:
    """An edit layer is active, one that remembers how it was made, and nothing else runs."""
    layer = desk.document.active_layer if desk.document is not None else None
    idle = desk.current is not None and desk.current.edit.running is None
    return idle and isinstance(layer, RasterLayer) and layer.recipe is not None


def new(desk: Desk) -> None:
    if desk.document is not None:
        name = f"Layer {sum(1 for _ in walk(desk.document)) + 1}"
        desk.do(changes.AddLayer(RasterLayer(name=name), label="New layer"))


def duplicate(desk: Desk) -> None:
    """Of what is selected, where there is a selection."""
    document = desk.document
    if document is None:
        return
    if document.selection is not None:
        desk.do(changes.LayerFromSelection(document.active))
    elif len(desk.layers) == 1:
        desk.do(changes.DuplicateLayer(document.active))
    else:
        desk.do(Together(tuple(map(changes.DuplicateLayer, desk.layers)), "Duplicate layers"))


def delete(desk: Desk) -> None:
    count = len(desk.layers)
    label = "Delete layer" if count == 1 else f"Delete {count} layers"
    if desk.do(changes.RemoveLayers(desk.layers, label)):
        words = "The layer was deleted." if count == 1 else f"{count} layers were deleted."
        desk.say(words, "info", ("Undo", "edit.undo"))


def group(desk: Desk) -> None:
    desk.do(changes.Group(desk.layers))


def toggle_lock(desk: Desk) -> None:
    _set(desk, "locked", lambda layer: not layer.locked)


def toggle_visible(desk: Desk) -> None:
    _set(desk, "visible", lambda layer: not layer.visible)


def rename(desk: Desk) -> None:
    desk.ports.screen.do("rename_layer")


def up(desk: Desk) -> None:
    _move(desk, 1)


def down(desk: Desk) -> None:
    _move(desk, -1)


def edit_again(desk: Desk) -> None:
    """Fill the bar from the active edit layer, so that the next edit begins where that one began."""
    if desk.generation is not None and desk.document is not None:
        desk.generation.edit_again(desk.document.active)
        desk.ports.screen.do("focus_instruction")


def run_again(desk: Desk) -> None:
    """Run the recipe of the active edit layer as it stands: the same pixels, if what lies below is the same."""
    if desk.generation is not None and desk.document is not None:
        desk.generation.again(desk.document.active)


def is_locked(desk: Desk) -> bool:
    return _is(desk, lambda layer: layer.locked)


def is_hidden(desk: Desk) -> bool:
    return _is(desk, lambda layer: not layer.visible)


def _is(desk: Desk, test: Callable[[Layer], bool]) -> bool:
    layer = desk.document.active_layer if desk.document is not None else None
    return layer is not None and test(layer)


def _set(desk: Desk, name: str, value: Callable[[Layer], bool]) -> None:
    """Of all selected layers in one step, as the active one is to have it."""
    layer = desk.document.active_layer if desk.document is not None else None
    if layer is not None:
        steps = tuple(changes.SetProperty(id, name, value(layer)) for id in desk.layers)
        desk.do(steps[0] if len(steps) == 1 else Together(steps, f"{steps[0].label}s"))


def can_move_up(desk: Desk) -> bool:
    return desk.document is not None and _next_place(desk.document, 1) is not None


def can_move_down(desk: Desk) -> bool:
    return desk.document is not None and _next_place(desk.document, -1) is not None


def can_merge_down(desk: Desk) -> bool:
    document = desk.document
    if document is None or document.active_layer is None:
        return False
    return _around(document)[1][0].id != document.active


def _move(desk: Desk, by: int) -> None:
    document = desk.document
    place = _next_place(document, by) if document is not None else None
    if document is not None and place is not None:
        desk.do(changes.MoveLayer(document.active, *place))


def _next_place(document: Document, by: int) -> tuple[str, int] | None:
    """(parent, index) one place further up (1) or down (-1): past a layer, into a group, or out of one."""
    if document.active_layer is None:
        return None
    parent, present = _around(document)
    at = [layer.id for layer in present].index(document.active) + by
    if 0 <= at < len(present):
        beside = present[at]
        if isinstance(beside, GroupLayer) and not beside.locked:
            return beside.id, 0 if by > 0 else len(beside.children)
        return parent, at
    if not parent:
        return None
    around = parent_of(document, parent)
    home = around.id if around is not None else ""
    ids = [layer.id for layer in siblings(document, home)]
    return home, ids.index(parent) + (1 if by > 0 else 0)


def _around(document: Document) -> tuple[str, tuple[Layer, ...]]:
    """The group that holds the active layer, and all in it, the lowest first."""
    group = parent_of(document, document.active)
    parent = group.id if group is not None else ""
    return parent, siblings(document, parent)


def _on_active(make: Callable[[str], Change]) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        if desk.document is not None:
            desk.do_aside(make(desk.document.active))

    return run


_merge_down = _on_active(changes.MergeDown)
_ungroup = _on_active(changes.Ungroup)
_mask = _on_active(changes.MaskFromSelection)
_remove_mask = _on_active(lambda id: changes.SetMask(id, None))
_apply_mask = _on_active(changes.ApplyMask)

ACTIONS: tuple[Action, ...] = (
    Action(
        "layer.new", "New layer", new, ("Ctrl+Shift+N",), "Layer", 0, lambda desk: desk.current is not None, icon="plus"
    ),
    Action(
        "layer.duplicate",
        "Duplicate, or layer from selection",
        duplicate,
        ("Ctrl+J",),
        "Layer",
        0,
        with_layer,
        icon="copy",
    ),
    Action("layer.delete", "Delete", delete, ("Shift+Del",), "Layer", 0, with_layer, icon="trash-2"),
    Action("layer.rename", "Rename", rename, ("F2",), "Layer", 0, with_layer),
    Action("layer.group", "Group", group, ("Ctrl+G",), "Layer", 1, with_layer, icon="folder-plus"),
    Action("layer.ungroup", "Ungroup", _ungroup, ("Ctrl+Shift+G",), "Layer", 1, with_group),
    Action("layer.merge_down", "Merge down", _merge_down, ("Ctrl+E",), "Layer", 1, can_merge_down),
    Action("layer.mask_from_selection", "Mask from selection", _mask, (), "Layer", 2, with_layer, icon="square-dashed"),
    Action("layer.apply_mask", "Apply mask", _apply_mask, (), "Layer", 2, with_pixel_mask),
    Action("layer.remove_mask", "Remove mask", _remove_mask, (), "Layer", 2, with_mask),
    Action("layer.lock", "Lock", toggle_lock, ("Ctrl+/", "Ctrl+Alt+L"), "Layer", 3, with_layer, is_locked, icon="lock"),
    Action("layer.hide", "Hide", toggle_visible, ("Ctrl+H",), "Layer", 3, with_layer, is_hidden, icon="eye"),
    Action("layer.up", "Move up", up, ("Ctrl+]", "Alt+PgUp"), "Layer", 4, can_move_up),
    Action("layer.down", "Move down", down, ("Ctrl+[", "Alt+PgDown"), "Layer", 4, can_move_down),
    Action("layer.edit_again", "Edit again", edit_again, (), "Layer", 5, with_recipe, icon="sparkles"),
    Action("layer.run_again", "Run this edit again", run_again, (), "Layer", 5, with_recipe, icon="refresh-cw"),
    Action(
        "layer.use_for_training",
        "Use for training...",
        use_layer,
        (),
        "Layer",
        5,
        lambda desk: not why_not_active_layer(desk),
        why=why_not_active_layer,
    ),
)
