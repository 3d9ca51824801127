"""Do GIMP and Krita see in our PSD files what we meant? Run by hand where they are installed:

    python -m tests.benchmarks.other_editors_psd FOLDER-WITH-THE-SCRIPTS

The folder holds gimp_layers.sh, gimp_flatten.sh, krita_layers.sh and krita_flatten.sh. One page holds a patch for every
blend mode and every kind of group and mask; the tables tell how far each patch is from our own composite.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from editor.core.blend import BLENDS
from editor.core.compositor import flatten
from editor.core.document import Document, walk
from editor.core.formats.psd import write_psd
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import TileMap

SIDE, COLUMNS = 48, 8


@dataclass(frozen=True)
class Patch:
    """A layer in its place on the page; (0, 0) of the layer is the place's corner."""

    name: str
    layer: Layer


def colours(alpha: bool) -> TileMap:
    """Every red against every green; transparent from left to right where asked for."""
    ramp = np.linspace(0, 255, SIDE).round().astype(np.uint8)
    red, green = np.meshgrid(ramp, ramp)
    cover = red if alpha else np.full_like(red, 255)
    return TileMap.of(np.dstack([red, green, 255 - green, cover]))


def raster(name: str, alpha: bool = False, **options: object) -> RasterLayer:
    return replace(RasterLayer(name=name, plane=colours(alpha)), **options)


def veil(blank: int = 0, enabled: bool = True) -> Mask:
    """A soft mask in the middle."""
    ramp = np.linspace(0, 255, SIDE // 2).round().astype(np.uint8)
    return Mask(TileMap.of(np.tile(ramp, (SIDE // 2, 1)), SIDE // 4, SIDE // 4, blank), enabled)


def patches() -> Iterator[Patch]:
    modes = [blend.name for blend in BLENDS if blend.psd]
    for mode in modes:
        yield Patch(mode, raster(mode, blend=mode))
    for mode in modes:
        yield Patch(f"{mode}, alpha and 60 %", raster(f"{mode} 60", alpha=True, blend=mode, opacity=0.6))
    yield Patch("layer mask, black beyond", raster("mask 0", mask=veil()))
    yield Patch("layer mask, white beyond", raster("mask 255", mask=veil(255)))
    yield Patch("layer mask, disabled", raster("mask off", mask=veil(enabled=False)))
    # GIMP numbers layers of one name, so each has its own.
    inner = [raster(f"inner {number}", alpha=True, blend="multiply") for number in range(4)]
    yield Patch("isolated group", GroupLayer(name="隔离", children=(inner[0],)))
    yield Patch("isolated group, 60 %", GroupLayer(name="isolated 60", children=(inner[1],), opacity=0.6))
    yield Patch("isolated group, mask", GroupLayer(name="isolated mask", children=(inner[2],), mask=veil()))
    yield Patch("pass-through group", GroupLayer(name="сквозь", children=(inner[3],), pass_through=True))
    yield Patch("hidden layer", raster("hidden", visible=False))


def page(found: list[Patch]) -> tuple[Document, dict[str, Rect]]:
    rows = -(-len(found) // COLUMNS)
    width, height = COLUMNS * SIDE, rows * SIDE
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (rows * 4, COLUMNS * 4, 3), np.uint8)
    back = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    back = np.dstack([back, np.full((height, width), 255, np.uint8)])
    places = {
        patch.name: Rect(index % COLUMNS * SIDE, index // COLUMNS * SIDE, SIDE, SIDE)
        for index, patch in enumerate(found)
    }
    layers = [replace(patch.layer, x=places[patch.name].x, y=places[patch.name].y) for patch in found]
    beyond = raster("beyond the page", x=width - SIDE // 3, y=-SIDE // 2)
    return Document(width, height, (RasterLayer(name="back", plane=TileMap.of(back)), *layers, beyond)), places


def run(folder: Path, script: str, *words: object) -> str:
    line = ["bash", str(folder / script), *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=True).stdout


def named(told: str, column: int) -> list[str]:
    """The names in the order of the script, which is the top one first; masks are not layers."""
    lines = [line.split("\t") for line in told.splitlines() if line.startswith("LAYER")]
    return [fields[column] for fields in lines if fields[2] not in ("transparencymask", "selectionmask")]


def top_first(layers: tuple[Layer, ...]) -> Iterator[str]:
    for layer in reversed(layers):
        yield layer.name
        if isinstance(layer, GroupLayer):
            yield from top_first(layer.children)


def main(folder: Path) -> int:
    found = list(patches())
    document, places = page(found)
    shown = flatten(document).astype(np.int16)
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "page.psd"
        write_psd(file, document)
        theirs = {}
        for editor in ("gimp", "krita"):
            names = named(run(folder, f"{editor}_layers.sh", file), 3)
            same = "the same" if names == list(top_first(document.layers)) else f"others: {names}"
            print(f"{editor}: {sum(1 for _ in walk(document))} layers written, names and order {same}")
            run(folder, f"{editor}_flatten.sh", file, Path(temporary) / f"{editor}.png")
            with Image.open(Path(temporary) / f"{editor}.png") as image:
                theirs[editor] = np.asarray(image.convert("RGBA"), np.int16)
    print("\n| patch | GIMP, most /255 | GIMP, share beyond 2 | Krita, most /255 | Krita, share beyond 2 |")
    print("|---|---|---|---|---|")
    for patch in found:
        rows, columns = places[patch.name].slices
        cells = list[str]()
        for editor in ("gimp", "krita"):
            apart = np.abs(theirs[editor][rows, columns] - shown[rows, columns]).max(axis=2)
            cells += [str(apart.max()), f"{(apart > 2).mean():.1%}"]
        print(f"| {patch.name} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
