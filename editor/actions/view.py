"""The view menu, and the keys of the tools."""

from __future__ import annotations

from collections.abc import Callable

from editor.actions.action import Action, with_document
from editor.actions.desk import Desk
from editor.core.settings import with_value
from editor.tools import TOOLS
from editor.tools.settings import ToolSettings


def _screen(what: str) -> Callable[[Desk], None]:
    return lambda desk: desk.ports.screen.do(what)


def toggle_theme(desk: Desk) -> None:
    theme = "light" if desk.settings.theme == "dark" else "dark"
    desk.settings = with_value(desk.settings, "theme", theme)


def _turn(by: int) -> Callable[[Desk], None]:
    """To the tab `by` places further, around the ends."""

    def run(desk: Desk) -> None:
        if desk.current is not None:
            at = desk.documents.index(desk.current)
            desk.show(desk.documents[(at + by) % len(desk.documents)])

    return run


def _has_tabs(desk: Desk) -> bool:
    return len(desk.documents) > 1


def _take(id: str) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        desk.tool = id

    return run


def _setting(change: Callable[[ToolSettings], object]) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        change(desk.tools)

    return run


def _is_taken(id: str) -> Callable[[Desk], bool]:
    return lambda desk: desk.tool == id


VIEW: tuple[Action, ...] = (
    Action(
        "view.zoom_in", "Zoom in", _screen("zoom_in"), ("Ctrl++", "Ctrl+="), "View", 0, with_document, icon="zoom-in"
    ),
    Action("view.zoom_out", "Zoom out", _screen("zoom_out"), ("Ctrl+-",), "View", 0, with_document, icon="zoom-out"),
    Action("view.fit", "Fit the window", _screen("fit"), ("Ctrl+0",), "View", 0, with_document, icon="scan"),
    Action("view.actual", "Actual pixels", _screen("actual"), ("Ctrl+1",), "View", 0, with_document),
    Action("view.panels", "Hide or show panels", _screen("panels"), ("Tab",), "View", 1),
    Action("view.full_screen", "Full screen", _screen("full_screen"), ("F", "F11"), "View", 1, icon="maximize"),
    Action("view.next_tab", "Next tab", _turn(1), ("Ctrl+Tab", "Ctrl+PgDown"), "View", 3, _has_tabs),
    Action("view.previous_tab", "Previous tab", _turn(-1), ("Ctrl+Shift+Tab", "Ctrl+PgUp"), "View", 3, _has_tabs),
    Action("view.theme", "Light or dark", toggle_theme, (), "View", 1),
)

TOOL_KEYS: tuple[Action, ...] = tuple(
    Action(
        f"tool.{tool.id}", tool.title, _take(tool.id), (tool.key,), "", 0, checked=_is_taken(tool.id), icon=tool.icon
    )
    for tool in (make() for make in TOOLS)
)

COLOURS: tuple[Action, ...] = (
    Action("colour.swap", "Swap colours", _setting(ToolSettings.swap_colours), ("X",)),
    Action("colour.default", "Black and white", _setting(ToolSettings.default_colours), ("D",)),
    Action("brush.smaller", "Smaller brush", _setting(lambda tools: tools.scale_size(False)), ("[", "Ctrl+Alt+Left")),
    Action("brush.larger", "Larger brush", _setting(lambda tools: tools.scale_size(True)), ("]", "Ctrl+Alt+Right")),
    Action("brush.softer", "Softer brush", _setting(lambda tools: tools.scale_hardness(False)), ("{", "Ctrl+Alt+Down")),
    Action("brush.harder", "Harder brush", _setting(lambda tools: tools.scale_hardness(True)), ("}", "Ctrl+Alt+Up")),
)

ACTIONS: tuple[Action, ...] = (*VIEW, *TOOL_KEYS, *COLOURS)
