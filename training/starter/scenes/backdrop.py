"""Backgrounds out of focus, for scenes with one subject in front."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.scenes.arrays import FloatImage, between, blur, ellipse_mask, flat, over
from training.starter.scenes.dead_leaves import leaves
from training.starter.scenes.landscape import landscape
from training.starter.scenes.palette import Palette, one, scene_palette
from training.starter.scenes.solids import room
from training.starter.scenes.texture import gradient


def backdrop(rng: np.random.Generator, size: int) -> FloatImage:
    """A view, clutter, lights or a wall, blurred: float32 (size, size, 3)."""
    draw = float(rng.random())
    half = size // 2
    if draw < 0.25:
        small = landscape(rng, half)
    elif draw < 0.5:
        small = leaves(rng, half, scene_palette(rng, vividness=0.3), int(rng.integers(10, 40)))
    elif draw < 0.7:
        small = room(rng, half, between(rng, 0.2, 0.9), one(rng, "interior"), one(rng, "earth"))
    elif draw < 0.8:
        small = bokeh(rng, half, scene_palette(rng, vividness=0.6))
    else:
        return gradient(rng, size, scene_palette(rng, ("grey", "interior", "sky", "pastel", "cloth"), 0.15))
    soft = blur(small, half * between(rng, 0.008, 0.05))
    return np.asarray(cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def bokeh(rng: np.random.Generator, size: int, palette: Palette) -> FloatImage:
    """Bright discs of lights far out of focus on a dark ground."""
    image = flat(size, one(rng, "night"))
    for _ in range(int(rng.integers(4, 18))):
        radius = size * between(rng, 0.02, 0.09)
        mask = ellipse_mask(size, (between(rng, 0, size), between(rng, 0, size)), (radius, radius))
        image = over(image, flat(size, palette.pick(rng)), mask * np.float32(between(rng, 0.2, 0.8)))
    return image
