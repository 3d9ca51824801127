"""Landscapes: sky with clouds and sun, layers of hills fading into haze, water that mirrors them, trees."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.scenes.arrays import (
    FRACTION_BITS,
    Colour,
    FloatImage,
    as_float,
    between,
    blur,
    chance,
    coordinates,
    ellipse_mask,
    fixed,
    flat,
    over,
    ramp,
    sampled,
    shade,
    smoothstep,
    tint,
    unit,
)
from training.starter.scenes.noise import fractal, pixel_grid, stone, warped
from training.starter.scenes.palette import family, one


def landscape(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    horizon = between(rng, 0.3, 0.75)
    image, haze = sky(rng, size)
    layers = int(rng.integers(1, 5))
    ground = ("foliage", "earth", "water", "grey")[int(rng.choice(4, p=[0.45, 0.3, 0.1, 0.15]))]
    for layer in range(layers):
        near = (layer + 1) / layers
        base = horizon - 0.18 * (1 - near) + 0.08 * layer / layers
        colour = as_float((0.3 - 0.3 * near) * one(rng, ground) + near * one(rng, ground))
        image = hill(rng, image, base, near, colour, haze)
    if chance(rng, 0.35):
        return water(rng, image, horizon + 0.1)
    return meadow(rng, image, horizon + between(rng, 0.1, 0.2), one(rng, ground))


def sky(rng: np.random.Generator, size: int) -> tuple[FloatImage, Colour]:
    """Sky with clouds and perhaps a sun, and the colour of its haze."""
    mood = "dusk" if chance(rng, 0.3) else "sky"
    top, low = family(rng, mood, 2)
    haze = as_float(np.clip(low * 0.6 + 0.4 * one(rng, "pastel"), 0, 1))
    _, y = coordinates(size)
    field = as_float(np.broadcast_to(y, (size, size)) + np.float32(0.01) * fractal(rng, size, size, 0.5, 2, 8.0))
    image = ramp(as_float(np.clip(field * between(rng, 1.1, 2.2), 0, 1)), top, haze)
    if chance(rng, 0.5):
        image = sun(rng, image)
    return (clouds(rng, image, haze) if chance(rng, 0.75) else image), haze


def sun(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """A bright disc and its glow."""
    size = image.shape[0]
    centre = between(rng, 0.1, 0.9) * size, between(rng, 0.05, 0.5) * size
    radius = size * between(rng, 0.015, 0.06)
    disc = ellipse_mask(size, centre, (radius, radius))
    glow = np.clip(blur(disc, radius * 3) * np.float32(between(rng, 2, 6)), 0, 1)
    colour = as_float(np.array([1.0, between(rng, 0.75, 1.0), between(rng, 0.45, 0.95)]))
    return over(image, flat(size, colour), as_float(np.maximum(disc, glow * np.float32(between(rng, 0.3, 0.9)))))


def clouds(rng: np.random.Generator, image: FloatImage, haze: Colour) -> FloatImage:
    """Cloud cover by thresholded noise, lit from above."""
    size = image.shape[0]
    field = fractal(rng, size, size, between(rng, 0.5, 0.68), 2, 1.5, (1.0, between(rng, 1.2, 4)))
    field = warped(rng, field, between(rng, 0, size / 40))
    edge = between(rng, -0.8, 1.2)
    cover = smoothstep(field, edge, edge + between(rng, 0.5, 2.0)) * np.float32(between(rng, 0.5, 1))
    lift = np.roll(field, max(1, size // 40), axis=0) - field
    body = np.clip(between(rng, 0.75, 1.0) - np.float32(0.12) * field - np.float32(0.15) * lift, 0.3, 1)
    white = as_float(np.clip(np.float32(0.75) + 0.3 * haze, 0, 1))
    return over(image, tint(as_float(body), white), cover)


def ridge(rng: np.random.Generator, size: int, base: float, height: float, gain: float) -> FloatImage:
    """Height of a skyline per column in pixels from the top: float32 (size,)."""
    line = fractal(rng, 2, size, gain, 2)[0]
    return as_float((base - height * line) * size)


def hill(
    rng: np.random.Generator, image: FloatImage, base: float, near: float, colour: Colour, haze: Colour
) -> FloatImage:
    """One layer of hills from `base` downwards; `near` from 0 (far, hazy) to 1."""
    size = image.shape[0]
    height = between(rng, 0.08, 0.2) if chance(rng, 0.15) else between(rng, 0.01, 0.09)
    line = ridge(rng, size, base, height, between(rng, 0.4, 0.75))
    _, rows = pixel_grid(size, size)
    depth = as_float(rows - line)
    mask = smoothstep(depth, -0.6, 0.6)
    if chance(rng, 0.6):
        mask = as_float(np.maximum(mask, trees(rng, size, line, near)))
    relief = stone(rng, size) if chance(rng, 0.4) else fractal(rng, size, size, 0.85, 6, 1.0, (1.0, 1.6))
    light = np.clip(between(rng, 0.6, 1.1) + np.float32(0.22 * (0.3 + 0.7 * near)) * relief, 0.15, 1.6)
    fade = np.float32((1 - near) * between(rng, 0.4, 0.9))
    body = tint(as_float(light), as_float(colour * (1 - fade)))
    return over(image, as_float(cv2.add(body, flat(size, as_float(haze * fade)))), mask)


def trees(rng: np.random.Generator, size: int, line: FloatImage, near: float) -> FloatImage:
    """Mask of conifers or crowns standing on a skyline."""
    mask = np.zeros((size, size), dtype=np.uint8)
    height = size * between(rng, 0.02, 0.12) * (0.3 + 0.7 * near)
    count = int(rng.integers(3, 60))
    columns = rng.random(count) * size
    heights = height * (0.5 + rng.random(count))
    feet = line[columns.astype(int)] + height * 0.3
    if chance(rng, 0.5):
        left, right, tip = columns - heights * 0.25, columns + heights * 0.25, feet - heights
        corners = np.stack([left, feet, right, feet, columns, tip], axis=1).reshape(count, 3, 2)
        cv2.fillPoly(mask, list(fixed(corners)), 255, cv2.LINE_AA, FRACTION_BITS)
        return unit(mask)
    puffs = np.stack([columns, feet - heights * 0.6], axis=1)[:, None, :]
    puffs = puffs + rng.standard_normal((count, 5, 2)) * heights[:, None, None] * 0.22
    for (x, y), reach in zip(fixed(puffs).reshape(-1, 2), np.repeat(heights, 5) * 0.28, strict=True):
        cv2.circle(mask, (int(x), int(y)), int(reach * 16), 255, -1, cv2.LINE_AA, FRACTION_BITS)
    return unit(mask)


def perspective(size: int, horizon: float) -> FloatImage:
    """Nearness of the ground: 0 at the horizon, 1 at the bottom edge; (size, size)."""
    _, y = coordinates(size)
    near = np.clip((y - np.float32(horizon)) / np.float32(max(1 - horizon, 0.05)), 0, 1)
    return as_float(np.broadcast_to(near, (size, size)))


def on_ground(field: FloatImage, horizon: float, closeness: float = 6.0) -> FloatImage:
    """`field (size, size)` laid on the ground plane below the horizon, finer towards it."""
    size = field.shape[0]
    near = perspective(size, horizon)
    x, _ = pixel_grid(size, size)
    zoom = 1 / (near * np.float32(closeness) + 0.35)
    return sampled(field, as_float((x - size / 2) * zoom + size / 2), as_float(zoom * np.float32(size * 0.9)))


def meadow(rng: np.random.Generator, image: FloatImage, horizon: float, colour: Colour) -> FloatImage:
    """Foreground of grass, sand, rock or road in perspective."""
    size = image.shape[0]
    line = ridge(rng, size, horizon, 0.012, 0.6)
    _, rows = pixel_grid(size, size)
    texture = on_ground(fractal(rng, size, size, between(rng, 0.8, 1.0), 3), horizon)
    near = perspective(size, horizon)
    light = 0.75 + 0.25 * near + np.float32(between(rng, 0.08, 0.3)) * texture * (0.3 + near)
    other = one(rng, "foliage" if chance(rng, 0.5) else "earth")
    patches = smoothstep(on_ground(fractal(rng, size, size, 0.7, 4), horizon), -0.2, 0.8)
    body = over(flat(size, colour), flat(size, other), patches * np.float32(between(rng, 0, 0.9)))
    return over(image, shade(body, as_float(np.clip(light, 0.1, 1.7))), smoothstep(as_float(rows - line), -0.7, 0.7))


def water(rng: np.random.Generator, image: FloatImage, horizon: float) -> FloatImage:
    """A lake or sea from `horizon` down, mirroring what is above."""
    size = image.shape[0]
    x, y = pixel_grid(size, size)
    near = perspective(size, horizon)
    ripple = on_ground(fractal(rng, size, size, 0.85, 8, 1.0, (1.0, 3.0)), horizon, 8.0)
    sway = np.float32(size * between(rng, 0.003, 0.03)) * ripple * (0.15 + near)
    mirror = sampled(image, as_float(x + sway), as_float(2 * horizon * size - y + 2 * sway))
    light = np.clip(between(rng, 0.65, 0.95) + np.float32(between(rng, 0.03, 0.14)) * ripple, 0.2, 1.5)
    depth = flat(size, one(rng, "water"))
    body = shade(as_float(cv2.addWeighted(mirror, 0.75, depth, 0.25, 0)), as_float(light))
    return over(image, body, smoothstep(y, horizon * size - 0.6, horizon * size + 0.6))
