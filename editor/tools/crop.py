"""Choosing what of the page is kept."""

from __future__ import annotations

import math
from typing import ClassVar

from editor.core.changes import Crop
from editor.core.changes.change import Change
from editor.core.geometry import EMPTY, Rect
from editor.tools.tool import IdleTool, Overlay, PointerEvent, ToolContext

GRIP = 8.0  # screen pixels around a handle in which it is taken

_HANDLES = ((-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0))
_CURSORS = {(0, -1): "size_v", (0, 1): "size_v", (-1, 0): "size_h", (1, 0): "size_h"}


class CropTool(IdleTool):
    """A frame that is drawn, pulled by its handles and moved by its inside until Enter or a double click."""

    id: ClassVar[str] = "crop"
    title: ClassVar[str] = "Crop"
    icon: ClassVar[str] = "crop"
    key: ClassVar[str] = "C"
    help: ClassVar[str] = "Drag a frame around what to keep; Enter crops, Escape gives up"
    options: ClassVar[tuple[str, ...]] = ("ratio",)

    def __init__(self) -> None:
        self._frame = EMPTY
        self._before = EMPTY
        self._start: PointerEvent | None = None
        self._grip: tuple[int, int] | None = None  # the handle that is pulled; (0, 0) moves all; None draws anew
        self._double = False
        self._cursor = "cross"

    @property
    def busy(self) -> bool:
        return self._start is not None or not self._frame.empty

    @property
    def frame(self) -> Rect:
        """EMPTY while there is none."""
        return self._frame

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        if event.button != "left":
            return
        self._start, self._before = event, self._frame
        self._grip = self._grip_at(event)
        self._double = event.clicks == 2 and self._grip == (0, 0)

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        if self._start is None:
            self._cursor = self._cursor_at(event)
            return
        page = context.document.rect
        dx, dy = event.x - self._start.x, event.y - self._start.y
        if self._grip == (0, 0):
            self._frame = _moved_within(self._before, _nearest(dx), _nearest(dy), page)
        else:
            ratio = ratio_of(context.settings.ratio, page)
            self._frame = self._pulled(event, page, ratio)

    def release(self, event: PointerEvent, context: ToolContext) -> Change | None:
        if self._start is None:
            return None
        if not self._double:
            self.move(event, context)
        self._start = None
        return self.confirm(context) if self._double else None

    def cancel(self) -> None:
        self._frame, self._start, self._double, self._cursor = EMPTY, None, False, "cross"

    def confirm(self, context: ToolContext) -> Change | None:
        frame = self._frame & context.document.rect
        self.cancel()
        return Crop(frame) if not frame.empty and frame != context.document.rect else None

    def nudge(self, dx: int, dy: int, context: ToolContext) -> Change | None:
        if not self._frame.empty:
            self._frame = _moved_within(self._frame, dx, dy, context.document.rect)
        return None

    def overlay(self, scale: float) -> Overlay:
        if self._frame.empty:
            return Overlay(cursor="cross")
        handles = tuple(_handle(self._frame, grip) for grip in _HANDLES)
        return Overlay(frame=self._frame, shade_outside=True, cursor=self._cursor, handles=handles)

    def _pulled(self, event: PointerEvent, page: Rect, ratio: float | None) -> Rect:
        start = self._start or event
        if self._grip is None:
            x, y = _limited(start.x, page.x, page.right), _limited(start.y, page.y, page.bottom)
            toward = (1 if event.x >= start.x else -1, 1 if event.y >= start.y else -1)
            anchor = Rect(x, y, 0, 0)
        else:
            anchor, toward = self._before, self._grip
        x, width = _side(anchor.x, anchor.right, toward[0], event.x, page.x, page.right)
        y, height = _side(anchor.y, anchor.bottom, toward[1], event.y, page.y, page.bottom)
        free = Rect(x, y, width, height)
        return free if ratio is None else _with_ratio(free, toward, ratio, page)

    def _grip_at(self, event: PointerEvent) -> tuple[int, int] | None:
        if self._frame.empty:
            return None
        reach = GRIP / event.scale
        for grip in _HANDLES:
            x, y = _handle(self._frame, grip)
            if abs(event.x - x) <= reach and abs(event.y - y) <= reach:
                return grip
        return (0, 0) if self._frame.contains(event.x, event.y) else None

    def _cursor_at(self, event: PointerEvent) -> str:
        grip = self._grip_at(event)
        if grip is None or grip == (0, 0):
            return "cross" if grip is None else "move"
        return _CURSORS.get(grip) or ("size_f" if grip[0] == grip[1] else "size_b")


def ratio_of(text: str, page: Rect) -> float | None:
    """Width to height; None for any. text: "", "original" or "W:H"."""
    if not text:
        return None
    if text == "original":
        return page.width / max(1, page.height)
    width, height = (float(part) for part in text.split(":"))
    return width / height


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)


def _limited(value: float, low: int, high: int) -> int:
    return min(high, max(low, _nearest(value)))


def _handle(frame: Rect, grip: tuple[int, int]) -> tuple[float, float]:
    return frame.x + frame.width * (grip[0] + 1) / 2, frame.y + frame.height * (grip[1] + 1) / 2


def _side(low: int, high: int, toward: int, at: float, first: int, last: int) -> tuple[int, int]:
    """Start and length along one axis when the side that `toward` names is pulled to `at`; 0 pulls none."""
    if toward == 0:
        return low, high - low
    fixed, pulled = (low if toward > 0 else high), _limited(at, first, last)
    return min(fixed, pulled), abs(pulled - fixed)


def _with_ratio(frame: Rect, toward: tuple[int, int], ratio: float, page: Rect) -> Rect:
    """The largest frame of this ratio that is no wider or higher than what was pulled, or, pulled by the middle of a
    side, follows that side; on the page."""
    if toward[0] == 0 or toward[1] == 0:
        width = frame.width if toward[1] == 0 else frame.height * ratio
    else:
        width = max(frame.width, frame.height * ratio)
    left, top = toward[0] < 0, toward[1] < 0
    room_x = frame.right - page.x if left else page.right - frame.x
    room_y = frame.bottom - page.y if top else page.bottom - frame.y
    width = min(width, room_x, room_y * ratio)
    wide, high = _nearest(width), _nearest(width / ratio)
    return Rect(frame.right - wide if left else frame.x, frame.bottom - high if top else frame.y, wide, high)


def _moved_within(frame: Rect, dx: int, dy: int, page: Rect) -> Rect:
    x = min(max(frame.x + dx, page.x), page.right - frame.width)
    y = min(max(frame.y + dy, page.y), page.bottom - frame.height)
    return Rect(x, y, frame.width, frame.height)
