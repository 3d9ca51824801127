"""Do Krita and MyPaint see in our OpenRaster files what we meant? Run by hand where they are installed:

    python -m tests.benchmarks.other_editors FOLDER-WITH-THE-SCRIPTS

The folder holds krita_flatten.sh, krita_layers.sh and mypaint_flatten.py. The page is made of patches: one for every
mode, and for groups, masks and offsets. The table gives, per patch, the largest difference to our own composite, in
255ths, where both are opaque or by premultiplied colours.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from editor.core.blend import BLENDS
from editor.core.compositor import flatten
from editor.core.document import Document
from editor.core.formats.saving import save_ora
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import TileMap

SIDE, COLUMNS = 48, 8


def colours(alpha: bool) -> TileMap:
    """Every red against every green; transparent from left to right where asked for."""
    ramp = np.linspace(0, 255, SIDE).round().astype(np.uint8)
    red, green = np.meshgrid(ramp, ramp)
    return TileMap.of(np.dstack([red, green, 255 - green, red if alpha else np.full_like(red, 255)]))


def raster(name: str, alpha: bool = False, **options: object) -> RasterLayer:
    return replace(RasterLayer(name=name, plane=colours(alpha)), **options)


def veil(blank: int = 0, enabled: bool = True) -> Mask:
    """A soft mask in the middle."""
    ramp = np.linspace(0, 255, SIDE // 2).round().astype(np.uint8)
    return Mask(TileMap.of(np.tile(ramp, (SIDE // 2, 1)), SIDE // 4, SIDE // 4, blank), enabled)


def patches() -> Iterator[Layer]:
    for blend in BLENDS:
        yield raster(blend.name, blend=blend.name)
    for blend in BLENDS:
        yield raster(f"{blend.name}, alpha, 60 %", alpha=True, blend=blend.name, opacity=0.6)
    yield raster("mask, black beyond", mask=veil())
    yield raster("mask, white beyond", mask=veil(255))
    yield raster("mask, disabled", mask=veil(enabled=False))
    yield raster("mask, multiply, 60 %", mask=veil(), blend="multiply", opacity=0.6)
    inner = raster("inner", alpha=True, blend="multiply", x=5, y=-3)
    yield GroupLayer(name="隔离 isolated", children=(inner,))
    yield GroupLayer(name="isolated, 60 %, screen", children=(inner,), opacity=0.6, blend="screen")
    yield GroupLayer(name="isolated, mask", children=(inner,), mask=veil())
    yield GroupLayer(name="pass through", children=(inner,), pass_through=True)
    yield GroupLayer(name="hidden", children=(inner,), visible=False)


def page() -> tuple[Document, list[tuple[str, Rect]]]:
    """The document, and where each patch lies."""
    layers, places = list[Layer](), list[tuple[str, Rect]]()
    for index, layer in enumerate(patches()):
        x, y = index % COLUMNS * SIDE, index // COLUMNS * SIDE
        layers.append(replace(layer, x=x, y=y))
        places.append((layer.name, Rect(x, y, SIDE, SIDE)))
    height = places[-1][1].bottom
    below = np.empty((height, COLUMNS * SIDE, 4), np.uint8)
    below[..., 0] = np.linspace(20, 235, COLUMNS * SIDE).round()
    below[..., 1] = np.linspace(200, 40, height).round()[:, None]
    below[..., 2], below[..., 3] = 120, 255
    base = RasterLayer(name="base", plane=TileMap.of(below))
    return Document(COLUMNS * SIDE, height, (base, *layers)), places


class Program(Protocol):
    """A program that makes a PNG of a layered file."""

    name: str

    def flattened(self, file: Path, target: Path) -> None: ...


@dataclass(frozen=True)
class Krita:
    scripts: Path
    name: str = "Krita"

    def flattened(self, file: Path, target: Path) -> None:
        run("bash", str(self.scripts / "krita_flatten.sh"), str(file), str(target))


@dataclass(frozen=True)
class MyPaint:
    scripts: Path
    name: str = "MyPaint"

    def flattened(self, file: Path, target: Path) -> None:
        run("xvfb-run", "-a", "/usr/bin/python3", str(self.scripts / "mypaint_flatten.py"), str(file), str(target))


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=180)


def seen(program: Program, file: Path, folder: Path) -> np.ndarray:
    """int16 (H, W, 4), premultiplied."""
    target = folder / f"{program.name}.png"
    program.flattened(file, target)
    return premultiplied(np.asarray(Image.open(target).convert("RGBA")))


def premultiplied(pixels: np.ndarray) -> np.ndarray:
    colours = np.rint(pixels[..., :3] * (pixels[..., 3:] / 255.0))
    return np.dstack([colours, pixels[..., 3]]).astype(np.int16)


def main() -> None:
    scripts = Path(sys.argv[1])
    document, places = page()
    ours = premultiplied(flatten(document))
    programs: list[Program] = [Krita(scripts)] if shutil.which("krita") else []
    programs += [MyPaint(scripts)] if shutil.which("mypaint") else []
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "patches.ora"
        save_ora(file, document)
        pictures = [seen(program, file, Path(name)) for program in programs]
    print("| patch |" + "".join(f" {program.name} |" for program in programs))
    print("|---|" + "---|" * len(programs))
    for patch, place in places:
        off = (int(np.abs(picture[place.slices] - ours[place.slices]).max()) for picture in pictures)
        print(f"| {patch} |" + "".join(f" {value} |" for value in off))


if __name__ == "__main__":
    main()
