"""The edit menu: undo, the clipboard, clearing and filling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from editor.actions.action import Action, with_document, with_layer
from editor.actions.desk import Desk
from editor.actions.file import add_document
from editor.actions.pairs import use_change, why_not_change
from editor.actions.ports import Rgba
from editor.core import selection
from editor.core.changes import AddLayer, ClearSelected, Fill
from editor.core.compositor import composite, composite_layer
from editor.core.document import Document, offset_of, parent_of
from editor.core.geometry import Rect
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap


def undo(desk: Desk) -> None:
    if desk.current is not None:
        desk.current.history.undo()


def redo(desk: Desk) -> None:
    if desk.current is not None:
        desk.current.history.redo()


def can_undo(desk: Desk) -> bool:
    return desk.current is not None and desk.current.history.can_undo


def can_redo(desk: Desk) -> bool:
    return desk.current is not None and desk.current.history.can_redo


def copy(desk: Desk) -> bool:
    """What is selected of the active layer. True where there was something to copy."""
    document = desk.document
    if document is None or document.active_layer is None:
        return False
    area = _area(document)
    return _to_clipboard(desk, document, area, composite_layer(document, document.active, area))


def copy_merged(desk: Desk) -> None:
    """What is selected of the picture as it looks."""
    document = desk.document
    if document is not None:
        area = _area(document)
        _to_clipboard(desk, document, area, composite(document, area))


def cut(desk: Desk) -> None:
    if copy(desk) and desk.document is not None:
        desk.do(ClearSelected(desk.document.active, "Cut"))


def paste(desk: Desk) -> None:
    """As a new layer in the middle of the selection, or of what is seen; as a new document where none is open."""
    pixels = desk.ports.clipboard.paste()
    if pixels is None:
        desk.say("The clipboard holds no picture; copy one first.")
    else:
        paste_pixels(desk, pixels)


def paste_pixels(desk: Desk, pixels: Rgba, title: str = "Pasted") -> None:
    """pixels: uint8 (h, w, 4)."""
    height, width = pixels.shape[:2]
    layer = RasterLayer(name=title, plane=TileMap.of(pixels))
    if desk.document is None:
        add_document(desk, Document(width, height, (layer,), layer.id), title, "Paste", saved=False)
        return
    place = _place(desk.document, width, height, desk.ports.screen.centre)
    group = parent_of(desk.document, desk.document.active)
    dx, dy = offset_of(desk.document, group.id) if group is not None else (0, 0)
    desk.do(AddLayer(replace(layer, x=place.x - dx, y=place.y - dy), label="Paste"))


def _place(document: Document, width: int, height: int, seen: tuple[int, int]) -> Rect:
    """Where on the page something pasted goes: to be seen, and never beside the page."""
    area = Rect(0, 0, 0, 0) if document.selection is None else selection.bounds(document.selection) & document.rect
    x, y = seen if area.empty else (area.x + area.width // 2, area.y + area.height // 2)
    place = Rect(x - width // 2, y - height // 2, width, height)
    if (place & document.rect).empty:
        place = Rect((document.width - width) // 2, (document.height - height) // 2, width, height)
    return place


def clear(desk: Desk) -> None:
    if desk.document is not None:
        desk.do(ClearSelected(desk.document.active))


def fill(desk: Desk) -> None:
    """With the foreground colour."""
    if desk.document is not None:
        desk.do_aside(Fill(desk.document.active, desk.tools.foreground))


def fill_background(desk: Desk) -> None:
    if desk.document is not None:
        desk.do_aside(Fill(desk.document.active, desk.tools.background))


def preferences(desk: Desk) -> None:
    desk.ports.dialogs.show("preferences")


def _area(document: Document) -> Rect:
    return document.rect if document.selection is None else selection.bounds(document.selection) & document.rect


def _to_clipboard(desk: Desk, document: Document, area: Rect, pixels: Rgba) -> bool:
    if area.empty:
        desk.say("Nothing was copied: no part of the page is selected.")
        return False
    if document.selection is not None:
        cover = document.selection.read(area).astype(np.uint16)
        alpha = pixels[..., 3:].astype(np.uint16) * cover
        pixels = np.concatenate([pixels[..., :3], ((alpha + 127) // 255).astype(np.uint8)], axis=2)
    desk.ports.clipboard.copy(np.ascontiguousarray(pixels))
    return True


def can_paste(desk: Desk) -> bool:
    return desk.ports.clipboard.has_picture


ACTIONS: tuple[Action, ...] = (
    Action("edit.undo", "Undo", undo, ("Ctrl+Z",), "Edit", 0, can_undo, icon="undo-2"),
    Action("edit.redo", "Redo", redo, ("Ctrl+Shift+Z", "Ctrl+Y"), "Edit", 0, can_redo, icon="redo-2"),
    Action("edit.cut", "Cut", cut, ("Ctrl+X",), "Edit", 1, with_layer),
    Action("edit.copy", "Copy", copy, ("Ctrl+C",), "Edit", 1, with_layer, icon="copy"),
    Action("edit.copy_merged", "Copy merged", copy_merged, ("Ctrl+Shift+C",), "Edit", 1, with_document),
    Action("edit.paste", "Paste", paste, ("Ctrl+V",), "Edit", 1, can_paste),
    Action("edit.paste_image", "Paste what was dropped", paste_pixels, palette=False),
    Action("edit.clear", "Clear", clear, ("Del", "Backspace"), "Edit", 2, with_layer),
    Action("edit.fill", "Fill with foreground", fill, ("Alt+Backspace", "Shift+F5"), "Edit", 2, with_layer),
    Action("edit.fill_background", "Fill with background", fill_background, ("Ctrl+Backspace",), "Edit", 2, with_layer),
    Action(
        "history.use_for_training",
        "Use all changes for training...",
        use_change,
        (),
        "Edit",
        3,
        lambda desk: not why_not_change(desk),
        why=why_not_change,
    ),
    Action("history.use_since", "Use the change since a step for training", use_change, palette=False),
    Action("edit.preferences", "Preferences...", preferences, ("Ctrl+K", "Ctrl+,"), "Edit", 4, icon="settings"),
)
