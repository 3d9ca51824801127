"""Plants close up: leaves in layers of focus, grass blades, flowers."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.scenes.arrays import (
    FRACTION_BITS,
    ByteImage,
    Colour,
    FloatImage,
    as_float,
    between,
    blur,
    chance,
    fixed,
    rgb255,
    shade,
    to_bytes,
    unit,
)
from training.starter.scenes.backdrop import backdrop
from training.starter.scenes.dead_leaves import leaves
from training.starter.scenes.noise import fractal
from training.starter.scenes.palette import Palette, object_colour, scene_palette


def foliage(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    greens = scene_palette(rng, ("foliage",), vividness=0.1)
    if chance(rng, 0.55):
        count = int(rng.integers(30, 150))
        image = leaves(rng, size, greens, count, ("leaf", "leaf", "ellipse"))
    else:
        image = backdrop(rng, size)
    if chance(rng, 0.5):
        image = blur(image, size * between(rng, 0.006, 0.03))
    if chance(rng, 0.6):
        image = blades(rng, image, greens)
    if chance(rng, 0.55):
        image = flowers(rng, image)
    return shade(image, as_float(np.clip(1 + 0.15 * fractal(rng, size, size, 0.8, 3), 0.3, 1.6)))


def blades(rng: np.random.Generator, image: FloatImage, greens: Palette) -> FloatImage:
    """Grass: curved tapering strokes from the ground, darker below."""
    size = image.shape[0]
    count = int(rng.integers(40, 160))
    feet = np.stack([rng.random(count) * size * 1.2 - 0.1 * size, size * (1 + 0.1 * rng.random(count))], 1)
    rise = size * between(rng, 0.3, 0.9) * (0.4 + rng.random(count))
    lean = rng.standard_normal(count) * size * between(rng, 0.05, 0.25)
    wide = size * between(rng, 0.004, 0.015)
    t = np.linspace(0, 1, 6)[None, :]
    x, y = feet[:, :1] + lean[:, None] * t**2, feet[:, 1:] - rise[:, None] * t
    taper = wide * (1 - t)
    edge = np.stack([x - taper, y], 2), np.stack([x + taper, y], 2)[:, ::-1]
    outlines = fixed(np.concatenate(edge, axis=1))
    paint = to_bytes(image)
    for outline, colour in zip(outlines, greens.picks(rng, count), strict=True):
        cv2.fillPoly(paint, [outline], rgb255(colour), cv2.LINE_AA, FRACTION_BITS)
    return unit(paint)


def flowers(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """Blossoms with radial petals of one or two colours."""
    size = image.shape[0]
    palette = scene_palette(rng, ("pastel", "dusk"), vividness=0.6)
    petals, centre = object_colour(rng, palette, 0.8), object_colour(rng, palette, 0.5)
    paint = to_bytes(image)
    for _ in range(int(rng.integers(1, 9))):
        radius, x, y = size * between(rng, 0.03, 0.2), between(rng, 0, size), between(rng, 0, size)
        blossom(rng, paint, (x, y), radius, petals)
        core = max(1, round(radius * between(rng, 0.15, 0.35) * 16))
        cx, cy = (int(v) for v in fixed((x, y)))
        cv2.circle(paint, (cx, cy), core, rgb255(centre), -1, cv2.LINE_AA, FRACTION_BITS)
    return unit(paint)


def blossom(
    rng: np.random.Generator, paint: ByteImage, centre: tuple[float, float], radius: float, colour: Colour
) -> None:
    """One ring of petals drawn on `paint`, each a little lighter or darker than its neighbour."""
    count, squeeze = int(rng.integers(5, 14)), between(rng, 0.5, 1.0)
    t = np.linspace(0, 1, 8)
    half = between(rng, 0.12, 0.35) * np.sin(np.pi * t**0.7)
    petal = np.stack([np.concatenate([t, t[::-1]]), np.concatenate([half, -half[::-1]])], 1) * radius
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.random():
        cos, sin = np.cos(angle), np.sin(angle)
        outline = petal @ np.array([[cos, sin], [-sin, cos]]) * (1, squeeze) + centre
        tone = as_float(colour * (1 + 0.12 * float(rng.standard_normal())))
        cv2.fillPoly(paint, [fixed(outline)], rgb255(tone), cv2.LINE_AA, FRACTION_BITS)
