"""Filling what has the colour that was clicked."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from editor.core.changes.change import Change
from editor.core.document import Document
from editor.core.errors import ChangeRefused
from editor.core.stroke import paintable, painted
from editor.core.stroke_paint import Paint
from editor.core.tiles import TileMap
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
        if not _selected(cover, context.document):
            raise ChangeRefused("That place lies outside the selection, so it was not filled; deselect first.")
        paint = Paint(context.settings.foreground, context.settings.opacity)
        return painted(context.document, context.document.active, cover, paint, "Fill")

    def cancel(self) -> None:
        self._pressed = False

    def overlay(self, scale: float) -> Overlay:
        return Overlay(cursor="cross")


def _selected(cover: TileMap, document: Document) -> bool:
    """Whether any of `cover` is selected, as all is where there is no selection."""
    selection = document.selection
    if selection is None:
        return True
    both = cover.tiles.keys() & selection.tiles.keys()
    return any(bool(np.logical_and(cover.tiles[key].pixels, selection.tiles[key].pixels).any()) for key in both)
