"""Painting with a round brush; the eraser is the same with another paint."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from editor.core.changes.change import Change
from editor.core.document import Document
from editor.core.errors import ChangeRefused
from editor.core.stroke import Brush, Stroke, Target
from editor.core.stroke_paint import Paint
from editor.tools.picker import pick
from editor.tools.settings import ToolSettings
from editor.tools.tool import IdleTool, Overlay, PointerEvent, ToolContext


class BrushTool(IdleTool):
    id: ClassVar[str] = "brush"
    title: ClassVar[str] = "Brush"
    icon: ClassVar[str] = "brush"
    key: ClassVar[str] = "B"
    help: ClassVar[str] = "Drag to paint; Shift and click draws a straight line; Alt and click takes a colour"
    options: ClassVar[tuple[str, ...]] = (
        "size",
        "hardness",
        "opacity",
        "target",
        "pressure",
        "smooth",
        "spacing",
        "antialias",
    )
    label: ClassVar[str] = "Brush stroke"
    erases: ClassVar[bool] = False

    def __init__(self) -> None:
        self._stroke: Stroke | None = None
        self._at: tuple[float, float] | None = None
        self._end: tuple[float, float] | None = None  # of the stroke before, where a straight line begins
        self._radius = 0.0

    @property
    def busy(self) -> bool:
        return self._stroke is not None

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        self._follow(event, context)
        if event.button != "left":
            return
        if "alt" in event.modifiers and not self.erases:
            pick(event, context)
            return
        straight = self._end if "shift" in event.modifiers else None
        brush = brush_of(context.settings, straight is None)
        paint = Paint(context.settings.foreground, context.settings.opacity, self.erases)
        stroke = Stroke(context.document, brush, paint, cast(Target, context.settings.target))
        if straight is not None:
            stroke.add(*straight, event.pressure)
        stroke.add(event.x, event.y, event.pressure)
        self._stroke = stroke

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        self._follow(event, context)
        if self._stroke is not None:
            self._stroke.add(event.x, event.y, event.pressure)

    def release(self, event: PointerEvent, context: ToolContext) -> Change | None:
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return None
        stroke.end()
        self._end = (event.x, event.y)
        if stroke.outside:
            raise ChangeRefused("All of this stroke lies outside the selection, so it changed nothing; deselect first.")
        return stroke.change(self.label)

    def cancel(self) -> None:
        self._stroke = None

    def shown(self, document: Document) -> Document:
        return document if self._stroke is None else self._stroke.shown(document)

    def overlay(self, scale: float) -> Overlay:
        if self._at is None or self._radius * scale < 2:
            return Overlay(cursor="cross")
        return Overlay(circle=(*self._at, self._radius), cursor="none")

    def _follow(self, event: PointerEvent, context: ToolContext) -> None:
        self._at, self._radius = (event.x, event.y), context.settings.size / 2


def brush_of(settings: ToolSettings, curved: bool = True) -> Brush:
    """The brush that the settings describe; not curved: along straight pieces whatever they say."""
    return Brush(
        settings.size,
        settings.hardness,
        settings.spacing,
        settings.antialias,
        cast(Literal["none", "size", "opacity", "both"], settings.pressure),
        settings.smooth and curved,
    )
