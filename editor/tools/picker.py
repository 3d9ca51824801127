"""The colour under the pointer."""

from __future__ import annotations

from typing import ClassVar

from editor.tools.sampling import colour_at
from editor.tools.tool import IdleTool, Overlay, PointerEvent, ToolContext


class PickerTool(IdleTool):
    id: ClassVar[str] = "picker"
    title: ClassVar[str] = "Picker"
    icon: ClassVar[str] = "pipette"
    key: ClassVar[str] = "I"
    help: ClassVar[str] = "Click to take the foreground colour from the picture, Alt and click for the background"
    options: ClassVar[tuple[str, ...]] = ("sample",)

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        pick(event, context, "alt" in event.modifiers)

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        pick(event, context, "alt" in event.modifiers)

    def overlay(self, scale: float) -> Overlay:
        return Overlay(cursor="pick")


def pick(event: PointerEvent, context: ToolContext, background: bool = False) -> None:
    """Puts the colour under a pressed left button into the settings; nothing where there is no colour."""
    colour = colour_at(event, context) if event.button == "left" else None
    if colour is not None and background:
        context.settings.background = colour
    elif colour is not None:
        context.settings.foreground = colour
