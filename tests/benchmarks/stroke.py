"""A 100 px soft stroke across 4000 x 3000 pixels and ten layers, pointer move by pointer move.

python -m tests.benchmarks.stroke
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from time import perf_counter

import numpy as np

from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.geometry import Rect
from editor.core.layer import RasterLayer
from editor.core.selection import bounds, ellipse, feathered, grown, inverted, outline, polygon, wand
from editor.core.stroke import Brush, Stroke
from editor.core.stroke_paint import Paint
from editor.core.tiles import TileMap
from editor.core.touched import touched

MOVES = 400
BLENDS = ("normal", "multiply", "screen", "overlay", "normal")


def document(width: int = 4000, height: int = 3000, layers: int = 10) -> Document:
    """Smooth noise, every layer half transparent but the lowest."""
    rng = np.random.default_rng(0)
    planes: list[TileMap] = []
    for number in range(layers):
        small = rng.integers(0, 256, (height // 100 + 1, width // 100 + 1, 4), np.uint8)
        pixels = small.repeat(100, 0).repeat(100, 1)[:height, :width].copy()
        pixels[..., 3] = 255 if number == 0 else 128
        planes.append(TileMap.of(pixels))
    stack = tuple(
        RasterLayer(name=f"Layer {n}", plane=plane, blend=BLENDS[n % 5] if n else "normal")
        for n, plane in enumerate(planes)
    )
    return Document(width, height, stack, active=stack[layers // 2].id)


def path(width: int, height: int) -> list[tuple[float, float]]:
    """A wave from one side to the other: about 12 px from one position to the next, as of a quick hand."""
    parts = (index / (MOVES - 1) for index in range(MOVES))
    return [(100 + (width - 200) * p, height / 2 + height / 3 * math.sin(4 * math.pi * p)) for p in parts]


def stroke(start: Document) -> tuple[list[float], list[float]]:
    """Seconds of each move: (stroke and shown document alone, with compositing what is dirty)."""
    running = Stroke(start, Brush(size=100, hardness=0.0, smooth=True), Paint((200, 30, 60, 255), 0.8))
    alone: list[float] = []
    whole: list[float] = []
    before = start
    last: tuple[float, float] | None = None
    for x, y in path(start.width, start.height):
        began = perf_counter()
        running.add(x, y)
        shown = running.shown(start)
        alone.append(perf_counter() - began)
        old = last or (x, y)
        left, right = sorted((x, old[0]))
        top, bottom = sorted((y, old[1]))
        near = Rect.between(int(left) - 65, int(top) - 65, int(right) + 65, int(bottom) + 65) & start.rect
        for rect in touched(before, shown):
            if not (rect & near).empty:
                composite(shown, rect & near)
        whole.append(perf_counter() - began)
        before, last = shown, (x, y)
    return alone, whole


def row(name: str, seconds: list[float]) -> str:
    middle, most, worst = (1000 * float(np.percentile(seconds, q)) for q in (50, 95, 100))
    return f"| {name} | {middle:.2f} ms | {most:.2f} ms | {worst:.2f} ms |"


def timed(repeat: int, work: Callable[[], object]) -> list[float]:
    seconds: list[float] = []
    for _ in range(repeat):
        began = perf_counter()
        work()
        seconds.append(perf_counter() - began)
    return seconds


def main() -> None:
    start = document()
    alone, whole = stroke(start)
    print(f"{platform.node()}, {platform.processor() or platform.machine()}\n")
    print("| | median | 95th percentile | worst |\n|---|---|---|---|")
    print(row("100 px soft stroke over 12 MP, per move", alone))
    print(row("the same with its dirty part composited through 10 layers", whole))
    page = Rect(0, 0, 8660, 5773)
    large = Document(page.width, page.height)
    wide = ellipse(page)
    hand = [
        (4330 + r * math.cos(a), 2886 + r * math.sin(a))
        for a, r in zip(np.linspace(0, 6.2, 900), 2000 + 500 * np.random.default_rng(1).random(900), strict=True)
    ]
    lasso = polygon(hand)
    print(row("ellipse of 50 MP", timed(5, lambda: ellipse(page))))
    print(row("lasso of 900 points on 50 MP", timed(5, lambda: polygon(hand, (page.width, page.height)))))
    print(row("invert, 50 MP", timed(5, lambda: inverted(wide, large))))
    print(row("feather 20 px, 50 MP", timed(3, lambda: feathered(wide, 20, page))))
    print(row("grow 20 px, 50 MP", timed(3, lambda: grown(wide, 20, page))))
    print(row("bounds, 50 MP", timed(5, lambda: bounds(wide))))
    print(row("outline, 50 MP in a window", timed(5, lambda: outline(wide, page, 0.2))))
    print(row("outline of the lasso, at its own size", timed(5, lambda: outline(lasso, page, 1.0))))
    pixels = np.zeros((3000, 4000, 4), np.uint8)
    print(row("wand over all of 12 MP", timed(2, lambda: wand(pixels, 5, 5, 10, True))))


if __name__ == "__main__":
    main()
