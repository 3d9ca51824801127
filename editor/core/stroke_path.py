"""The path of a stroke: positions of the pointer in, evenly spaced places out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PIECE = 3.0  # pixels: curves are walked in straight pieces of about this length


@dataclass(frozen=True)
class Place:
    """x, y in pixels; pressure in [0, 1]."""

    x: float
    y: float
    pressure: float = 1.0


class Path:
    """Straight pieces, or a Catmull-Rom curve (centripetal, so that it has no loops) through the positions.

    A curve is one position late, because its shape depends on the next one; `end` gives the rest. spacing: from a
    place to the next in pixels, by the pressure there. Where straight pieces are cut does not matter to the places.
    """

    def __init__(self, spacing: Callable[[float], float], smooth: bool) -> None:
        self._spacing, self._smooth = spacing, smooth
        self._points: list[Place] = []
        self._last: Place | None = None
        self._left = 0.0  # pixels to go to the next place

    def add(self, point: Place) -> list[Place]:
        """The places that are certain now."""
        if not self._points:
            self._points = [point]
            self._last, self._left = point, self._spacing(point.pressure)
            return [point]
        if math.dist(_xy(self._points[-1]), _xy(point)) < 1e-6:
            return []
        self._points = [*self._points[-3:], point]
        if not self._smooth:
            return list(self._walk(point))
        return self._curve(self._points) if len(self._points) > 2 else []

    def end(self) -> list[Place]:
        """The places up to the last position."""
        if not self._smooth or len(self._points) < 2:
            return []
        last, before = self._points[-1], self._points[-2]
        beyond = Place(2 * last.x - before.x, 2 * last.y - before.y, last.pressure)
        return self._curve([*self._points[-3:], beyond])

    def _curve(self, points: list[Place]) -> list[Place]:
        """From the last but two to the last but one."""
        if len(points) < 4:
            first, second = points[0], points[1]
            points = [Place(2 * first.x - second.x, 2 * first.y - second.y, first.pressure), *points]
        one, two, three, four = points[-4:]
        pieces = min(64, max(1, math.ceil(math.dist(_xy(two), _xy(three)) / PIECE)))
        places: list[Place] = []
        for index in range(1, pieces + 1):
            places.extend(self._walk(_between(one, two, three, four, index / pieces)))
        return places

    def _walk(self, to: Place) -> Iterator[Place]:
        start = self._last or to
        length, gone = math.dist(_xy(start), _xy(to)), 0.0
        # the tolerance lets a place that falls on a position count once, whichever way the sum was rounded
        while gone + self._left <= length + 1e-9 and length > 0:
            gone += self._left
            place = _mixed(start, to, min(1.0, gone / length))
            yield place
            self._left = self._spacing(place.pressure)
        self._left -= max(0.0, length - gone)
        self._last = to


def _xy(place: Place) -> tuple[float, float]:
    return place.x, place.y


def _mixed(one: Place, two: Place, part: float) -> Place:
    rest = 1 - part
    return Place(one.x * rest + two.x * part, one.y * rest + two.y * part, one.pressure * rest + two.pressure * part)


def _between(one: Place, two: Place, three: Place, four: Place, part: float) -> Place:
    """Barry and Goldman's pyramid, https://en.wikipedia.org/wiki/Centripetal_Catmull%E2%80%93Rom_spline."""
    knots = [0.0]
    for start, end in ((one, two), (two, three), (three, four)):
        knots.append(knots[-1] + max(1e-3, math.sqrt(math.dist(_xy(start), _xy(end)))))
    at = knots[1] + (knots[2] - knots[1]) * part
    level = [one, two, three, four]
    for width in (1, 2):
        level = [
            _mixed(level[i], level[i + 1], (at - knots[i]) / (knots[i + width] - knots[i]))
            for i in range(len(level) - 1)
        ]
    x_y = _mixed(level[0], level[1], part)
    return Place(x_y.x, x_y.y, two.pressure * (1 - part) + three.pressure * part)
