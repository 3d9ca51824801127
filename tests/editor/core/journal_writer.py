"""Records random states in a loop until it is killed: the other half of test_journal.

python journal_writer.py FOLDER SEED: prints "ready", then a line per state, its fingerprint, before recording it.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from editor.core.changes import AddLayer, PaintTiles, SetProperty
from editor.core.document import Document, find
from editor.core.history import History
from editor.core.journal import Journal
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap


def fingerprint(history: History) -> str:
    """Of every step's pixels and structure, and of which one is shown."""
    digest = hashlib.sha256(str(history.current.id).encode())
    for step in history.steps():
        digest.update(f"{step.id} {step.label} {step.parent.id if step.parent else None}".encode())
        for layer in step.document.layers:
            assert isinstance(layer, RasterLayer)
            digest.update(f"{layer.id} {layer.name} {layer.opacity} {layer.x}".encode())
            digest.update(layer.plane.read(step.document.rect).tobytes())
    return digest.hexdigest()


def change(history: History, random: np.random.Generator) -> None:
    """One random change, or a move in the history."""
    kind, steps = random.integers(0, 10), list(history.steps())
    layer = history.document.layers[random.integers(len(history.document.layers))]
    found = find(history.document, layer.id)
    assert isinstance(found, RasterLayer)
    if kind < 6:
        pixels = random.integers(0, 256, (40, 60, 4), np.uint8)
        plane = found.plane.with_pixels(pixels, int(random.integers(0, 300)), int(random.integers(0, 300)))
        history.do(PaintTiles(layer.id, plane.tiles, "Stroke"))
    elif kind == 6:
        history.do(AddLayer(RasterLayer(name=f"Layer {len(steps)}")))
    elif kind == 7:
        history.do(SetProperty(layer.id, "opacity", float(random.random())))
    else:
        history.go(steps[random.integers(len(steps))].id)


def photo(seed: int) -> History:
    pixels = np.random.default_rng(seed).integers(0, 256, (400, 400, 4), np.uint8)
    return History(Document(400, 400, (RasterLayer(name="Photo", plane=TileMap.of(pixels)),)), budget=1 << 20)


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    random, history, journal = np.random.default_rng(seed), photo(seed), Journal(folder)
    print("ready", flush=True)
    while len(list(history.steps())) < 60:
        print(fingerprint(history), flush=True)
        journal.record(history, Path("/tmp/harbour.ora"), "harbour")
        change(history, random)
    print("end", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
