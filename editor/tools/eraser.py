"""Taking opacity away from a layer."""

from __future__ import annotations

from typing import ClassVar

from editor.tools.brush import BrushTool


class EraserTool(BrushTool):
    id: ClassVar[str] = "eraser"
    title: ClassVar[str] = "Eraser"
    icon: ClassVar[str] = "eraser"
    key: ClassVar[str] = "E"
    help: ClassVar[str] = "Drag to erase; Shift and click erases along a straight line"
    label: ClassVar[str] = "Erase"
    erases: ClassVar[bool] = True
