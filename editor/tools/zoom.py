"""Zooming; the canvas does it."""

from __future__ import annotations

from typing import ClassVar

from editor.tools.tool import IdleTool, Overlay


class ZoomTool(IdleTool):
    id: ClassVar[str] = "zoom"
    title: ClassVar[str] = "Zoom"
    icon: ClassVar[str] = "zoom-in"
    key: ClassVar[str] = "Z"
    help: ClassVar[str] = "Click to zoom in, Alt and click to zoom out; the wheel zooms with any tool"
    navigates: ClassVar[bool] = True

    def overlay(self, scale: float) -> Overlay:
        return Overlay(cursor="zoom")
