"""Signs, posters and line drawings: flat colours, big letters, outlines, charts."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.scenes.arrays import (
    FRACTION_BITS,
    ByteImage,
    FloatImage,
    between,
    chance,
    fixed,
    flat,
    rgb255,
    shade,
    spaced,
    to_bytes,
    unit,
)
from training.starter.scenes.dead_leaves import leaf_outline
from training.starter.scenes.noise import fractal
from training.starter.scenes.page import FONTS, laid_down, word
from training.starter.scenes.palette import Palette, object_colour, one, scene_palette


def sign(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    palette = scene_palette(rng, ("grey", "cloth", "paper", "pastel"), vividness=0.5)
    board = to_bytes(flat(size, object_colour(rng, palette, 0.3) if chance(rng, 0.6) else one(rng, "paper")))
    panels(rng, board, palette)
    if chance(rng, 0.6):
        doodles(rng, board, palette)
    if chance(rng, 0.65):
        letters(rng, board, palette)
    worn = 1 + np.float32(between(rng, 0.005, 0.09)) * fractal(rng, size, size, between(rng, 0.7, 1), 2)
    image = shade(unit(board), np.asarray(worn, dtype=np.float32))
    return laid_down(rng, image) if chance(rng, 0.45) else image


def panels(rng: np.random.Generator, board: ByteImage, palette: Palette) -> None:
    """Flat shapes: discs, boxes, stripes, rings."""
    size = board.shape[0]
    for _ in range(int(rng.integers(0, 7))):
        centre, radius = rng.random(2) * size, size * between(rng, 0.08, 0.45)
        outline = fixed(leaf_outline(rng, ("ellipse", "box", "polygon")[int(rng.integers(3))]) * radius + centre)
        colour = rgb255(object_colour(rng, palette, 0.5))
        cv2.fillPoly(board, [outline], colour, cv2.LINE_AA, FRACTION_BITS)
        if chance(rng, 0.4):
            border = rgb255(palette.pick(rng))
            cv2.polylines(board, [outline], True, border, int(rng.integers(1, 5)), cv2.LINE_AA, FRACTION_BITS)


def doodles(rng: np.random.Generator, board: ByteImage, palette: Palette) -> None:
    """Curves, straight lines and grids as with a pen."""
    size = board.shape[0]
    colour = rgb255(one(rng, "night") if chance(rng, 0.6) else object_colour(rng, palette, 0.7))
    thick = int(rng.integers(1, 1 + max(2, size // 50)))
    for _ in range(int(rng.integers(3, 22))):
        steps = rng.standard_normal((int(rng.integers(2, 24)), 2)).cumsum(axis=0)
        line = rng.random(2) * size + steps * size * between(rng, 0.01, 0.1)
        cv2.polylines(board, [fixed(line)], chance(rng, 0.2), colour, thick, cv2.LINE_AA, FRACTION_BITS)
    if chance(rng, 0.3):
        pitch = size * between(rng, 0.05, 0.2)
        places = spaced(0, size, pitch)
        ends = np.zeros_like(places), np.full_like(places, size)
        upright = np.stack([np.stack([places, ends[0]], 1), np.stack([places, ends[1]], 1)], 1)
        lines = np.concatenate([upright, upright[:, :, ::-1]])
        cv2.polylines(board, list(fixed(lines)), False, colour, 1, cv2.LINE_AA, FRACTION_BITS)


def letters(rng: np.random.Generator, board: ByteImage, palette: Palette) -> None:
    """A few big words."""
    size = board.shape[0]
    for _ in range(int(rng.integers(1, 5))):
        scale = between(rng, 0.6, 3.2) * size / 160
        place = round(between(rng, -0.05, 0.5) * size), round(between(rng, 0.15, 1.0) * size)
        thick = max(1, round(scale * between(rng, 1, 4)))
        colour = rgb255(object_colour(rng, palette, 0.5) if chance(rng, 0.6) else one(rng, "night"))
        font = FONTS[int(rng.integers(len(FONTS)))]
        cv2.putText(board, word(rng, 7, chance(rng, 0.6)), place, font, scale, colour, thick, cv2.LINE_AA)
