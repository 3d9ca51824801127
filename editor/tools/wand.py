"""Selecting by colour."""

from __future__ import annotations

from typing import ClassVar

from editor.core.changes.change import Change
from editor.tools.sampling import like
from editor.tools.selecting import SelectingTool, selecting
from editor.tools.tool import ToolContext


class WandTool(SelectingTool):
    id: ClassVar[str] = "wand"
    title: ClassVar[str] = "Magic wand"
    icon: ClassVar[str] = "wand"
    key: ClassVar[str] = "W"
    help: ClassVar[str] = "Click to select what has that colour; Shift adds, Alt subtracts"
    options: ClassVar[tuple[str, ...]] = ("how", "tolerance", "contiguous", "sample", "feather", "antialias")
    label: ClassVar[str] = "Select by colour"

    def _finished(self, context: ToolContext) -> Change | None:
        if self._pressed is None:
            return None
        found = like(self._pressed, context)
        return selecting(found, self._how, context, self.label) if found.tiles else None
