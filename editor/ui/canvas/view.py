"""Where a picture lies on the screen: a scale and the document point in the middle. All screen lengths are device
pixels, so 100 % is one document pixel on one device pixel, whatever the screen's ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass

from editor.core.geometry import EMPTY, Rect

Size = tuple[int, int]
Point = tuple[float, float]

SMALLEST, LARGEST = 1 / 64, 64.0
NOTCH = 1.25
"""What one notch of the wheel multiplies the scale by."""
LEVELS = (
    *(1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2, 2 / 3),
    *(1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0),
)
KEPT = 48
"""So many pixels of the page stay in sight however far it is panned."""


@dataclass(frozen=True)
class View:
    """scale: device pixels per document pixel, SMALLEST to LARGEST. (x, y): the document point in the middle."""

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def offset(self, size: Size) -> tuple[int, int]:
        """Where the document's (0, 0) lies in a viewport of this size: always a whole pixel, so nothing is smeared."""
        return math.floor(size[0] / 2 - self.x * self.scale + 0.5), math.floor(size[1] / 2 - self.y * self.scale + 0.5)

    def to_screen(self, x: float, y: float, size: Size) -> Point:
        left, top = self.offset(size)
        return x * self.scale + left, y * self.scale + top

    def to_document(self, x: float, y: float, size: Size) -> Point:
        left, top = self.offset(size)
        return (x - left) / self.scale, (y - top) / self.scale

    def page(self, width: int, height: int, size: Size) -> Rect:
        """The whole page on the screen, at least one pixel each way."""
        left, top = self.offset(size)
        return Rect(left, top, max(1, round(width * self.scale)), max(1, round(height * self.scale)))

    def rect_to_screen(self, rect: Rect, size: Size) -> Rect:
        """All screen pixels that show any part of a document rectangle, and one beyond for smooth scaling."""
        if rect.empty:
            return EMPTY
        left, top = self.to_screen(rect.x, rect.y, size)
        right, bottom = self.to_screen(rect.right, rect.bottom, size)
        reach = 1 + math.ceil(self.scale) if self.scale < 2 else 1
        return Rect.between(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)).grown(reach)

    def rect_to_document(self, rect: Rect, size: Size) -> Rect:
        """All document pixels of which any part shows in a screen rectangle; not clipped to a page."""
        left, top = self.to_document(rect.x, rect.y, size)
        right, bottom = self.to_document(rect.right, rect.bottom, size)
        return Rect.between(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))

    def zoomed(self, scale: float, anchor: Point, size: Size) -> View:
        """At another scale, with the document point under `anchor` (device pixels) left where it is."""
        wanted = clamped(scale)
        x, y = self.to_document(*anchor, size)
        return View(wanted, x - (anchor[0] - size[0] / 2) / wanted, y - (anchor[1] - size[1] / 2) / wanted)

    def panned(self, dx: float, dy: float) -> View:
        """The picture moved by so many device pixels."""
        return View(self.scale, self.x - dx / self.scale, self.y - dy / self.scale)

    def within(self, width: int, height: int, size: Size) -> View:
        """Moved just so far that the page does not leave the viewport."""
        reach_x, reach_y = (max(0.0, side / 2 - KEPT) / self.scale for side in size)
        return View(
            self.scale, min(max(self.x, -reach_x), width + reach_x), min(max(self.y, -reach_y), height + reach_y)
        )


def clamped(scale: float) -> float:
    return min(LARGEST, max(SMALLEST, scale))


def fitted(width: int, height: int, size: Size, margin: int, largest: float = LARGEST) -> View:
    """The whole page in the middle, with `margin` device pixels around it where there is room."""
    across, down = (max(1, side - 2 * margin) for side in size)
    scale = min(across / max(1, width), down / max(1, height), largest)
    return View(clamped(scale), width / 2, height / 2)


def next_level(scale: float, larger: bool) -> float:
    """The next of LEVELS above or below a scale."""
    if larger:
        return next((level for level in LEVELS if level > scale * 1.001), LARGEST)
    return next((level for level in reversed(LEVELS) if level < scale * 0.999), SMALLEST)
