"""Selecting a rectangle."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from editor.core.geometry import EMPTY, Rect
from editor.core.selection import rectangle
from editor.core.tiles import TileMap
from editor.tools.selecting import SelectingTool
from editor.tools.tool import Overlay, Polyline, ToolContext


class BoxTool(SelectingTool):
    """A tool that drags out a rectangle. Shift pressed while dragging makes it square, Alt grows it from its middle."""

    @property
    def rect(self) -> Rect:
        """What is dragged out now, in whole pixels."""
        if self._pressed is None or self._now is None:
            return EMPTY
        x, y = _nearest(self._pressed.x), _nearest(self._pressed.y)
        width, height = _nearest(self._now.x) - x, _nearest(self._now.y) - y
        held = self._now.modifiers - self._spent
        if "shift" in held:
            side = max(abs(width), abs(height))
            width, height = (side if width >= 0 else -side), (side if height >= 0 else -side)
        if "alt" in held:
            x, y, width, height = x - abs(width), y - abs(height), 2 * abs(width), 2 * abs(height)
        return Rect(min(x, x + width), min(y, y + height), abs(width), abs(height))

    def overlay(self, scale: float) -> Overlay:
        return Overlay(lines=() if self.rect.empty else (self.line(self.rect),), cursor="cross")

    def line(self, rect: Rect) -> Polyline:
        """What is drawn while dragging."""
        corners = [(rect.x, rect.y), (rect.right, rect.y), (rect.right, rect.bottom), (rect.x, rect.bottom)]
        return np.array([*corners, corners[0]], np.float64)


class RectangleTool(BoxTool):
    id: ClassVar[str] = "rectangle"
    title: ClassVar[str] = "Rectangle selection"
    icon: ClassVar[str] = "square-dashed"
    key: ClassVar[str] = "M"
    help: ClassVar[str] = "Drag to select a rectangle; Shift adds, Alt subtracts; a click selects nothing"
    label: ClassVar[str] = "Select rectangle"
    options: ClassVar[tuple[str, ...]] = ("how", "feather")

    def selected(self, context: ToolContext) -> TileMap:
        return rectangle(self.rect, (context.document.width, context.document.height))


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)
