"""Streets by day and by night: facades with rows of windows, roads, cars, lamps, neon, wet reflections."""

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
    flat,
    over,
    ramp,
    rgb255,
    sampled,
    shade,
    smoothstep,
    spaced,
    to_bytes,
    unit,
)
from training.starter.scenes.landscape import meadow, perspective, sky
from training.starter.scenes.noise import fractal, material, pixel_grid
from training.starter.scenes.palette import Palette, object_colour, one, scene_palette, vivid


def city(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    return night(rng, size) if chance(rng, 0.45) else day(rng, size)


def day(rng: np.random.Generator, size: int) -> FloatImage:
    """Facades in daylight over a street with cars and people."""
    image, _ = sky(rng, size)
    palette = scene_palette(rng, ("earth", "interior", "grey", "pastel"), vividness=0.3)
    ground = between(rng, 0.55, 0.85)
    paint = to_bytes(image)
    for left, right, top in blocks(rng, size, ground):
        wall = palette.pick(rng)
        facade(rng, paint, (left, right, top, ground * size), wall, (wall * 0.35, wall * 0.55), 0.5)
    walls = shade(unit(paint), as_float(np.clip(1 + np.float32(between(rng, 0.03, 0.15)) * material(rng, size), 0, 2)))
    y = pixel_grid(size, size)[1]
    view = over(image, walls, smoothstep(as_float(np.abs(unit(paint) - image).max(axis=2)), 0.004, 0.02))
    view = meadow(rng, as_float(view), ground, one(rng, "grey"))
    view = shade(view, as_float(1 - 0.25 * np.exp(-(((y - ground * size) / (size * 0.03)) ** 2))))
    return traffic(rng, view, ground, palette)


def blocks(rng: np.random.Generator, size: int, ground: float) -> list[tuple[float, float, float]]:
    """Houses side by side: left, right and top in pixels."""
    places = [between(rng, -0.2, 0.0)]
    while places[-1] < 1:
        places.append(places[-1] + between(rng, 0.1, 0.45))
    tops = [between(rng, -0.1, ground - 0.1) * size for _ in places]
    return [(a * size, b * size, top) for a, b, top in zip(places, places[1:], tops, strict=False)]


def facade(
    rng: np.random.Generator,
    paint: ByteImage,
    box: tuple[float, float, float, float],
    wall: Colour,
    panes: tuple[Colour, Colour],
    lit: float,
) -> None:
    """One house front drawn on `paint`: `box` is left, right, top, bottom; `lit` the share of the second pane."""
    left, right, top, bottom = box
    size = paint.shape[0]
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    cv2.fillPoly(paint, [fixed(corners)], rgb255(wall), cv2.LINE_AA, FRACTION_BITS)
    pitch = np.array([between(rng, 0.025, 0.09), between(rng, 0.035, 0.1)]) * size
    inner = pitch * rng.uniform(0.35, 0.8, 2)
    across = spaced(left + 0.3 * float(pitch[0]), right - float(inner[0]), float(pitch[0]))
    x, y = np.meshgrid(across, spaced(top + 3, bottom, float(pitch[1])))
    corner = np.stack([x.ravel(), y.ravel()], 1)
    quads = fixed(corner[:, None, :] + inner * np.array([[0, 0], [1, 0], [1, 1], [0, 1]]))
    on = rng.random(len(quads)) < lit
    for chosen, pane in ((quads[~on], panes[0]), (quads[on], panes[1])):
        if len(chosen):
            cv2.fillPoly(paint, list(chosen), rgb255(pane), cv2.LINE_AA, FRACTION_BITS)


def traffic(rng: np.random.Generator, image: FloatImage, ground: float, palette: Palette) -> FloatImage:
    """Cars and people on the street, nearer ones larger."""
    size = image.shape[0]
    paint = to_bytes(image)
    for near in sorted(rng.random(int(rng.integers(0, 7)))):
        x, y = between(rng, 0, 1) * size, (ground + float(near) * (0.97 - ground)) * size
        reach = size * (0.05 + 0.13 * float(near))
        colour = object_colour(rng, palette, 0.6)
        (car if chance(rng, 0.5) else walker)(paint, (x, y), reach, colour, one(rng, "skin"))
    return unit(paint)


def car(paint: ByteImage, foot: tuple[float, float], reach: float, colour: Colour, _skin: Colour) -> None:
    """A car from the side."""
    place = np.array(foot)
    shape = np.array(
        [[-1, -0.1], [-1, -0.4], [-0.6, -0.45], [-0.4, -0.8], [0.4, -0.8], [0.65, -0.45], [1, -0.35], [1, -0.1]]
    )
    glass = np.array([[-0.5, -0.46], [-0.34, -0.74], [0.35, -0.74], [0.52, -0.46]])
    cv2.fillPoly(paint, [fixed(shape * reach + place)], rgb255(colour), cv2.LINE_AA, FRACTION_BITS)
    cv2.fillPoly(paint, [fixed(glass * reach + place)], (45, 55, 65), cv2.LINE_AA, FRACTION_BITS)
    for wheel in (-0.6, 0.6):
        x, y = (int(v) for v in fixed((foot[0] + wheel * reach, foot[1] - 0.12 * reach)))
        cv2.circle(paint, (x, y), int(fixed(reach * 0.17)), (20, 20, 22), -1, cv2.LINE_AA, FRACTION_BITS)


def walker(paint: ByteImage, foot: tuple[float, float], reach: float, colour: Colour, skin: Colour) -> None:
    """A standing person."""
    place, tall = np.array(foot), reach * 1.5
    legs = np.array([[-0.12, 0], [-0.03, -0.5], [0.03, -0.5], [0.12, 0], [0.16, -0.5], [-0.16, -0.5]])
    coat = np.array([[-0.15, -0.42], [-0.19, -0.82], [0.19, -0.82], [0.15, -0.42]])
    cv2.fillPoly(paint, [fixed(legs * tall + place)], rgb255(colour * 0.3), cv2.LINE_AA, FRACTION_BITS)
    cv2.fillPoly(paint, [fixed(coat * tall + place)], rgb255(colour), cv2.LINE_AA, FRACTION_BITS)
    x, y = (int(v) for v in fixed((foot[0], foot[1] - 0.91 * tall)))
    cv2.circle(paint, (x, y), int(fixed(tall * 0.08)), rgb255(skin), -1, cv2.LINE_AA, FRACTION_BITS)


def night(rng: np.random.Generator, size: int) -> FloatImage:
    """Dark houses with lit windows, lamps with halos, neon, and their mirror image on a wet street."""
    ground = between(rng, 0.55, 0.85)
    y = as_float(pixel_grid(size, size)[1] / size)
    paint = to_bytes(ramp(y, one(rng, "night"), as_float(np.clip(one(rng, "night") * 2, 0, 1))))
    for left, right, top in blocks(rng, size, ground):
        lamp = one(rng, "dusk") if chance(rng, 0.8) else one(rng, "pastel")
        wall = one(rng, "night")
        facade(rng, paint, (left, right, top, ground * size), wall, (wall * 0.6, lamp), between(rng, 0.05, 0.6))
    image = unit(paint)
    mirror = sampled(image, *rippled(rng, size, ground))
    street = over(mirror * np.float32(0.55), flat(size, one(rng, "night")), as_float(np.full_like(y, 0.35)))
    image = over(image, street, smoothstep(y, ground, ground + 1.5 / size))
    return lamps(rng, image, ground)


def rippled(rng: np.random.Generator, size: int, ground: float) -> tuple[FloatImage, FloatImage]:
    """Where each pixel of the wet street sees its mirror image: x and y in pixels."""
    x, y = pixel_grid(size, size)
    sway = fractal(rng, size, size, 0.8, 8, 1.0, (1.0, 4.0)) * np.float32(size * 0.012)
    near = perspective(size, ground)
    return as_float(x + sway * near), as_float(2 * ground * size - y + 3 * sway * near)


def lamps(rng: np.random.Generator, image: FloatImage, ground: float) -> FloatImage:
    """Points of light with halos, and neon lines."""
    size = image.shape[0]
    lights = np.zeros((size, size, 3), dtype=np.uint8)
    for _ in range(int(rng.integers(3, 22))):
        colour = vivid(rng) if chance(rng, 0.35) else one(rng, "dusk")
        x, y = (int(v) for v in fixed((between(rng, 0, size), between(rng, 0.2, ground + 0.1) * size)))
        radius = int(fixed(size * between(rng, 0.004, 0.02)))
        cv2.circle(lights, (x, y), radius, rgb255(colour), -1, cv2.LINE_AA, FRACTION_BITS)
    if chance(rng, 0.4):
        line = rng.random((int(rng.integers(2, 6)), 2)) * size * 0.3 + rng.random(2) * size * 0.5
        cv2.polylines(lights, [fixed(line)], False, rgb255(vivid(rng)), 2, cv2.LINE_AA, FRACTION_BITS)
    spots = unit(lights)
    halo = blur(spots, size * between(rng, 0.015, 0.05))
    return as_float(np.clip(image + 1.2 * spots + np.float32(between(rng, 1, 4)) * halo, 0, 1))
