"""Furry animals close up: patterned coats of combed hair, ears, round eyes, nose, whiskers."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.starter.scenes.arrays import (
    FRACTION_BITS,
    Colour,
    FloatImage,
    as_float,
    between,
    chance,
    dab,
    ellipse_mask,
    fixed,
    flat,
    over,
    polygon_mask,
    ramp,
    shade,
    smoothstep,
    unit,
)
from training.starter.scenes.backdrop import backdrop
from training.starter.scenes.noise import combed, fractal, pixel_grid, warped
from training.starter.scenes.palette import family, one
from training.starter.scenes.portrait import Head, ragged


def animal(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    down = size * between(rng, 0.16, 0.42)
    x, y = size * between(rng, 0.25, 0.75), size * between(rng, 0.3, 0.55)
    colours = family(rng, "fur", 3)
    head = Head(x, y, down * between(rng, 0.9, 1.25), down, between(rng, -1, 1), colours[0])
    hair = coat(rng, size, head, colours)
    image = over(backdrop(rng, size), hair, ragged(rng, body_mask(rng, size, head), down * 0.05))
    image = ears(rng, image, head, hair)
    rim = ellipse_mask(size, (head.x, head.y + 0.1 * down), (head.across * 1.04, head.down * 1.04))
    image = over(image, shade(hair, flat_light(size, 0.6)), ragged(rng, rim, down * 0.06) * np.float32(0.6))
    image = over(image, hair, ragged(rng, ellipse_mask(size, (head.x, head.y), (head.across, head.down)), down * 0.05))
    return whiskers(rng, muzzle(rng, image, head, colours[2]), head)


def flat_light(size: int, value: float) -> FloatImage:
    return as_float(np.full((size, size), value))


def body_mask(rng: np.random.Generator, size: int, head: Head) -> FloatImage:
    """The body below or beside the head."""
    centre = head.at(between(rng, -1.2, 1.2), between(rng, 1.2, 1.9))
    return ellipse_mask(size, centre, (head.across * between(rng, 1.2, 2.2), head.down * between(rng, 1.2, 1.8)))


def coat(rng: np.random.Generator, size: int, head: Head, colours: FloatImage) -> FloatImage:
    """Fur everywhere: hair direction fans out from the nose, colour by stripes, patches or plain."""
    x, y = pixel_grid(size, size)
    away = np.arctan2(y - head.y - 0.3 * head.down, x - head.x)
    turn = as_float(away + np.float32(between(rng, 0.15, 0.6)) * fractal(rng, size, size, 0.6, 4, 3.0))
    hair = combed(fractal(rng, size, size, 1.1, 48), turn, size * between(rng, 0.02, 0.07))
    field = warped(rng, fractal(rng, size, size, 0.6, 3, 2.0), size / 40)
    if chance(rng, 0.45):
        field = as_float(np.sin(field * np.float32(between(rng, 3, 8)) + 2 * np.abs(x - head.x) / head.across))
    edge = between(rng, -0.8, 0.8)
    pattern = smoothstep(as_float(field + 0.25 * hair), edge, edge + between(rng, 0.3, 1.5))
    body = ramp(pattern * np.float32(between(rng, 0.2, 1)), colours[0], colours[1])
    soft = 0.12 * fractal(rng, size, size, 0.6, 3, 4.0) - 0.12 * np.float32(head.light) * (x - head.x) / size
    return shade(body, as_float(np.clip(0.95 + np.float32(between(rng, 0.12, 0.3)) * hair + soft, 0.15, 1.9)))


def ears(rng: np.random.Generator, image: FloatImage, head: Head, hair: FloatImage) -> FloatImage:
    """Two ears, pointed or hanging, pink or dark inside."""
    size = image.shape[0]
    hanging, spread, tall = chance(rng, 0.3), between(rng, 0.5, 0.75), between(rng, 1.3, 1.75)
    inner = as_float(one(rng, "skin") * between(rng, 0.5, 0.95))
    for side in (-1, 1):
        if hanging:
            flap = ellipse_mask(size, head.at(side, 0.0), (head.across * 0.28, head.down * 0.65), -12.0 * side)
            image = over(image, shade(hair, flat_light(size, 0.75)), ragged(rng, flap, head.down * 0.04))
            continue
        tip = head.at(side * spread * 1.15, -tall)
        outer = [head.at(side * (spread - 0.42), -0.7), tip, head.at(side * (spread + 0.3), -0.4)]
        inside = [head.at(side * (spread - 0.25), -0.75), head.at(side * spread * 1.12, -tall + 0.2)]
        image = over(image, hair, ragged(rng, polygon_mask(size, outer), head.down * 0.03))
        hollow = polygon_mask(size, [*inside, head.at(side * (spread + 0.17), -0.55)])
        image = over(image, flat(size, inner), hollow * np.float32(0.8))
    return image


def muzzle(rng: np.random.Generator, image: FloatImage, head: Head, pale: Colour) -> FloatImage:
    """Eyes, cheeks, nose and mouth."""
    a, d = head.across, head.down
    black = as_float(np.full(3, 0.04))
    iris = one(rng, ("dusk", "foliage", "water", "hair")[int(rng.integers(4))])
    slit, big = chance(rng, 0.5), between(rng, 0.12, 0.19)
    for side in (-0.42, 0.42):
        place = head.at(side, -0.12)
        image = dab(image, place, (d * (big + 0.035), d * big), black, 0.9, d * 0.02, math.copysign(12, side))
        image = dab(image, place, (d * big, d * big * 0.9), iris)
        image = dab(image, place, (d * big * (0.25 if slit else 0.6), d * big * 0.75), black)
        image = dab(image, head.at(side + 0.05, -0.18), (d * 0.03, d * 0.03), as_float(np.ones(3)))
    for side in (-0.18, 0.18):
        image = dab(image, head.at(side, 0.45), (a * 0.26, d * 0.22), pale, 0.6, d * 0.1)
    nose = as_float(one(rng, "skin") * np.array([0.9, 0.7, 0.7])) if chance(rng, 0.5) else black
    image = dab(image, head.at(0, 0.3), (a * 0.12, d * 0.08), nose, 0.95, d * 0.015)
    return dab(image, head.at(0, 0.52), (a * 0.03, d * 0.12), black, 0.5, d * 0.02)


def whiskers(rng: np.random.Generator, image: FloatImage, head: Head) -> FloatImage:
    """Long pale hairs beside the nose."""
    size = image.shape[0]
    if chance(rng, 0.3):
        return image
    roots = rng.uniform((-0.3, 0.35), (0.3, 0.55), (int(rng.integers(6, 16)), 2))
    tips = roots + np.stack([np.sign(roots[:, 0]), rng.uniform(-0.3, 0.35, len(roots))], 1)
    lines = np.stack([roots, (roots + tips) / 2 - (0, 0.06), tips], 1) * (head.across, head.down) + (head.x, head.y)
    mask = np.zeros((size, size), dtype=np.uint8)
    cv2.polylines(mask, list(fixed(lines)), False, 255, 1, cv2.LINE_AA, FRACTION_BITS)
    return over(image, flat(size, as_float(np.full(3, 0.92))), unit(mask) * np.float32(between(rng, 0.3, 0.8)))
