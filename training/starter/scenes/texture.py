"""Surfaces seen from the front: wood, stone, fabric, pebbles, coloured 1/f noise, soft gradients."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.scenes.arrays import FloatImage, as_float, between, chance, coordinates, over, ramp, shade, tint
from training.starter.scenes.noise import fractal, material, standard, uniform, warped
from training.starter.scenes.palette import Palette, scene_palette


def texture(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    palette = scene_palette(rng, vividness=0.25)
    draw = float(rng.random())
    if draw < 0.45:
        return surface(rng, size, palette)
    if draw < 0.75:
        return coloured_noise(rng, size, palette)
    return gradient(rng, size, palette)


def surface(rng: np.random.Generator, size: int, palette: Palette) -> FloatImage:
    """One material in two colours, with stains."""
    grain = material(rng, size)
    if chance(rng, 0.5):
        grain = as_float(np.ascontiguousarray(grain.T))
    body = ramp(uniform(grain), palette.pick(rng), palette.pick(rng))
    stains = np.float32(between(rng, 0, 0.2)) * fractal(rng, size, size, 0.7, 2)
    return shade(body, as_float(np.clip(1 + stains + np.float32(between(rng, 0, 0.15)) * grain, 0.2, 1.7)))


def coloured_noise(rng: np.random.Generator, size: int, palette: Palette) -> FloatImage:
    """Correlated 1/f noise in brightness and colour, sometimes warped like marble or smoke."""
    light = fractal(rng, size, size, between(rng, 0.7, 1.05), 2)
    if chance(rng, 0.5):
        light = warped(rng, light, between(rng, 1, size / 10))
    hue = uniform(as_float(fractal(rng, size, size, between(rng, 0.5, 0.9), 2, 2.0) + between(rng, 0, 1) * light))
    body = ramp(hue, palette.pick(rng), palette.pick(rng))
    return shade(body, as_float(np.clip(1 + np.float32(between(rng, 0.1, 0.4)) * light, 0.1, 1.9)))


def gradient(rng: np.random.Generator, size: int, palette: Palette) -> FloatImage:
    """Smooth gradients with bands or soft blobs: walls, studio backdrops, out-of-focus views."""
    x, y = coordinates(size)
    turn = between(rng, 0, 2 * np.pi)
    slope = standard(as_float(x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))))
    image = ramp(uniform(slope), palette.pick(rng), palette.pick(rng))
    for _ in range(int(rng.integers(0, 4))):
        blob = uniform(as_float(3 * fractal(rng, size, size, 0.5, 2, 6.0) - between(rng, 0, 3)))
        image = over(image, tint(blob, palette.pick(rng)), blob * np.float32(between(rng, 0.2, 0.9)))
    grain = np.float32(between(rng, 0, 0.03)) * fractal(rng, size, size, 0.95, 8)
    return as_float(cv2.add(image, cv2.merge((grain, grain, grain))))
