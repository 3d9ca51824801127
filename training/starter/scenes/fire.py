"""Fire and smoke: a bright column of flame over billows, against sky or night, as at a rocket's launch."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.scenes.arrays import (
    FRACTION_BITS,
    FloatImage,
    as_float,
    between,
    blur,
    chance,
    fixed,
    flat,
    over,
    polygon_mask,
    ramp,
    smoothstep,
    spaced,
    tint,
    unit,
)
from training.starter.scenes.landscape import sky
from training.starter.scenes.noise import fractal, pixel_grid, warped
from training.starter.scenes.palette import object_colour, one, scene_palette


def fire(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    y = pixel_grid(size, size)[1] / np.float32(size)
    dark = ramp(as_float(y), one(rng, "night"), as_float(np.clip(1.8 * one(rng, "night"), 0, 1)))
    image = dark if chance(rng, 0.6) else sky(rng, size)[0]
    middle, foot = between(rng, 0.2, 0.8), between(rng, 0.35, 0.8)
    if chance(rng, 0.6):
        image = tower(rng, image, middle + between(rng, -0.2, 0.2))
    image = billows(rng, image, middle, foot + 0.15)
    image = flame(rng, image, middle, foot)
    return hull(rng, image, middle, foot) if chance(rng, 0.7) else image


def tower(rng: np.random.Generator, image: FloatImage, middle: float) -> FloatImage:
    """A lattice mast."""
    size = image.shape[0]
    half, top = size * between(rng, 0.02, 0.06), size * between(rng, 0.0, 0.4)
    x, steps = middle * size, spaced(top, size, half * 1.5)
    sides = np.where(np.arange(len(steps)) % 2 == 0, x - half, x + half)
    zigzag = np.stack([sides, steps], 1)
    mirrored = np.stack([2 * x - sides, steps], 1)
    rails = [np.array([[x + s * half, top], [x + s * half, size]]) for s in (-1, 1)]
    mask = np.zeros((size, size), dtype=np.uint8)
    lines = [fixed(line) for line in (zigzag, mirrored, *rails)]
    cv2.polylines(mask, lines, False, 255, max(1, size // 130), cv2.LINE_AA, FRACTION_BITS)
    return over(image, flat(size, one(rng, "earth")), unit(mask) * np.float32(0.85))


def billows(rng: np.random.Generator, image: FloatImage, middle: float, foot: float) -> FloatImage:
    """Smoke that spreads along the ground, lit from the fire."""
    size = image.shape[0]
    x, y = pixel_grid(size, size)
    field = warped(rng, fractal(rng, size, size, 0.68, 4), size / 25)
    spread = np.abs(x / size - middle) * np.float32(between(rng, 0.2, 1.2))
    cover = smoothstep(as_float(y / size - foot - spread + 0.07 * field + 0.08), 0.0, between(rng, 0.03, 0.15))
    lift = field - np.roll(field, size // 40 + 1, axis=0)
    bright = np.clip(0.75 + 0.22 * field + 0.2 * lift - 0.5 * spread, 0.1, 1.3)
    warm = one(rng, "dusk") if chance(rng, 0.6) else one(rng, "grey")
    return over(image, tint(as_float(bright), as_float(0.5 * warm + 0.4)), cover)


def flame(rng: np.random.Generator, image: FloatImage, middle: float, foot: float) -> FloatImage:
    """White-hot core, yellow and orange edges, a halo."""
    size = image.shape[0]
    x, y = pixel_grid(size, size)
    below = np.clip((y / size - foot + 0.12) / np.float32(between(rng, 0.2, 0.5)), 0, 1.2)
    wide = np.float32(between(rng, 0.02, 0.07)) * (0.3 + below)
    flicker = warped(rng, fractal(rng, size, size, 0.7, 6, 1.0, (3.0, 1.0)), size / 40)
    distance = np.abs(x / size - middle) / wide + 0.25 * flicker
    heat = as_float(np.clip(1.4 - distance, 0, 1) * np.clip(below * 12, 0, 1) * np.clip(1.3 - below, 0, 1))
    halo = np.clip(blur(heat, size * 0.06) * np.float32(between(rng, 0.5, 2)), 0, 1)
    total = as_float(np.clip(heat + halo, 0, 1.5))
    gains = (1.6, between(rng, 0.9, 1.2), between(rng, 0.4, 0.8))
    powers = (0.8, between(rng, 1.2, 1.8), between(rng, 2, 3.5))
    glow = cv2.merge([np.float32(g) * np.power(total, np.float32(p)) for g, p in zip(gains, powers, strict=True)])
    return as_float(np.minimum(cv2.add(image, glow), 1))


def hull(rng: np.random.Generator, image: FloatImage, middle: float, foot: float) -> FloatImage:
    """The vehicle above the flame: a slender body with a pointed tip."""
    size = image.shape[0]
    half, tall = size * between(rng, 0.012, 0.04), size * between(rng, 0.15, 0.35)
    x, bottom = middle * size, (foot - 0.1) * size
    corners = [(x - half, bottom), (x - half, bottom - tall), (x, bottom - tall - 3 * half), (x + half, bottom - tall)]
    palette = scene_palette(rng, ("grey", "paper"), 0.3)
    columns = pixel_grid(size, size)[0]
    bright = as_float(np.clip(0.9 + np.float32(between(rng, -0.4, 0.4)) * (columns - x) / np.float32(half), 0.3, 1.3))
    body = tint(bright, object_colour(rng, palette, 0.15))
    return over(image, body, polygon_mask(size, [*corners, (x + half, bottom)]))
