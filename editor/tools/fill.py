"""Filling what has the colour that was clicked."""

from __future__ import annotations

from typing import ClassVar

from editor.core.changes.change import Change
from editor.core.stroke import paintable, painted
from editor.core.stroke_paint import Paint
from editor.tools.sampling import like
from editor.tools.tool import IdleTool, Overlay, PointerEvent, ToolContext


class FillTool(IdleTool):
    id: ClassVar[str] = "fill"
    title: ClassVar[str] = "Fill"
    icon: ClassVar[str] = "paint-bucket"
    key: ClassVar[str] = "G"
    help: ClassVar[str] = "Click to fill what has that colour, within the selection"
    options: ClassVar[tuple[str, ...]] = ("opacity", "tolerance", "contiguous", "sample", "antialias")

    def __init__(self) -> None:
        self._pressed = False

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        if event.button == "left":
            paintable(context.document, context.document.active)
            self._pressed = True

    def release(self, event: PointerEvent, context: ToolContext) -> Change | None:
        if not self._pressed:
            return None
        self._pressed = False
        cover = like(event, context)
        if not cover.tiles:
            return None
        paint = Paint(context.settings.foreground, context.settings.opacity)
        return painted(context.document, context.document.active, cover, paint, "Fill")

    def cancel(self) -> None:
        self._pressed = False

    def overlay(self, scale: float) -> Overlay:
        return Overlay(cursor="cross")
