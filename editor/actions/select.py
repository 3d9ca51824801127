"""The select menu."""

from __future__ import annotations

from collections.abc import Callable

from editor.actions.action import Action, with_document
from editor.actions.desk import Desk
from editor.actions.image import has_selection
from editor.actions.ports import Field
from editor.core import selection
from editor.core.changes import SetSelection
from editor.core.geometry import Rect
from editor.core.tiles import TileMap


def everything(desk: Desk) -> None:
    document = desk.document
    if document is not None and (document.selection is None or not selection.covers(document.selection, document.rect)):
        desk.do(SetSelection(selection.everything(document), "Select all"))


def nothing(desk: Desk) -> None:
    desk.do(SetSelection(None, "Deselect"))


def invert(desk: Desk) -> None:
    document = desk.document
    if document is not None and document.selection is not None:
        _select(desk, selection.inverted(document.selection, document), "Invert selection")


def _select(desk: Desk, selected: TileMap, label: str) -> None:
    if selection.empty(selected):
        desk.say("Nothing would be left of the selection, so it stayed as it was.")
    else:
        desk.do(SetSelection(selected, label))


def _asking(
    title: str, label: str, value: float, change: Callable[[TileMap, float, Rect], TileMap]
) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        document = desk.document
        if document is None or document.selection is None:
            return
        answer = desk.ports.dialogs.numbers(title, (Field("by", "By", value, 1, 500, "px"),))
        if answer is not None:
            _select(desk, change(document.selection, answer["by"], document.rect), label)

    return run


_feather = _asking("Feather selection", "Feather", 8, selection.feathered)
_grow = _asking("Grow selection", "Grow", 4, lambda old, by, page: selection.grown(old, round(by), page))
_shrink = _asking("Shrink selection", "Shrink", 4, lambda old, by, page: selection.grown(old, -round(by), page))

ACTIONS: tuple[Action, ...] = (
    Action("select.all", "All", everything, ("Ctrl+A",), "Select", 0, with_document),
    Action("select.none", "None", nothing, ("Ctrl+D", "Ctrl+Shift+A"), "Select", 0, has_selection),
    Action("select.invert", "Invert", invert, ("Ctrl+Shift+I",), "Select", 0, has_selection),
    Action("select.feather", "Feather...", _feather, ("Shift+F6",), "Select", 1, has_selection),
    Action("select.grow", "Grow...", _grow, (), "Select", 1, has_selection),
    Action("select.shrink", "Shrink...", _shrink, (), "Select", 1, has_selection),
)
