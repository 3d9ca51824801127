"""The layer menu."""

from __future__ import annotations

from collections.abc import Callable

from editor.actions.action import Action
from editor.actions.desk import Desk
from editor.core import changes
from editor.core.changes.change import Change
from editor.core.document import find, parent_of, siblings
from editor.core.layer import GroupLayer, Layer, RasterLayer


def with_layer(desk: Desk) -> bool:
    """A layer is active."""
    return desk.document is not None and desk.document.active_layer is not None


def with_group(desk: Desk) -> bool:
    return desk.document is not None and isinstance(desk.document.active_layer, GroupLayer)


def with_mask(desk: Desk) -> bool:
    layer = desk.document.active_layer if desk.document is not None else None
    return layer is not None and layer.mask is not None


def with_recipe(desk: Desk) -> bool:
    """An edit layer is active: one that remembers how it was made."""
    layer = desk.document.active_layer if desk.document is not None else None
    return isinstance(layer, RasterLayer) and layer.recipe is not None


def new(desk: Desk) -> None:
    desk.do(changes.AddLayer(RasterLayer(name="Layer"), label="New layer"))


def duplicate(desk: Desk) -> None:
    """Of what is selected, where there is a selection."""
    document = desk.document
    if document is None:
        return
    make = changes.DuplicateLayer if document.selection is None else changes.LayerFromSelection
    desk.do(make(document.active))


def delete(desk: Desk) -> None:
    count = len(desk.layers)
    if desk.do(changes.RemoveLayers(desk.layers)):
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
    """Run the recipe of the active edit layer again."""
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
    for id in desk.layers:
        layer = find(desk.document, id) if desk.document is not None else None
        if layer is not None:
            desk.do(changes.SetProperty(id, name, value(layer)))


def _move(desk: Desk, by: int) -> None:
    document = desk.document
    if document is None or document.active_layer is None:
        return
    group = parent_of(document, document.active)
    parent = group.id if group is not None else ""
    ids = [layer.id for layer in siblings(document, parent)]
    at = ids.index(document.active) + by
    if 0 <= at < len(ids):
        desk.do(changes.MoveLayer(document.active, parent, at))


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
    Action("layer.merge_down", "Merge down", _merge_down, ("Ctrl+E",), "Layer", 1, with_layer),
    Action("layer.mask_from_selection", "Mask from selection", _mask, (), "Layer", 2, with_layer, icon="square-dashed"),
    Action("layer.apply_mask", "Apply mask", _apply_mask, (), "Layer", 2, with_mask),
    Action("layer.remove_mask", "Remove mask", _remove_mask, (), "Layer", 2, with_mask),
    Action("layer.lock", "Lock", toggle_lock, ("Ctrl+/",), "Layer", 3, with_layer, is_locked, icon="lock"),
    Action("layer.hide", "Hide", toggle_visible, ("Ctrl+H",), "Layer", 3, with_layer, is_hidden, icon="eye"),
    Action("layer.up", "Move up", up, ("Ctrl+]", "Ctrl+PgUp"), "Layer", 4, with_layer),
    Action("layer.down", "Move down", down, ("Ctrl+[", "Ctrl+PgDown"), "Layer", 4, with_layer),
    Action("layer.edit_again", "Run this edit again", edit_again, (), "Layer", 5, with_recipe, icon="refresh-cw"),
)
