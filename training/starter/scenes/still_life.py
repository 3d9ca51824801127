"""Table tops: cups, saucers, plates, spoons and fruit on wood or cloth in warm light."""

from __future__ import annotations

import numpy as np

from training.starter.scenes.arrays import (
    Colour,
    FloatImage,
    as_float,
    between,
    chance,
    dab,
    ellipse_mask,
    flat,
    over,
    polygon_mask,
    ramp,
    shade,
    tint,
)
from training.starter.scenes.backdrop import backdrop
from training.starter.scenes.landscape import on_ground
from training.starter.scenes.noise import fractal, material, pixel_grid, uniform, wood
from training.starter.scenes.palette import object_colour, one, scene_palette
from training.starter.scenes.solids import Light, Place, ball, can, cast_shadow, random_light


def still_life(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    palette = scene_palette(rng, ("interior", "earth", "pastel", "dusk"), vividness=0.3)
    light, flatness = random_light(rng), between(rng, 0.3, 0.8)
    image = table(rng, size)
    closeness = 2 ** between(rng, 0, 1.5)
    for foot in sorted(rng.random(int(rng.integers(2, 6)))):
        reach = closeness * size * between(rng, 0.08, 0.2) * (0.7 + 0.8 * float(foot))
        place = Place(between(rng, 0.05, 0.95) * size, (0.35 + 0.6 * float(foot)) * size, reach)
        colour = one(rng, "paper") if chance(rng, 0.35) else object_colour(rng, palette, 0.5)
        image = thing(rng, image, place, light, colour, flatness)
    return image


def table(rng: np.random.Generator, size: int) -> FloatImage:
    """A table top of wood, stone or cloth, filling the picture or ending at a blurred room."""
    grain = wood(rng, size) if chance(rng, 0.55) else material(rng, size)
    colours = (one(rng, "interior") if chance(rng, 0.6) else one(rng, "earth")), one(rng, "hair")
    if chance(rng, 0.5):
        return shade(ramp(uniform(grain) * np.float32(between(rng, 0.3, 0.9)), *colours), glow(rng, size))
    horizon = between(rng, 0.15, 0.45)
    laid = uniform(on_ground(grain, horizon - 0.1, between(rng, 2, 5)))
    top = shade(ramp(laid * np.float32(between(rng, 0.3, 0.9)), *colours), glow(rng, size))
    y = pixel_grid(size, size)[1]
    return over(backdrop(rng, size), top, as_float(np.clip(y - horizon * size, 0, 1)))


def glow(rng: np.random.Generator, size: int) -> FloatImage:
    """Uneven light over the table."""
    return as_float(np.clip(1 + 0.15 * fractal(rng, size, size, 0.5, 2, 8.0), 0.4, 1.6))


def thing(
    rng: np.random.Generator, image: FloatImage, place: Place, light: Light, colour: Colour, flatness: float
) -> FloatImage:
    """A cup, a plate, a fruit, a jar or a spoon."""
    draw = float(rng.random())
    if draw < 0.35:
        return cup(rng, saucer(rng, image, place, light, colour, flatness), place, light, colour, flatness)
    if draw < 0.55:
        return saucer(rng, image, place, light, colour, flatness)
    if draw < 0.65:
        return spoon(rng, image, place)
    shadowed = cast_shadow(rng, image, place, light)
    smaller = Place(place.x, place.y, place.reach * 0.6)
    return (ball if draw < 0.88 else can)(rng, shadowed, smaller, light, colour)


def saucer(
    rng: np.random.Generator, image: FloatImage, place: Place, light: Light, colour: Colour, flatness: float
) -> FloatImage:
    """A plate: rim, well and foot as shaded ellipses, perhaps with something on it."""
    size = image.shape[0]
    image = cast_shadow(rng, image, place, light)
    x, y = pixel_grid(size, size)
    slope = ((x - place.x) * light.x + (y - place.y) * light.y) / np.float32(place.reach)
    for share, sign in ((1.0, 1.0), (0.93, -0.6), (0.62, 0.9), (0.57, -0.2)):
        bright = np.clip(0.85 + np.float32(0.22 * sign) * slope, 0.3, 1.25)
        mask = ellipse_mask(size, (place.x, place.y), (place.reach * share, place.reach * share * flatness))
        image = over(image, tint(as_float(bright), colour), mask)
    if chance(rng, 0.35):
        food = one(rng, "dusk") if chance(rng, 0.5) else one(rng, "hair")
        body = tint(as_float(np.clip(0.9 + 0.25 * fractal(rng, size, size, 0.9, 6), 0.2, 1.6)), food)
        radii = place.reach * between(rng, 0.25, 0.5), place.reach * between(rng, 0.2, 0.5) * flatness
        image = over(image, body, ellipse_mask(size, (place.x, place.y), radii))
    return image


def cup(
    rng: np.random.Generator, image: FloatImage, place: Place, light: Light, colour: Colour, flatness: float
) -> FloatImage:
    """A cup with handle, and coffee, tea or milk in it."""
    size = image.shape[0]
    half = place.reach * between(rng, 0.45, 0.6)
    tall = half * between(rng, 0.5, 1.5) * (1.2 - flatness)
    top, rim = place.y - tall, half * flatness
    x, _ = pixel_grid(size, size)
    side = -1 if chance(rng, 0.5) else 1
    grip = ellipse_mask(size, (place.x + side * half * 1.05, top + tall * 0.45), (half * 0.38, half * 0.34))
    hole = ellipse_mask(size, (place.x + side * half * 1.05, top + tall * 0.45), (half * 0.24, half * 0.2))
    image = over(image, flat(size, colour * np.float32(0.8)), as_float(np.clip(grip - hole, 0, 1)))
    nx = np.clip((x - place.x) / np.float32(half), -1, 1)
    bright = as_float(0.75 + 0.35 * np.float32(light.x) * nx + 0.15 * np.sqrt(1 - nx * nx))
    foot = ellipse_mask(size, (place.x, place.y), (half * 0.8, rim * 0.8))
    corners = [(place.x - half, top), (place.x + half, top), (place.x + half * 0.8, place.y)]
    wall = polygon_mask(size, [*corners, (place.x - half * 0.8, place.y)])
    image = over(image, tint(bright, colour), as_float(np.maximum(foot, wall)))
    image = over(image, flat(size, colour), ellipse_mask(size, (place.x, top), (half, rim)))
    inner = colour * np.float32(0.6)
    image = over(image, flat(size, inner), ellipse_mask(size, (place.x, top), (half * 0.92, rim * 0.92)))
    return drink(rng, image, (place.x, top + rim * 0.08), (half * 0.87, rim * 0.84))


def drink(
    rng: np.random.Generator, image: FloatImage, centre: tuple[float, float], radii: tuple[float, float]
) -> FloatImage:
    """A liquid with a lighter edge, foam and a reflection."""
    size = image.shape[0]
    liquid = one(rng, "hair") if chance(rng, 0.75) else one(rng, "interior")
    image = dab(image, centre, radii, as_float(np.clip(liquid * 1.6, 0, 1)))
    image = dab(image, centre, (radii[0] * 0.9, radii[1] * 0.88), liquid)
    if chance(rng, 0.5):
        foam = ellipse_mask(size, centre, (radii[0] * 0.8, radii[1] * 0.8))
        swirl = uniform(as_float(3 * fractal(rng, size, size, 0.7, 8)))
        cream = as_float(np.clip(liquid * 0.4 + np.array([0.55, 0.5, 0.42]), 0, 1))
        return over(image, flat(size, cream), foam * swirl)
    shine = centre[0] - radii[0] * 0.3, centre[1] - radii[1] * 0.3
    return dab(image, shine, (radii[0] * 0.25, radii[1] * 0.15), as_float(np.ones(3)), 0.5, radii[1] * 0.1)


def spoon(rng: np.random.Generator, image: FloatImage, place: Place) -> FloatImage:
    """A metal spoon: bowl and handle with a bright streak."""
    size = image.shape[0]
    turn = between(rng, 0, 2 * np.pi)
    along = np.array([np.cos(turn), np.sin(turn)])
    aside = np.array([-along[1], along[0]]) * place.reach * 0.05
    start, end = np.array([place.x, place.y]), np.array([place.x, place.y]) + along * place.reach * 2.2
    x, y = pixel_grid(size, size)
    off = ((x - place.x) * along[1] - (y - place.y) * along[0]) * np.float32(9 / place.reach)
    metal = tint(as_float(0.65 + 0.3 * np.sin(off)), as_float(one(rng, "grey") * 0.4 + 0.55))
    handle = polygon_mask(size, [start - aside, end - aside * 1.8, end + aside * 1.8, start + aside])
    bowl = ellipse_mask(size, (place.x, place.y), (place.reach * 0.35, place.reach * 0.22), float(np.degrees(turn)))
    return over(image, metal, as_float(np.maximum(handle, bowl)))
