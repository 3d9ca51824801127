"""Times the canvas: a full repaint, the frames of a stroke and its undo, on 12 megapixels in 10 layers.

    python -m tests.benchmarks.canvas

Prints a Markdown table with the machine's name. Runs without a screen. A frame lasts from the pointer's move to the
repainted pixels: the tool's dabs, the composite of what they touched, the mips, the drawing.
"""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from editor.core.changes.change import Change
from editor.core.document import Document
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap
from editor.tools.brush import BrushTool
from editor.ui.canvas.canvas import Canvas

WIDTH, HEIGHT, LAYERS, POINTS = 4000, 3000, 10, 160
BLENDS = ("normal", "multiply", "normal", "screen", "normal", "overlay", "normal", "soft-light", "normal", "normal")


def document() -> Document:
    """One opaque layer, nine translucent ones in several modes, the last one to paint on."""
    rng = np.random.default_rng(0)
    layers: list[RasterLayer] = []
    for index in range(LAYERS):
        small = rng.integers(0, 256, (HEIGHT // 20, WIDTH // 20, 4), np.uint8)
        pixels = np.repeat(np.repeat(small, 20, axis=0), 20, axis=1)
        if index == 0:
            pixels[..., 3] = 255
        plane = TileMap.of(pixels)
        layers.append(
            RasterLayer(name=f"{index}", id=f"{index}", plane=plane, blend=BLENDS[index], opacity=0.8 if index else 1.0)
        )
    return Document(WIDTH, HEIGHT, tuple(layers), active=f"{LAYERS - 1}")


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


class Bench:
    """A canvas that takes the changes of its tool, as the window does."""

    def __init__(self, app: QApplication) -> None:
        self.app, self.document = app, document()
        self.canvas = Canvas()
        self.canvas.resize(1280, 800)
        self.canvas.settings.size, self.canvas.settings.hardness = 100.0, 0.0
        self.canvas.change_made.connect(self._take)
        self.canvas.show()
        self.first = timed(lambda: (self.canvas.show_document(self.document), self.frame()))
        self.all = timed(self._settle)
        self.canvas.tool = BrushTool()

    def frame(self) -> None:
        """What is due, shown."""
        self.canvas.refresh()
        self.canvas.repaint()

    def repaint(self) -> float:
        """A full repaint for which nothing is left from the one before, as after a zoom."""

        def work() -> None:
            self.canvas._whole = True
            self.canvas.repaint()

        return timed(work)

    def stroke(self) -> tuple[list[float], float]:
        """(each frame, the one that ends it): a wave across the page, 160 points as a mouse sends them."""
        frames: list[float] = []
        for index in range(POINTS + 1):
            x = WIDTH * (0.02 + 0.96 * index / POINTS)
            y = HEIGHT * (0.5 + 0.3 * np.sin(index / 20))
            kind = QEvent.Type.MouseMove if index else QEvent.Type.MouseButtonPress
            frames.append(timed(lambda kind=kind, x=x, y=y: (self._send(kind, x, y), self.frame())))
        end = timed(lambda: (self._send(QEvent.Type.MouseButtonRelease, x, y), self.frame()))
        return frames, end

    def undo(self, before: Document) -> float:
        return timed(lambda: (self.canvas.show_document(before), self.canvas.repaint()))

    def _send(self, kind: QEvent.Type, x: float, y: float) -> None:
        place = QPointF(self.canvas.grab_document_point(x, y))
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        none = Qt.KeyboardModifier.NoModifier
        self.app.sendEvent(self.canvas, QMouseEvent(kind, place, self.canvas.mapToGlobal(place), button, held, none))

    def _take(self, change: Change) -> None:
        self.document = change.apply(self.document)
        self.canvas.show_document(self.document)

    def _settle(self) -> None:
        while not self.canvas.settled:
            self.app.processEvents()


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    bench = Bench(QApplication([]))
    bench.repaint()
    repaint = statistics.median(bench.repaint() for _ in range(15))
    same = statistics.median(timed(bench.canvas.repaint) for _ in range(15))
    before = bench.document
    frames, end = bench.stroke()
    shown = bench.canvas.settled
    undo = bench.undo(before)
    assert bench.canvas.settled and before is not bench.document
    print(f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores; {WIDTH} x {HEIGHT} x {LAYERS} layers\n")
    print("| | asked | measured |\n|---|---|---|")
    print(f"| first picture of a document (rough) | | {bench.first:.0f} ms |")
    print(f"| all of it, in slices | | {bench.all:.0f} ms |")
    print(f"| full repaint, 1280 x 800 at fit | < 5 ms | {same:.1f} ms |")
    print(f"| the same after a zoom (every pixel scaled anew) | | {repaint:.1f} ms |")
    print(f"| frame of a 100 px soft stroke, median | | {statistics.median(frames):.1f} ms |")
    print(f"| 95th percentile | < 16 ms | {np.percentile(frames, 95):.1f} ms |")
    print(f"| its end (the change is made{'' if shown else ', not all shown'}) | | {end:.1f} ms |")
    print(f"| undo of it shown | < 10 ms | {undo:.1f} ms |")
    bench.canvas.show_document(replace(before, layers=()))


if __name__ == "__main__":
    main()
