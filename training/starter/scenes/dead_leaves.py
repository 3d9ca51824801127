"""Dead leaves: opaque shapes falling on each other, with the 1/r^3 law of sizes that gives images their scale
invariance (Lee, Mumford, Huang 2001), each with a material, a shading and a shadow of its own.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.starter.scenes.arrays import (
    FRACTION_BITS,
    FloatImage,
    as_float,
    between,
    blur,
    chance,
    coordinates,
    fixed,
    flat,
    rgb255,
    shade,
    to_bytes,
    unit,
)
from training.starter.scenes.noise import fractal, material
from training.starter.scenes.palette import Palette, scene_palette

SHAPES = ("ellipse", "polygon", "leaf", "box")
OUTLINES = 24
"""Outlines made per picture; its leaves share them at different sizes."""


def dead_leaves(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    return leaves(rng, size, scene_palette(rng, vividness=0.6), int(2 ** between(rng, 5, 8)))


def leaves(
    rng: np.random.Generator, size: int, palette: Palette, count: int, shapes: tuple[str, ...] = SHAPES
) -> FloatImage:
    """A pile of `count` leaves in the colours of `palette`."""
    smallest = size * between(rng, 0.2, 0.65) / count**0.5  # so that few leaves and many cover about as much
    radii = power_law_radii(rng, count, smallest, size * between(rng, 0.25, 0.6))
    if chance(rng, 0.5):
        radii = np.sort(radii)[::-1] * np.exp(0.5 * rng.standard_normal(count))
    centres = rng.random((count, 2)) * size
    radii[0], centres[0] = size, size / 2  # the ground, which is seen wherever no leaf fell
    colours = palette.picks(rng, count)
    paint, labels = to_bytes(flat(size, colours[0])), np.zeros((size, size), dtype=np.int32)
    outlines = [leaf_outline(rng, shapes[int(rng.integers(len(shapes)))]) for _ in range(OUTLINES)]
    for label, kind in enumerate(rng.integers(0, OUTLINES, count - 1).tolist(), start=1):
        outline = fixed(outlines[int(kind)] * radii[label] + centres[label])
        cv2.fillPoly(labels, [outline], label, cv2.LINE_8, FRACTION_BITS)
        cv2.fillPoly(paint, [outline], rgb255(colours[label]), cv2.LINE_AA, FRACTION_BITS)
    return shade(unit(paint), leaf_light(rng, labels, centres, radii))


def power_law_radii(rng: np.random.Generator, count: int, smallest: float, largest: float) -> NDArray[np.float64]:
    """`count` radii with density proportional to 1/r^3 between the two."""
    u = rng.random(count)
    return smallest / np.sqrt(1 - u * (1 - (smallest / largest) ** 2))


def leaf_outline(rng: np.random.Generator, shape: str) -> NDArray[np.float64]:
    """Outline (n, 2) of a leaf of radius about 1, turned at random."""
    squeeze, turn = between(rng, 0.35, 1.0), between(rng, 0, 2 * np.pi)
    if shape == "ellipse":
        angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        points = np.stack([np.cos(angles), squeeze * np.sin(angles)], axis=1)
    elif shape == "leaf":
        t = np.linspace(-1, 1, 14)
        half = 0.6 * squeeze * (1 - t * t) * (1 - 0.4 * t)
        points = np.stack([np.concatenate([t, t[::-1]]), np.concatenate([half, -half[::-1]])], axis=1)
    elif shape == "box":
        points = np.array([[-1, -squeeze], [1, -squeeze], [1, squeeze], [-1, squeeze]])
    else:
        corners = int(rng.integers(3, 8))
        angles = np.sort(rng.random(corners)) * 2 * np.pi
        reach = 0.5 + 0.6 * rng.random(corners)
        points = np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
    cos, sin = np.cos(turn), np.sin(turn)
    return points @ np.array([[cos, sin], [-sin, cos]])


def leaf_light(
    rng: np.random.Generator, labels: NDArray[np.int32], centres: NDArray[np.float64], radii: NDArray[np.float64]
) -> FloatImage:
    """Brightness factor (size, size): slope and bulge of each leaf, its texture, and shadows from the leaves above."""
    size, count = labels.shape[0], len(radii)
    x, y = coordinates(size)
    scale = (1 / np.maximum(radii, 2)).astype(np.float32)[labels]
    across = (x * size - centres[:, 0].astype(np.float32)[labels]) * scale
    down = (y * size - centres[:, 1].astype(np.float32)[labels]) * scale
    slopes = rng.standard_normal((2, count), dtype=np.float32) * np.float32(between(rng, 0.02, 0.2))
    bulge = (rng.random(count, dtype=np.float32) * np.float32(between(rng, 0, 0.35)))[labels]
    light = 1 + slopes[0][labels] * across + slopes[1][labels] * down - bulge * (across * across + down * down)
    strength = rng.random((2, count), dtype=np.float32) ** 2 * np.float32(between(rng, 0.05, 0.4))
    light = light + strength[0][labels] * material(rng, size) + 0.6 * strength[1][labels] * fractal(rng, size, size)
    return as_float(np.clip(light, 0.15, 2) * shadow(rng, labels, count))


def shadow(rng: np.random.Generator, labels: NDArray[np.int32], count: int) -> FloatImage:
    """Darkening beside what lies higher, as seen under a light that is a little to one side."""
    height = labels.astype(np.float32) / np.float32(count)
    offset = between(rng, 0, labels.shape[0] / 60), between(rng, 0, labels.shape[0] / 60)
    move = np.array([[1, 0, offset[0]], [0, 1, offset[1]]], dtype=np.float32)
    moved = as_float(cv2.warpAffine(height, move, labels.shape[::-1], borderMode=cv2.BORDER_REFLECT_101))
    covered = np.maximum(blur(moved, labels.shape[0] / 80) - height, 0)
    return as_float(1 - np.float32(between(rng, 0.2, 0.9)) * np.minimum(covered, 0.8))
