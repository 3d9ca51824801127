"""What a tool is: it takes pointer events in document pixels and gives changes; it never touches the document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from editor.core.changes.change import Change
from editor.core.document import Document
from editor.core.geometry import Rect
from editor.tools.settings import ToolSettings

Polyline = NDArray[np.float64]
"""(N, 2): x, y in document pixels. Closed where the last point equals the first."""


@dataclass(frozen=True)
class PointerEvent:
    """x, y: document pixels; the centre of the first pixel is (0.5, 0.5). pressure in [0, 1], 1 for a mouse.

    button: "", "left", "middle" or "right"; while dragging it is the one held. modifiers: "shift", "ctrl", "alt".
    clicks: 2 for the second press of a double click. scale: screen pixels per document pixel.
    """

    x: float
    y: float
    pressure: float = 1.0
    button: str = "left"
    modifiers: frozenset[str] = frozenset()
    clicks: int = 1
    scale: float = 1.0


@dataclass(frozen=True)
class ToolContext:
    """document: without what the tool has in progress. A tool may write the settings (a picked colour)."""

    document: Document
    settings: ToolSettings


@dataclass(frozen=True, eq=False)
class Overlay:
    """What to draw over the canvas, in document pixels.

    lines: in two contrasting tones. frame: a rectangle, its outside shaded if shade_outside, with handles (small
    squares of a fixed size on the screen) at `handles`. circle: (x, y, radius) of the brush.
    cursor: "arrow", "cross", "none", "move", "hand", "zoom", "pick", or to resize "size_h" (left-right), "size_v",
    "size_f" (top left to bottom right) and "size_b".
    """

    lines: tuple[Polyline, ...] = ()
    frame: Rect | None = None
    shade_outside: bool = False
    circle: tuple[float, float, float] | None = None
    cursor: str = "arrow"
    handles: tuple[tuple[float, float], ...] = ()


class Tool(Protocol):
    """id: the action is "tool.<id>". icon: a name in resources/icons. key: its default shortcut, as Qt writes it.

    help: one line for the status bar. options: fields of ToolSettings shown in the row of options. navigates: the
    canvas itself pans or zooms. busy: between a press and the release, or with a frame that waits for Enter.
    press, release and confirm raise ChangeRefused where the document does not allow it; the tool is idle then.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str]
    key: ClassVar[str]
    help: ClassVar[str]
    options: ClassVar[tuple[str, ...]]
    navigates: ClassVar[bool]

    @property
    def busy(self) -> bool: ...

    def press(self, event: PointerEvent, context: ToolContext) -> None: ...

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        """Also while nothing is pressed: `event.button` is "" then."""
        ...

    def release(self, event: PointerEvent, context: ToolContext) -> Change | None: ...

    def cancel(self) -> None:
        """Escape, or the document was taken away: as if the press had never been."""
        ...

    def confirm(self, context: ToolContext) -> Change | None:
        """Enter or a double click, where a tool waits for it (crop, lasso)."""
        ...

    def nudge(self, dx: int, dy: int, context: ToolContext) -> Change | None:
        """An arrow key: move what the tool moves by whole pixels; None where it moves nothing."""
        ...

    def shown(self, document: Document) -> Document:
        """The document with what is in progress; the very same object while nothing is."""
        ...

    def overlay(self, scale: float) -> Overlay:
        """scale: screen pixels per document pixel."""
        ...


class IdleTool:
    """What a tool does where it has nothing to do; the base of all tools."""

    navigates: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()

    @property
    def busy(self) -> bool:
        return False

    def press(self, event: PointerEvent, context: ToolContext) -> None:
        return

    def move(self, event: PointerEvent, context: ToolContext) -> None:
        return

    def release(self, event: PointerEvent, context: ToolContext) -> Change | None:
        return None

    def cancel(self) -> None:
        return

    def confirm(self, context: ToolContext) -> Change | None:
        return None

    def nudge(self, dx: int, dy: int, context: ToolContext) -> Change | None:
        return None

    def shown(self, document: Document) -> Document:
        return document

    def overlay(self, scale: float) -> Overlay:
        return Overlay()
