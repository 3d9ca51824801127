"""Panning; the canvas does it."""

from __future__ import annotations

from typing import ClassVar

from editor.tools.tool import IdleTool, Overlay


class HandTool(IdleTool):
    id: ClassVar[str] = "hand"
    title: ClassVar[str] = "Hand"
    icon: ClassVar[str] = "hand"
    key: ClassVar[str] = "H"
    help: ClassVar[str] = "Drag to move the view; hold Space for this with any tool"
    navigates: ClassVar[bool] = True

    def overlay(self, scale: float) -> Overlay:
        return Overlay(cursor="hand")
