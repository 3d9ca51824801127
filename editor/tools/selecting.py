"""What all tools that select share: the mode at the press, feather, and one change at the release."""

from __future__ import annotations

from typing import ClassVar, cast

from editor.core.changes import SetSelection
from editor.core.changes.change import Change
from editor.core.selection import How, combined, empty, everything, feathered
from editor.core.tiles import TileMap
from editor.tools.tool import IdleTool, Overlay, PointerEvent, ToolContext

DRAG = 3.0  # screen pixels that make a click a drag


class SelectingTool(IdleTool):
    """Subclasses give `selected`, and draw with `overlay`."""

    label: ClassVar[str] = "Select"
    options: ClassVar[tuple[str, ...]] = ("how", "feather", "antialias")

    def __init__(self) -> None:
        self._pressed: PointerEvent | None = None
        self._now: PointerEvent | None = None
        self._how: How = "replace"
        self._spent: frozenset[str] = frozenset()  # modifiers that chose the mode and are still held
        self._dragged = False

    @property
    def busy(self) -> bool:
        return self._pressed is not None

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        if event.button != "left":
            return
        self._pressed = self._now = event
        self._how = mode_of(event, context.settings.how)
        self._spent, self._dragged = event.modifiers & {"shift", "alt"}, False

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        if self._pressed is None:
            return
        self._now = event
        self._spent &= event.modifiers
        apart = max(abs(event.x - self._pressed.x), abs(event.y - self._pressed.y)) * event.scale
        self._dragged = self._dragged or apart >= DRAG

    def release(self, event: PointerEvent, context: ToolContext) -> Change | None:
        if self._pressed is None:
            return None
        self.move(event, context)
        change = self._finished(context)
        self.cancel()
        return change

    def cancel(self) -> None:
        self._pressed = self._now = None

    def selected(self, context: ToolContext) -> TileMap:
        """The shape that was drawn, on the page."""
        return TileMap(1)

    def overlay(self, scale: float) -> Overlay:
        return Overlay(cursor="cross")

    def _finished(self, context: ToolContext) -> Change | None:
        new = self.selected(context) if self._dragged else TileMap(1)
        if empty(new):
            return deselected(context) if self._how == "replace" else None
        return selecting(new, self._how, context, self.label)


def mode_of(event: PointerEvent, how: str) -> How:
    """Shift adds, Alt subtracts, both intersect; otherwise what the settings say."""
    shift, alt = "shift" in event.modifiers, "alt" in event.modifiers
    if shift and alt:
        return "intersect"
    return "add" if shift else "subtract" if alt else cast(How, how)


def selecting(new: TileMap, how: How, context: ToolContext, label: str) -> Change:
    """The change that combines a new shape, feathered as the settings say, with the selection."""
    document = context.document
    old = everything(document) if document.selection is None and how == "subtract" else document.selection
    result = combined(old, feathered(new, context.settings.feather, document.rect), how)
    return SetSelection(None, "Deselect") if empty(result) else SetSelection(result, label)


def deselected(context: ToolContext) -> Change | None:
    """None where there is no selection to take away."""
    return SetSelection(None, "Deselect") if context.document.selection is not None else None
