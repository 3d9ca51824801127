"""Shaded solids: spheres, boxes and cylinders with Lambert and specular light on a floor before a wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.starter.scenes.arrays import (
    Colour,
    FloatImage,
    as_float,
    between,
    blur,
    chance,
    coordinates,
    ellipse_mask,
    flat,
    over,
    polygon_mask,
    shade,
    smoothstep,
    tint,
)
from training.starter.scenes.landscape import on_ground
from training.starter.scenes.noise import material, pixel_grid
from training.starter.scenes.palette import object_colour, scene_palette


@dataclass(frozen=True)
class Light:
    """Direction to the light as a unit vector (x right, y down, z to the camera), ambient share and gloss."""

    x: float
    y: float
    z: float
    ambient: float
    gloss: float


@dataclass(frozen=True)
class Place:
    """Where a solid stands: foot x and y, and its half-width, in pixels."""

    x: float
    y: float
    reach: float


def solids(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    palette = scene_palette(rng, ("interior", "grey", "earth", "pastel", "cloth"), vividness=0.2)
    light = random_light(rng)
    horizon = between(rng, 0.15, 0.6)
    image = room(rng, size, horizon, palette.pick(rng), palette.pick(rng))
    for foot in sorted(rng.random(int(rng.integers(2, 8)))):
        y = (horizon + 0.08 + float(foot) * (0.95 - horizon)) * size
        reach = size * between(rng, 0.05, 0.16) * (0.6 + 0.9 * float(foot))
        place = Place(between(rng, 0.05, 0.95) * size, y, reach)
        image = solid(rng, cast_shadow(rng, image, place, light), place, light, object_colour(rng, palette, 0.55))
    return image


def random_light(rng: np.random.Generator) -> Light:
    vector = np.array([between(rng, -1, 1), between(rng, -1, -0.3), between(rng, 0.3, 1)])
    x, y, z = (float(v) for v in vector / np.linalg.norm(vector))
    return Light(x, y, z, between(rng, 0.15, 0.5), between(rng, 0, 0.8))


def room(rng: np.random.Generator, size: int, horizon: float, wall: Colour, floor: Colour) -> FloatImage:
    """A wall over a floor, both of some material."""
    x, y = coordinates(size)
    fall = 1 + np.float32(between(rng, -0.4, 0.4)) * (x - 0.5) + np.float32(between(rng, -0.3, 0.3)) * (y - 0.5)
    back = as_float(fall + np.float32(between(rng, 0, 0.12)) * material(rng, size))
    texture = on_ground(material(rng, size), horizon - 0.05, between(rng, 2, 7))
    front = as_float(fall * np.float32(between(rng, 0.7, 1.2)) + np.float32(between(rng, 0.02, 0.22)) * texture)
    edge = as_float(np.broadcast_to(smoothstep(as_float(y), horizon, horizon + 1.5 / size), (size, size)))
    return over(tint(back, wall), tint(front, floor), edge)


def cast_shadow(rng: np.random.Generator, image: FloatImage, place: Place, light: Light) -> FloatImage:
    """The soft shadow of a solid on the floor."""
    size = image.shape[0]
    centre = place.x - light.x * place.reach * 1.1, place.y - 0.05 * place.reach
    mask = ellipse_mask(size, centre, (place.reach * 1.3, place.reach * 0.4), -8 * light.x)
    soft = blur(mask, max(0.5, place.reach * between(rng, 0.05, 0.25)))
    return shade(image, as_float(1 - np.float32(between(rng, 0.35, 0.75)) * soft))


def solid(rng: np.random.Generator, image: FloatImage, place: Place, light: Light, colour: Colour) -> FloatImage:
    """A ball, a can or a crate."""
    make = (ball, can, crate)[int(rng.integers(3))]
    return make(rng, image, place, light, colour)


def skin_of(rng: np.random.Generator, size: int) -> FloatImage:
    """Texture factor of a surface around 1."""
    if chance(rng, 0.5):
        return as_float(np.ones((size, size)))
    return as_float(1 + np.float32(between(rng, 0.03, 0.2)) * material(rng, size))


def lambert(nx: FloatImage, ny: FloatImage, nz: FloatImage, light: Light) -> tuple[FloatImage, FloatImage]:
    """Diffuse factor and highlight of a surface with the given normals."""
    facing = np.maximum(nx * light.x + ny * light.y + nz * light.z, 0)
    bounce = np.maximum(2 * facing * nz - light.z, 0)
    return as_float(light.ambient + (1.15 - light.ambient) * facing), as_float(light.gloss * bounce**24)


def ball(rng: np.random.Generator, image: FloatImage, place: Place, light: Light, colour: Colour) -> FloatImage:
    size = image.shape[0]
    x, y = pixel_grid(size, size)
    middle = place.y - place.reach * 0.95
    nx, ny = (x - place.x) / place.reach, (y - middle) / place.reach
    nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0))
    diffuse, highlight = lambert(as_float(nx), as_float(ny), as_float(nz), light)
    body = tint(as_float(diffuse * skin_of(rng, size)), colour) + highlight[..., None]
    return over(image, body, ellipse_mask(size, (place.x, middle), (place.reach, place.reach)))


def can(rng: np.random.Generator, image: FloatImage, place: Place, light: Light, colour: Colour) -> FloatImage:
    """An upright cylinder with its lid and perhaps a label."""
    size = image.shape[0]
    half, tall = place.reach * between(rng, 0.45, 0.9), place.reach * between(rng, 1.0, 3.2)
    rim = half * between(rng, 0.15, 0.4)
    x, y = pixel_grid(size, size)
    nx = np.clip((x - place.x) / half, -1, 1)
    diffuse, highlight = lambert(as_float(nx), as_float(0 * nx), as_float(np.sqrt(1 - nx * nx)), light)
    body = tint(as_float(diffuse * skin_of(rng, size)), colour)
    if chance(rng, 0.4):
        band = as_float(np.abs(y - place.y + tall * 0.5) < tall * between(rng, 0.1, 0.3))
        body = over(body, tint(diffuse, as_float(1 - colour)), band)
    body = body + highlight[..., None]
    foot = ellipse_mask(size, (place.x, place.y - rim), (half, rim))
    sides = [(place.x - half, place.y - tall), (place.x + half, place.y - tall)]
    wall = polygon_mask(size, [*sides, (place.x + half, place.y - rim), (place.x - half, place.y - rim)])
    image = over(image, as_float(body), as_float(np.maximum(foot, wall)))
    lid = as_float(colour * between(rng, 0.5, 1.2))
    return over(image, flat(size, lid), ellipse_mask(size, (place.x, place.y - tall), (half, rim)))


def crate(rng: np.random.Generator, image: FloatImage, place: Place, light: Light, colour: Colour) -> FloatImage:
    """A box that shows two sides and its top."""
    size = image.shape[0]
    turn, tall = between(rng, 0.25, 0.75), place.reach * between(rng, 0.5, 2.2)
    left, right = 2 * place.reach * turn, 2 * place.reach * (1 - turn)
    near = np.array([place.x + place.reach * (2 * turn - 1), place.y])
    to_left, to_right = np.array([-left, -0.35 * left]), np.array([right, -0.35 * right])
    up = np.array([0.0, -tall])
    lit_left, lit_right = max(-light.x, 0.0), max(light.x, 0.0)
    faces = (
        ([near, near + to_left, near + to_left + up, near + up], 0.5 + 0.6 * lit_left),
        ([near, near + to_right, near + to_right + up, near + up], 0.45 + 0.6 * lit_right),
        ([near + up, near + to_left + up, near + to_left + to_right + up, near + to_right + up], 0.6 - 0.6 * light.y),
    )
    grain = skin_of(rng, size)
    for corners, bright in faces:
        image = over(image, tint(as_float(grain * np.float32(bright)), colour), polygon_mask(size, corners))
    return image
