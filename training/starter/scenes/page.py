"""Pages of text: paper or screen, columns, headings, pictures, photographed at an angle and in uneven light."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.scenes.arrays import (
    ByteImage,
    FloatImage,
    as_float,
    between,
    chance,
    flat,
    over,
    ramp,
    resized,
    rgb255,
    shade,
    to_bytes,
    unit,
)
from training.starter.scenes.noise import fractal, material
from training.starter.scenes.palette import object_colour, one, scene_palette

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)


def page(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    palette = scene_palette(rng, ("paper", "interior", "grey"), vividness=0.25)
    ink, paper = one(rng, "night"), one(rng, "paper")
    if chance(rng, 0.15):
        ink, paper = paper, ink
    sheet = to_bytes(flat(size, paper))
    column, top = between(rng, 0.02, 0.12) * size, between(rng, 0.0, 0.1) * size
    if chance(rng, 0.5):
        top += heading(rng, sheet, column, top, rgb255(object_colour(rng, palette, 0.5)))
    columns = 2 if chance(rng, 0.25) else 1
    for index in range(columns):
        body(rng, sheet, column + index * size / columns, top, size / columns * 0.92, rgb255(ink))
    if chance(rng, 0.3):
        picture(rng, sheet, object_colour(rng, palette, 0.4))
    aged = shade(unit(sheet), as_float(1 + np.float32(between(rng, 0.005, 0.06)) * fractal(rng, size, size, 0.8, 2)))
    return laid_down(rng, aged) if chance(rng, 0.6) else aged


def word(rng: np.random.Generator, longest: int = 9, capitals: bool = False) -> str:
    """Letters at random."""
    letters = rng.integers(0, 26, int(rng.integers(1, longest + 1))) + (65 if capitals else 97)
    return bytes(letters.astype(np.uint8)).decode("ascii")


def heading(rng: np.random.Generator, sheet: ByteImage, x: float, y: float, ink: tuple[float, float, float]) -> float:
    """A big line; returns its height in pixels."""
    scale = between(rng, 0.5, 1.2) * sheet.shape[0] / 160
    place = round(x), round(y + 24 * scale)
    thick = max(1, round(scale * between(rng, 1, 3)))
    text = f"{word(rng).capitalize()} {word(rng)}"
    cv2.putText(sheet, text, place, FONTS[int(rng.integers(len(FONTS)))], scale, ink, thick, cv2.LINE_AA)
    return 34 * scale


def body(
    rng: np.random.Generator, sheet: ByteImage, x: float, y: float, width: float, ink: tuple[float, float, float]
) -> None:
    """Lines of words down to the bottom, in paragraphs."""
    scale = between(rng, 0.22, 0.6) * sheet.shape[0] / 160
    font = FONTS[int(rng.integers(len(FONTS)))]
    leading = 30 * scale * between(rng, 0.9, 1.4)
    while (y := y + leading) < sheet.shape[0] + leading:
        if chance(rng, 0.12):
            continue
        words = [word(rng) for _ in range(max(1, round(width / (75 * scale))))]
        cv2.putText(sheet, " ".join(words), (round(x), round(y)), font, scale, ink, 1, cv2.LINE_AA)


def picture(rng: np.random.Generator, sheet: ByteImage, colour: FloatImage) -> None:
    """An illustration set into the page."""
    size = sheet.shape[0]
    height, width = round(size * between(rng, 0.15, 0.45)), round(size * between(rng, 0.15, 0.45))
    top, left = int(between(rng, 0, size - height)), int(between(rng, 0, size - width))
    field = np.clip(0.5 + 0.3 * fractal(rng, height, width, 0.8, 2), 0, 1)
    sheet[top : top + height, left : left + width] = to_bytes(ramp(as_float(field), one(rng, "earth"), colour))


def laid_down(rng: np.random.Generator, sheet: FloatImage) -> FloatImage:
    """The page seen in perspective on a desk."""
    size = sheet.shape[0]
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], dtype=np.float32)
    moved = corners + (rng.random((4, 2), dtype=np.float32) - np.float32(0.5)) * np.float32(size * between(rng, 0, 0.5))
    view = cv2.getPerspectiveTransform(corners, moved)
    paper = as_float(cv2.warpPerspective(sheet, view, (size, size), flags=cv2.INTER_AREA))
    mask = as_float(cv2.warpPerspective(np.ones((size, size), dtype=np.float32), view, (size, size)))
    desk = ramp(as_float(np.clip(0.5 + 0.25 * material(rng, size), 0, 1)), one(rng, "earth"), one(rng, "interior"))
    fall = resized(as_float(rng.uniform(0.6, 1.1, (2, 2))), size, size, cv2.INTER_LINEAR)
    return shade(over(desk, paper, mask), fall)
