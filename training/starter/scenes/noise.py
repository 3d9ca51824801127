"""Textures by noise: fractal octaves, warped and combed noise, and the materials made of them.

All fields are float32 (H, W) with mean 0 and standard deviation 1 unless said otherwise.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.starter.scenes.arrays import FloatImage, as_float, between, resized, sampled


def fractal(
    rng: np.random.Generator,
    height: int,
    width: int,
    gain: float = 0.7,
    coarsest: int = 2,
    finest: float = 1.0,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> FloatImage:
    """Noise built octave by octave on grids that double in size.

    `gain` is the amplitude of an octave relative to the coarser one: 1 gives the 1/f^2 power spectrum of photographs,
    0.5 gives 1/f^4 (clouds). `coarsest` is the number of cells along the long side in the first octave, `finest` the
    cell in pixels of the last one, `stretch` the length of a grain down and across, in multiples of `finest`.
    """
    rows = max(2, round(height / (finest * stretch[0])))
    columns = max(2, round(width / (finest * stretch[1])))
    levels = max(1, math.ceil(math.log2(max(rows, columns) / coarsest)) + 1)
    field = np.zeros((1, 1), dtype=np.float32)
    amplitude = 1.0
    for level in reversed(range(levels)):
        shape = max(2, rows >> level), max(2, columns >> level)
        octave = rng.standard_normal(shape, dtype=np.float32)
        field = as_float(cv2.addWeighted(resized(field, *shape), 1.0, octave, amplitude, 0))
        amplitude *= gain
    return standard(resized(field, height, width))


def standard(field: FloatImage) -> FloatImage:
    """`field` shifted and scaled to mean 0 and standard deviation 1."""
    mean, deviation = cv2.meanStdDev(field)
    return as_float((field - np.float32(mean.item())) * np.float32(1 / max(float(deviation.item()), 1e-6)))


def uniform(field: FloatImage) -> FloatImage:
    """A standard field squeezed into [0, 1] by a logistic curve."""
    return as_float(1 / (1 + np.exp(-1.7 * field)))


def pixel_grid(height: int, width: int) -> tuple[FloatImage, FloatImage]:
    """Pixel coordinates x and y, each float32 (height, width)."""
    x = np.tile(np.arange(width, dtype=np.float32), (height, 1))
    y = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    return x, y


def warped(rng: np.random.Generator, field: FloatImage, strength: float, coarsest: int = 3) -> FloatImage:
    """`field` displaced by smooth noise of `strength` pixels: marble, smoke, wood."""
    height, width = field.shape[:2]
    x, y = pixel_grid(height, width)
    dx = fractal(rng, height, width, 0.5, coarsest, finest=4.0)
    dy = fractal(rng, height, width, 0.5, coarsest, finest=4.0)
    return sampled(field, as_float(x + strength * dx), as_float(y + strength * dy))


def combed(field: FloatImage, angle: FloatImage, length: float, steps: int = 6) -> FloatImage:
    """`field` averaged along the direction `angle (H, W)` in radians over `length` pixels: hair, fur, brushed metal.

    A line integral convolution (Cabral and Leedom 1993) by repeated doubling: each pass averages the result with
    itself moved along the flow, half as far as before.
    """
    height, width = field.shape[:2]
    x, y = pixel_grid(height, width)
    dx, dy = np.cos(angle), np.sin(angle)
    reach = np.float32(length / 2)
    passes = max(1, math.ceil(math.log2(steps)) + 1)
    for _ in range(passes):
        ahead = sampled(field, as_float(x + reach * dx), as_float(y + reach * dy))
        field = as_float(cv2.addWeighted(field, 0.5, ahead, 0.5, 0))
        reach = reach / np.float32(2)
    return standard(field)


def wood(rng: np.random.Generator, size: int) -> FloatImage:
    """Grain of a plank, along x."""
    rings = fractal(rng, size, size, 0.6, 3, 2.0, (1.0, 12.0))
    bent = warped(rng, rings, between(rng, 1, 5))
    bands = np.sin(bent * np.float32(between(rng, 3, 9)))
    fibre = fractal(rng, size, size, 0.95, 24, 1.0, (1.0, 9.0))
    return standard(as_float(bands + 0.8 * bent + 0.9 * fibre))


def stone(rng: np.random.Generator, size: int) -> FloatImage:
    """Veins and speckle."""
    base = fractal(rng, size, size, 0.85, 3)
    veins = -np.abs(warped(rng, fractal(rng, size, size, 0.6, 3, 2.0), between(rng, 2, 10)))
    return standard(as_float(base + between(rng, 0, 1.5) * veins))


def fabric(rng: np.random.Generator, size: int) -> FloatImage:
    """A weave of two thread directions over soft folds."""
    pitch = between(rng, 2.2, 6)
    x, y = pixel_grid(size, size)
    turn = between(rng, 0, math.pi)
    along = (x * math.cos(turn) + y * math.sin(turn)) * (2 * math.pi / pitch)
    across = (y * math.cos(turn) - x * math.sin(turn)) * (2 * math.pi / pitch)
    weave = np.sin(along) * np.sin(across) + 0.5 * np.sin(along)
    folds = fractal(rng, size, size, 0.5, 3, 3.0, (1.0, between(rng, 1, 3)))
    return standard(as_float(0.5 * weave + folds + 0.4 * fractal(rng, size, size, 0.95, 16)))


def grit(rng: np.random.Generator, size: int) -> FloatImage:
    """Plain 1/f^2 noise."""
    return fractal(rng, size, size, between(rng, 0.75, 1.05), 2)


def cells(rng: np.random.Generator, size: int) -> FloatImage:
    """Pebbles, scales, cobbles: distance to the nearest of scattered seeds."""
    count = int(rng.integers(20, 160))
    seeds = np.full((size, size), 255, dtype=np.uint8)
    seeds[rng.integers(0, size, count), rng.integers(0, size, count)] = 0
    distance = as_float(cv2.distanceTransform(seeds, cv2.DIST_L2, 3))
    bumps = -distance / np.float32(size / math.sqrt(count))
    return standard(as_float(standard(bumps) + 0.5 * fractal(rng, size, size, 0.9, 8)))


MATERIALS = (wood, stone, fabric, grit, cells)
"""Materials a surface can be made of, as `(rng, size) -> float32 (size, size)`."""


def material(rng: np.random.Generator, size: int) -> FloatImage:
    """One of MATERIALS."""
    return MATERIALS[int(rng.integers(len(MATERIALS)))](rng, size)
