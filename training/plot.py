"""A plot of points and lines with axes, ticks, labels and a legend, as a PNG. Without PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from training.drawing import FAINT, RULE, Page, Style, shortened, width_of, wrapped

WIDTH, HEIGHT, SCALE = 760, 520, 2
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 28, 84, 64
_COLOURS = ("#56b4e9", "#e69f00", "#2fc08f", "#cc79a7", "#f0e442")
"""Told apart by people who see few colours (Okabe and Ito 2008); the marks differ too."""
_CORNERS = (0, 4, 3, 5, 6)
_TITLE, _TEXT, _SMALL = Style(18), Style(14), Style(12, FAINT)


@dataclass(frozen=True)
class Series:
    """points: (x, y). joined: a line through them. labels: words beside points, where there are any."""

    name: str
    points: tuple[tuple[float, float], ...]
    joined: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plot:
    """note: small words below, such as the protocol. diagonal: what a line where x equals y stands for, or ""."""

    title: str
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    note: str = ""
    diagonal: str = ""


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` between the units `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies, in units."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def draw(plot: Plot) -> bytes:
    """The plot as a PNG, `SCALE` pixels a unit."""
    notes = wrapped(plot.note, _SMALL, WIDTH - 2 * _RIGHT)
    page = Page(WIDTH, HEIGHT + 16 * len(notes), SCALE)
    x_axis, y_axis = _axes(plot)
    page.text(_LEFT, 34, shortened(plot.title, _TITLE, WIDTH - _LEFT - _RIGHT), _TITLE)
    _legend(page, plot)
    _grid(page, plot, x_axis, y_axis)
    if plot.diagonal:
        low, high = max(x_axis.low, y_axis.low), min(x_axis.high, y_axis.high)
        page.line([(x_axis.at(value), y_axis.at(value)) for value in (low, high)], FAINT, 1.5, dashed=True)
    for index, series in enumerate(plot.series):
        _series(page, series, index, x_axis, y_axis)
    for line, text in enumerate(notes):
        page.text(_RIGHT, HEIGHT + 16 * line, text, _SMALL)
    return page.png()


def ticks(low: float, high: float, most: int = 8) -> tuple[float, ...]:
    """Round values within [low, high], at least 2 and at most `most`, `low` below `high`."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 2.5, 5, 10, 20):
        step = power * factor
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return tuple(round(index * step, 12) for index in range(first, last + 1))
    raise ValueError(f"no ticks from {low} to {high}")


def _axes(plot: Plot) -> tuple[Axis, Axis]:
    points = [point for series in plot.series for point in series.points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if plot.diagonal:  # one range for both, so that the line is the diagonal
        xs = ys = xs + ys
    return Axis(*_range(xs), _LEFT, WIDTH - _RIGHT), Axis(*_range(ys), HEIGHT - _BOTTOM, _TOP)


def _range(values: list[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    spare = 0.06 * (high - low) or max(0.05 * abs(high), 0.01)
    return low - spare, high + spare


def _grid(page: Page, plot: Plot, x_axis: Axis, y_axis: Axis) -> None:
    bottom, left = y_axis.start, x_axis.start
    for value, text in _named(ticks(x_axis.low, x_axis.high)):
        page.line([(x_axis.at(value), bottom), (x_axis.at(value), y_axis.end)], RULE)
        page.text(x_axis.at(value), bottom + 18, text, _SMALL, "centre")
    for value, text in _named(ticks(y_axis.low, y_axis.high, 7)):
        page.line([(left, y_axis.at(value)), (x_axis.end, y_axis.at(value))], RULE)
        page.text(left - 8, y_axis.at(value) + 4, text, _SMALL, "right")
    page.line([(left, y_axis.end), (left, bottom), (x_axis.end, bottom)], FAINT, 1.5)
    page.text((left + x_axis.end) / 2, bottom + 42, plot.x_title, _TEXT, "centre")
    page.upright(22, (bottom + y_axis.end) / 2, plot.y_title, _TEXT)


def _named(values: tuple[float, ...]) -> list[tuple[float, str]]:
    """With as many decimals as the steps need."""
    step = min((b - a for a, b in pairwise(values)), default=1.0)
    digits = next((n for n in range(6) if abs(step * 10**n - round(step * 10**n)) < 1e-6), 6)
    return [(value, f"{value + 0.0:.{digits}f}") for value in values]


def _series(page: Page, series: Series, index: int, x_axis: Axis, y_axis: Axis) -> None:
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in series.points]
    if series.joined:
        page.line(places, _colour(index), 2)
    for x, y in places:
        page.mark(x, y, _colour(index), _corners(index))
    for (x, y), label in zip(places, series.labels, strict=False):
        right = x + 10 + width_of(label, _SMALL) > x_axis.end
        page.text(x - 10 if right else x + 10, y - 7, label, _SMALL, "right" if right else "left")


def _legend(page: Page, plot: Plot) -> None:
    x, y = float(_LEFT), 62.0
    for index, series in enumerate(plot.series):
        if series.joined:
            page.line([(x, y - 4), (x + 22, y - 4)], _colour(index), 2)
        page.mark(x + 11, y - 4, _colour(index), _corners(index))
        page.text(x + 30, y, series.name, _TEXT)
        x += 30 + width_of(series.name, _TEXT) + 26
    if plot.diagonal:
        page.line([(x, y - 4), (x + 22, y - 4)], FAINT, 1.5, dashed=True)
        page.text(x + 30, y, plot.diagonal, _TEXT)


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _corners(index: int) -> int:
    return _CORNERS[index % len(_CORNERS)]
