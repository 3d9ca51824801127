"""Times the history: undo of a stroke on 12 MP, what a stroke step holds, packing of photo tiles, the crash record.

    python -m tests.benchmarks.history

Prints a Markdown table with the machine's name.
"""

from __future__ import annotations

import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from editor.core.changes import PaintTiles
from editor.core.document import Document
from editor.core.history import History
from editor.core.history_codec import decode, encode
from editor.core.journal import Journal
from editor.core.layer import RasterLayer
from editor.core.tiles import SIDE, Samples, Tile, TileMap
from training.starter.photos import photo

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png")


def grainy(width: int, height: int) -> Samples:
    """RGBA of the astronaut with grain, so that it compresses as photos do."""
    pixels = cv2.resize(photo("astronaut.png", 512), (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    pixels += np.random.default_rng(0).normal(0, 4, pixels.shape).astype(np.int16)
    return np.dstack([np.clip(pixels, 0, 255).astype(np.uint8), np.full((height, width), 255, np.uint8)])


def stroke(plane: TileMap, width: int = 100) -> PaintTiles:
    """A line across the page, the tiles that it touches."""
    changed: dict[tuple[int, int], Tile | None] = {}
    for key, tile in plane.tiles.items():
        pixels = tile.pixels.copy()
        left, top = key[0] * SIDE, key[1] * SIDE
        cv2.line(pixels, (100 - left, 200 - top), (3800 - left, 2700 - top), (200, 30, 40, 255), width)
        if not np.array_equal(pixels, tile.pixels):
            changed[key] = Tile(pixels)
    return PaintTiles("photo", changed, "Stroke")


def milliseconds(work: Callable[[], object], runs: int = 9) -> float:
    times: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def steps() -> Iterator[tuple[str, str, str]]:
    plane = TileMap.of(grainy(4000, 3000))
    layers = tuple(RasterLayer(name=str(n), id=f"layer {n}", plane=TileMap(4, plane.tiles)) for n in range(9))
    document = Document(4000, 3000, (*layers, RasterLayer(name="Photo", id="photo", plane=plane)), "photo")
    history, change = History(document), stroke(plane)
    yield "do a 100 px stroke, 12 MP x 10", "< 4 ms", f"{milliseconds(lambda: history.do(change), 1):.2f} ms"
    yield "undo it", "< 10 ms", f"{milliseconds(lambda: (history.undo(), history.redo())) / 2:.2f} ms"
    yield "a stroke step holds", "1 to 10 MB", f"{history.current.bytes / 1e6:.1f} MB, {len(change.tiles)} tiles"
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        first = milliseconds(lambda: journal.record(history, None, "t"), 1)
        history.do(stroke(plane, 60))
        yield "first record, 12 MP", "", f"{first:.0f} ms"
        yield "record after a stroke", "", f"{milliseconds(lambda: journal.record(history, None, 't'), 1):.0f} ms"
        journal.discard()
    history.close()
    yield from tight(document, plane)


def tight(document: Document, plane: TileMap) -> Iterator[tuple[str, str, str]]:
    """With a budget that holds the document and one stroke."""
    changes = [stroke(plane, width) for width in range(60, 140, 8)]
    history = History(document, budget=60_000_000)
    times = [milliseconds(lambda change=change: history.do(change), 1) for change in changes]
    history.settle()
    total = sum(step.bytes for step in history.steps())
    yield "do, over the budget (longest of 10)", "< 4 ms", f"{max(times):.2f} ms"
    used, spilled = history.bytes_used / 1e6, history.spilled_bytes / 1e6
    yield "10 strokes within 60 MB", "", f"{total / 1e6:.0f} MB in {used:.0f} MB and {spilled:.0f} MB on disk"
    yield "go back to the first", "", f"{milliseconds(lambda: history.go(0), 1):.2f} ms"
    history.close()


def packing() -> Iterator[tuple[str, str, str]]:
    tiles: list[Samples] = []
    for name in PHOTOS:
        pixels = photo(name, 768)
        for top in range(0, pixels.shape[0] - SIDE + 1, SIDE):
            for left in range(0, pixels.shape[1] - SIDE + 1, SIDE):
                tile = pixels[top : top + SIDE, left : left + SIDE]
                tiles.append(np.dstack([tile, np.full((SIDE, SIDE), 255, np.uint8)]))
    packed = [encode(tile) for tile in tiles]
    ratio = sum(tile.nbytes for tile in tiles) / sum(map(len, packed))
    encoding = milliseconds(lambda: [encode(tile) for tile in tiles], 3) / len(tiles)
    decoding = milliseconds(lambda: [decode(data) for data in packed], 3) / len(tiles)
    yield "packing photo tiles", "2.3x", f"{ratio:.2f}x, {encoding:.2f} ms a tile, back {decoding:.2f} ms"
    painted = tiles[0].copy()
    cv2.line(painted, (0, 60), (255, 200), (200, 30, 40, 255), 60)
    yield "a tile against the one before a stroke", "", f"{painted.nbytes / len(encode(painted, tiles[0])):.0f}x"


def main() -> None:
    print(
        f"History on {platform.node()}, {platform.processor() or platform.machine()}, Python {sys.version.split()[0]}"
    )
    print("\n| what | asked | measured |\n|---|---|---|")
    for row in (*steps(), *packing()):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
