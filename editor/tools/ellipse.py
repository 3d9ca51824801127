"""Selecting an ellipse."""

from __future__ import annotations

from typing import ClassVar

from editor.core.geometry import Rect
from editor.core.selection import ellipse, ellipse_points
from editor.core.tiles import TileMap
from editor.tools.rectangle import BoxTool
from editor.tools.tool import Polyline, ToolContext


class EllipseTool(BoxTool):
    id: ClassVar[str] = "ellipse"
    title: ClassVar[str] = "Ellipse selection"
    icon: ClassVar[str] = "circle-dashed"
    key: ClassVar[str] = "Shift+M"
    help: ClassVar[str] = "Drag to select an ellipse; Shift adds, Alt subtracts; a click selects nothing"
    label: ClassVar[str] = "Select ellipse"

    def selected(self, context: ToolContext) -> TileMap:
        size = (context.document.width, context.document.height)
        return ellipse(self.rect, size, context.settings.antialias)

    def line(self, rect: Rect) -> Polyline:
        return ellipse_points(rect)
