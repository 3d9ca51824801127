"""Moving a layer or a group on the page."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

from editor.core.changes import MoveBy
from editor.core.changes.change import Change
from editor.core.changes.checks import unlocked
from editor.core.document import Document, find, with_layer
from editor.tools.tool import IdleTool, Overlay, PointerEvent, ToolContext


class MoveTool(IdleTool):
    id: ClassVar[str] = "move"
    title: ClassVar[str] = "Move"
    icon: ClassVar[str] = "move"
    key: ClassVar[str] = "V"
    help: ClassVar[str] = "Drag to move the layer; Shift keeps to one direction; arrow keys move it by one pixel"

    def __init__(self) -> None:
        self._id = ""
        self._start = (0.0, 0.0)
        self._by = (0, 0)

    @property
    def busy(self) -> bool:
        return bool(self._id)

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        if event.button != "left":
            return
        layer = unlocked(context.document, context.document.active)
        self._id, self._start, self._by = layer.id, (event.x, event.y), (0, 0)

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        if not self._id:
            return
        dx, dy = (math.floor(now - start + 0.5) for now, start in zip((event.x, event.y), self._start, strict=True))
        if "shift" in event.modifiers:
            dx, dy = (dx, 0) if abs(dx) >= abs(dy) else (0, dy)
        self._by = (dx, dy)

    def release(self, event: PointerEvent, context: ToolContext) -> Change | None:
        self.move(event, context)
        id, by = self._id, self._by
        self.cancel()
        return MoveBy(id, *by) if id and any(by) else None

    def cancel(self) -> None:
        self._id, self._by = "", (0, 0)

    def nudge(self, dx: int, dy: int, context: ToolContext) -> Change | None:
        layer = unlocked(context.document, context.document.active)
        return MoveBy(layer.id, dx, dy, merging=True) if dx or dy else None

    def shown(self, document: Document) -> Document:
        dx, dy = self._by
        if not (dx or dy) or find(document, self._id) is None:
            return document
        return with_layer(document, self._id, lambda layer: replace(layer, x=layer.x + dx, y=layer.y + dy))

    def overlay(self, scale: float) -> Overlay:
        return Overlay(cursor="move")
