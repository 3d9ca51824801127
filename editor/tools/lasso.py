"""Selecting what a line drawn by hand encloses."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from editor.core.changes.change import Change
from editor.core.selection import polygon
from editor.core.tiles import TileMap
from editor.tools.selecting import SelectingTool
from editor.tools.tool import Overlay, PointerEvent, ToolContext


class LassoTool(SelectingTool):
    id: ClassVar[str] = "lasso"
    title: ClassVar[str] = "Lasso"
    icon: ClassVar[str] = "lasso"
    key: ClassVar[str] = "L"
    help: ClassVar[str] = "Draw around what you want to select; Shift adds, Alt subtracts"
    label: ClassVar[str] = "Lasso"

    def __init__(self) -> None:
        super().__init__()
        self._points: list[tuple[float, float]] = []

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        super().press(event, context)
        if event.button == "left":
            self._points = [(event.x, event.y)]

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        super().move(event, context)
        if self.busy and self._points[-1] != (event.x, event.y):
            self._points.append((event.x, event.y))

    def confirm(self, context: ToolContext) -> Change | None:
        """Closes the line where it is, the button still held."""
        if not self.busy:
            return None
        change = self._finished(context)
        self.cancel()
        return change

    def cancel(self) -> None:
        super().cancel()
        self._points = []

    def selected(self, context: ToolContext) -> TileMap:
        size = (context.document.width, context.document.height)
        return polygon(self._points, size, context.settings.antialias)

    def overlay(self, scale: float) -> Overlay:
        drawn = len(self._points) > 1
        return Overlay(lines=(np.array(self._points, np.float64),) if drawn else (), cursor="cross")
