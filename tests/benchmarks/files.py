"""How long project files take: `python tests/benchmarks/files.py [--layers 10] [--width 4000] [--height 3000]`.

Layers of photos enlarged with noise, since real sensors give noise and noise does not compress. Each row runs in a
process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from skimage import data

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from editor.core.document import Document, find, with_layer
from editor.core.formats.export_flat import export_flat
from editor.core.formats.opening import open_document
from editor.core.formats.ora_cache import OraCache
from editor.core.formats.saving import save_ora
from editor.core.layer import RasterLayer
from editor.core.tiles import TileMap

PHOTOS = (data.astronaut, data.chelsea, data.coffee, data.rocket)


def photo(index: int, width: int, height: int) -> np.ndarray:
    """uint8 (height, width, 4) with a transparent margin in every other layer."""
    noise = np.random.default_rng(index)
    small = PHOTOS[index % len(PHOTOS)]()[..., :3]
    pixels = cv2.resize(np.roll(small, 37 * index, axis=1), (width, height), interpolation=cv2.INTER_CUBIC)
    result = np.full((height, width, 4), 255, np.uint8)
    for top in range(0, height, 256):
        part = pixels[top : top + 256]
        result[top : top + 256, :, :3] = np.clip(part + noise.normal(0, 3, part.shape), 0, 255)
    if index % 2:
        result[: height // 8, :, 3] = 0
    return result


def made(layers: int, width: int, height: int) -> Document:
    """A document of photo-like layers; those above the first are half transparent."""
    rasters = tuple(
        RasterLayer(name=f"Photo {i}", plane=TileMap.of(photo(i, width, height)), opacity=1.0 if i == 0 else 0.5)
        for i in range(layers)
    )
    return Document(width, height, rasters, rasters[-1].id)


def stroked(document: Document) -> Document:
    """After one brush stroke of 100 px across the page, on the active layer."""
    layer = find(document, document.active)
    assert isinstance(layer, RasterLayer)
    y = document.height // 2
    paint = np.full((100, document.width, 4), (200, 30, 30, 255), np.uint8)
    return with_layer(document, layer.id, lambda old: replace(old, plane=layer.plane.with_pixels(paint, 0, y)))


def timed(name: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    print(f"{name}\t{time.perf_counter() - start:.2f}")


def child(step: str, path: Path, options: argparse.Namespace) -> None:
    """One row: prints `name TAB seconds` lines, then the peak."""
    if step == "make":
        save_ora(path, made(options.layers, options.width, options.height))
        return
    if step == "idle":
        opened = open_document(path)
    elif step == "open":
        timed("open", lambda: open_document(path))
    elif step == "save":
        opened, cache = open_document(path), OraCache()
        other = path.with_name("other.ora")
        timed("save, all new", lambda: save_ora(other, opened.document, cache=cache))
        timed("save again, nothing changed", lambda: save_ora(other, opened.document, cache=cache))
        timed("save again after a stroke", lambda: save_ora(other, stroked(opened.document), cache=cache))
    elif step == "first":
        opened = open_document(path)
        timed("save after open and a stroke", lambda: save_ora(path, stroked(opened.document), cache=opened.cache))
    elif step == "export":
        opened = open_document(path)
        timed("export JPEG", lambda: export_flat(path.with_name("flat.jpg"), opened.document))
        timed("export PNG", lambda: export_flat(path.with_name("flat.png"), opened.document))
    print(f"peak\t{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


def machine() -> str:
    """The processor's name and its number of cores."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, load {os.getloadavg()[0]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--child", nargs=2, metavar=("STEP", "FILE"))
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]), options)
        return
    print(f"{machine()}: {options.width} x {options.height}, {options.layers} layers\n")
    print("| step | seconds | peak memory, MB |\n|---|---|---|")
    sizes = [f"--{name}={getattr(options, name)}" for name in ("layers", "width", "height")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.ora"
        for step in ("make", "idle", "open", "save", "first", "export"):
            command = [sys.executable, __file__, *sizes, "--child", step, str(path)]
            lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
            rows = [line.split("\t") for line in lines if line]
            peak = next((value for name, value in rows if name == "peak"), "")
            for name, seconds in rows if step != "idle" else []:
                if name != "peak":
                    print(f"| {name} | {seconds} | {peak} |")
        print(f"\nThe file: {path.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
