"""How long the compositor takes, for pages of 12 megapixels with ten layers.

python -m tests.benchmarks.compositor [--repeat 30]

Photo-like layers: noise at several sizes with alpha that comes and goes, at opacity 0.8, eight blend modes, half of
them not aligned to the tiles; in a second page with masks, in a third in two groups. The best of several runs, as other
programs disturb the slower ones.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from editor.core.compositor import composite, flatten
from editor.core.document import Document, with_layer
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Mask, RasterLayer
from editor.core.thumbnails import document_thumbnail, layer_thumbnail, mask_thumbnail
from editor.core.tiles import Samples, TileMap
from editor.core.touched import touched

WIDTH, HEIGHT = 4000, 3000
TILE, DAB = Rect(2048, 1280, 256, 256), Rect(2000, 1200, 110, 110)
MODES = (
    "normal",
    "multiply",
    "normal",
    "screen",
    "overlay",
    "soft-light",
    "normal",
    "color-dodge",
    "luminosity",
    "plus",
)


@dataclass(frozen=True)
class Measurement:
    what: str
    milliseconds: float
    asked: str


def photo_like(seed: int) -> Samples:
    """uint8 (HEIGHT, WIDTH, 4): large and small structure, alpha from 0 to 255."""
    random = np.random.default_rng(seed)
    total = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    for cells, weight in ((6, 0.6), (60, 0.3), (1000, 0.1)):
        noise = random.integers(0, 256, (cells, cells * 4 // 3, 4), dtype=np.uint8)
        large = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        total = cv2.addWeighted(total, 1.0, large, weight, 0.0)
    return total


def layers() -> tuple[RasterLayer, ...]:
    made: list[RasterLayer] = []
    for index, mode in enumerate(MODES):
        pixels = photo_like(index)
        if index == 0:
            pixels[..., 3] = 255
        x = index * 7 if index % 2 else 0
        made.append(RasterLayer(name=mode, id=str(index), plane=TileMap.of(pixels), blend=mode, opacity=0.8, x=x, y=-x))
    return tuple(made)


def masked(page: Document) -> Document:
    mask = Mask(TileMap.of(photo_like(99)[..., 3]))
    return replace(page, layers=tuple(replace(layer, mask=mask) for layer in page.layers))


def grouped(page: Document) -> Document:
    lower = GroupLayer(name="isolated", children=page.layers[:5], blend="multiply")
    upper = GroupLayer(name="through", children=page.layers[5:], pass_through=True, opacity=0.5)
    return replace(page, layers=(lower, upper))


def best(work: Callable[[], object], repeat: int) -> float:
    """Milliseconds."""
    work()
    times: list[float] = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def measurements(repeat: int) -> list[Measurement]:
    page = Document(WIDTH, HEIGHT, layers())
    with_masks, with_groups = masked(page), grouped(page)
    painted = page.layers[4]
    assert isinstance(painted, RasterLayer)
    plane = painted.plane.with_pixels(np.full((110, 110, 4), 200, np.uint8), DAB.x, DAB.y)
    stroke = with_layer(page, painted.id, lambda layer: replace(layer, plane=plane))
    photo = replace(page, layers=(replace(page.layers[0], opacity=1.0),))
    few = max(2, repeat // 10)
    return [
        Measurement("one tile, 10 layers", best(lambda: composite(page, TILE), repeat), "< 5"),
        Measurement("one tile, 10 layers with masks", best(lambda: composite(with_masks, TILE), repeat), ""),
        Measurement("one tile, 10 layers in two groups", best(lambda: composite(with_groups, TILE), repeat), ""),
        Measurement("110 x 110 px, 10 layers", best(lambda: composite(page, DAB), repeat), "< 2"),
        Measurement("110 x 110 px, 10 layers with masks", best(lambda: composite(with_masks, DAB), repeat), ""),
        Measurement("touched by a dab", best(lambda: touched(page, stroke), repeat), ""),
        Measurement("flatten 12 MP, 10 layers", best(lambda: flatten(page), few), "< 1200"),
        Measurement("flatten 12 MP, one opaque photo", best(lambda: flatten(photo), few), ""),
        Measurement("layer thumbnail, 48 px", best(lambda: layer_thumbnail(page, "3", 48), repeat), "< 10"),
        Measurement("layer thumbnail, 128 px", best(lambda: layer_thumbnail(page, "3", 128), repeat), "< 10"),
        Measurement("mask thumbnail, 48 px", best(lambda: mask_thumbnail(with_masks, "3", 48), repeat), "< 10"),
        Measurement("document thumbnail, 10 layers, 128 px", best(lambda: document_thumbnail(page, 128), few), ""),
    ]


def machine() -> str:
    """The processor's name where the system tells it, and how many cores this process may use."""
    names = Path("/proc/cpuinfo")
    found = names.read_text() if names.exists() else ""
    name = next((line.split(":")[1].strip() for line in found.splitlines() if line.startswith("model name")), "")
    name = name or platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=30)
    print(f"{machine()}\n\n| what | ms | asked |\n|---|---|---|")
    for found in measurements(parser.parse_args().repeat):
        print(f"| {found.what} | {found.milliseconds:.2f} | {found.asked} |")


if __name__ == "__main__":
    main()
