"""Draws the contact sheet of the README: photos x instructions, each edited by the bundled model at its own dials.

python -m tests.benchmarks.contact_sheet resources/samples/contact_sheet.jpg
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inference.engine import Engine
from inference.package import open_package
from training.starter.judge import Judge
from training.starter.photos import photo

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
INSTRUCTIONS = (
    "make it black and white",
    "make it night",
    "turn it into a sunset",
    "add fog",
    "make it warmer",
    "tint it green",
    "turn the red things blue",
    "make it look like a pencil sketch",
    "make it vivid",
    "invert the colours",
)
TILE, LABEL, GAP = 150, 20, 4


def sheet(judge: Judge) -> Image.Image:
    """One row per instruction, one column per photo; the first row shows the photos untouched."""
    rows = ("", *INSTRUCTIONS)
    size = (GAP + len(PHOTOS) * (TILE + GAP), GAP + len(rows) * (TILE + LABEL + GAP))
    page = Image.new("RGB", size, "white")
    for row, instruction in enumerate(rows):
        top = GAP + row * (TILE + LABEL + GAP)
        ImageDraw.Draw(page).text((GAP + 2, top + 2), instruction or "the photos", "black", ImageFont.load_default(13))
        for column, tile in enumerate(_tiles(judge, instruction)):
            page.paste(tile, (GAP + column * (TILE + GAP), top + LABEL))
    return page


def _tiles(judge: Judge, instruction: str) -> Iterator[Image.Image]:
    for name in PHOTOS:
        image = photo(name, 512)
        edited = np.rint(judge.edit(image, instruction) * 255).astype(np.uint8) if instruction else image
        yield _square(Image.fromarray(edited))


def _square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.resize((TILE, TILE), Image.Resampling.LANCZOS, box=box)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, default=Path("resources/models/starter"))
    chosen = parser.parse_args()
    package = open_package(chosen.model)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    sheet(Judge(Engine.open(package, "cpu"), package, package.dials)).save(chosen.out, quality=88)


if __name__ == "__main__":
    main()
