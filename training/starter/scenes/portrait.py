"""Head and shoulders before a blurred background, in the statistical sense: where a portrait has skin, hair, eyes,
cloth and shadow, with their colours and shading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
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
    sampled,
    shade,
    smoothstep,
    tint,
)
from training.starter.scenes.backdrop import backdrop
from training.starter.scenes.noise import combed, fabric, fractal, pixel_grid, uniform
from training.starter.scenes.palette import object_colour, one, scene_palette


@dataclass(frozen=True)
class Head:
    """Centre and radii of a head in pixels, where the light comes from, and the skin's colour."""

    x: float
    y: float
    across: float
    down: float
    light: float
    skin: Colour

    def at(self, right: float, below: float) -> tuple[float, float]:
        """A point given in head radii from the centre."""
        return self.x + right * self.across, self.y + below * self.down


def portrait(rng: np.random.Generator, size: int) -> FloatImage:
    """float32 (size, size, 3) in [0, 1]."""
    image = backdrop(rng, size)
    people = 2 if chance(rng, 0.15) else 1
    for person in range(people):
        down = size * between(rng, 0.12, 0.42) / people**0.5
        middle = (person + 0.5) / people + between(rng, -0.14, 0.14)
        height = size * between(rng, 0.3, 0.5)
        head = Head(middle * size, height, down * between(rng, 0.7, 0.8), down, between(rng, -1, 1), one(rng, "skin"))
        image = figure(rng, image, head)
    return tilted(rng, image) if chance(rng, 0.6) else image


def figure(rng: np.random.Generator, image: FloatImage, head: Head) -> FloatImage:
    """One person: hair behind, clothes, neck, face, hair in front."""
    size = image.shape[0]
    strands = hair_texture(rng, size, head)
    image = hair_behind(rng, image, head, strands)
    image = neck(clothes(rng, image, head), head)
    image = features(rng, face(rng, image, head), head)
    return hair_in_front(rng, image, head, strands)


def tilted(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """The picture turned by some degrees about its centre."""
    size = image.shape[0]
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), between(rng, -14, 14), between(rng, 1.0, 1.15))
    return as_float(cv2.warpAffine(image, turn, (size, size), borderMode=cv2.BORDER_REFLECT_101))


def hair_texture(rng: np.random.Generator, size: int, head: Head) -> FloatImage:
    """Colour of the hair everywhere: strands that fall from the crown."""
    x, y = pixel_grid(size, size)
    around = np.arctan2(y - head.y + head.down * 0.6, x - head.x)
    bend = np.float32(between(rng, 0.1, 0.9)) * fractal(rng, size, size, 0.5, 3, 4.0)
    strands = combed(fractal(rng, size, size, 0.95, 32), as_float(around + bend), size * between(rng, 0.03, 0.12))
    shine = 0.16 * fractal(rng, size, size, 0.6, 4, 3.0)
    return tint(as_float(np.clip(0.95 + 0.2 * strands + shine, 0.2, 2.2)), one(rng, "hair"))


def hair_behind(rng: np.random.Generator, image: FloatImage, head: Head, strands: FloatImage) -> FloatImage:
    """Long hair down to the shoulders, or the rim of a short cut."""
    size = image.shape[0]
    long = chance(rng, 0.5)
    reach = between(rng, 1.25, 1.6) if long else between(rng, 1.02, 1.15)
    drop = between(rng, 0.3, 1.0) if long else -0.1
    radii = head.across * reach, head.down * (1.15 + 0.6 * max(drop, 0))
    return over(image, strands, ragged(rng, ellipse_mask(size, head.at(0, drop), radii), head.down * 0.06))


def ragged(rng: np.random.Generator, mask: FloatImage, reach: float) -> FloatImage:
    """`mask` with its outline disturbed by `reach` pixels."""
    height, width = mask.shape
    x, y = pixel_grid(height, width)
    dx, dy = (fractal(rng, height, width, 0.85, 8, 1.5) for _ in range(2))
    return sampled(mask, as_float(x + np.float32(reach) * dx), as_float(y + np.float32(reach) * dy))


def clothes(rng: np.random.Generator, image: FloatImage, head: Head) -> FloatImage:
    """Shoulders in cloth with folds, with stripes or an open collar at times."""
    size = image.shape[0]
    palette = scene_palette(rng, ("cloth", "grey", "earth"), 0.25)
    broad, top = between(rng, 1.9, 2.9), between(rng, 1.25, 1.5)
    mask = ellipse_mask(size, head.at(0, top + 1.7), (head.across * broad, head.down * 1.7))
    x, y = pixel_grid(size, size)
    light = 0.95 + np.float32(0.16 * head.light) * (x - head.x) / np.float32(head.across * broad)
    colour = object_colour(rng, palette, 0.35)
    body = tint(as_float(np.clip(light + np.float32(between(rng, 0.04, 0.2)) * fabric(rng, size), 0.1, 2)), colour)
    if chance(rng, 0.25):
        pitch = head.down * between(rng, 0.12, 0.5)
        stripes = smoothstep(as_float(np.sin((y + 0.2 * x) * np.float32(2 * np.pi / pitch))), -0.2, 0.2)
        body = over(body, tint(as_float(light), palette.pick(rng)), stripes)
    image = over(image, body, mask)
    if chance(rng, 0.6):
        depth, wide = between(rng, 0.3, 1.2), between(rng, 0.3, 0.6)
        corners = [head.at(-wide, top - 0.1), head.at(wide, top - 0.1), head.at(0, top + depth)]
        inner = as_float(head.skin * 0.85) if chance(rng, 0.6) else palette.pick(rng)
        image = over(image, flat(size, inner), polygon_mask(size, corners))
    return image


def neck(image: FloatImage, head: Head) -> FloatImage:
    """The neck, in the shadow of the chin."""
    size = image.shape[0]
    corners = [head.at(-0.55, 0.5), head.at(0.55, 0.5), head.at(0.62, 1.4), head.at(0, 1.55), head.at(-0.62, 1.4)]
    y = pixel_grid(size, size)[1]
    dark = as_float(0.55 + 0.35 * np.clip((y - head.y - head.down * 0.9) / np.float32(head.down * 0.5), 0, 1))
    return over(image, tint(dark, head.skin), polygon_mask(size, corners))


def face(rng: np.random.Generator, image: FloatImage, head: Head) -> FloatImage:
    """The face as a shaded ellipsoid with mottled skin, and the ears."""
    size = image.shape[0]
    for side in (-1, 1):
        image = dab(image, head.at(0.98 * side, 0.08), (head.across * 0.16, head.down * 0.2), head.skin * 0.8)
    x, y = pixel_grid(size, size)
    nx, ny = (x - head.x) / np.float32(head.across), (y - head.y) / np.float32(head.down)
    nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.02))
    hard = between(rng, 0.1, 0.6)
    light = (1.12 - hard) + hard * (np.float32(0.7 * head.light) * nx - 0.35 * ny + 0.8 * nz)
    mottle = np.float32(0.03) * fractal(rng, size, size, 0.8, 8)
    rosy = as_float(np.clip(head.skin * np.array([1.02, 0.86, 0.84]), 0, 1))
    blush = uniform(as_float(2 * fractal(rng, size, size, 0.6, 6, 2.0)))
    body = shade(ramp(blush * np.float32(0.6), head.skin, rosy), as_float(np.clip(light + mottle, 0.2, 1.5)))
    jaw = ellipse_mask(size, head.at(0, 0.28), (head.across * between(rng, 0.72, 0.92), head.down * 0.76))
    skull = ellipse_mask(size, head.at(0, -0.12), (head.across, head.down * 0.88))
    return over(image, body, as_float(np.maximum(jaw, skull)))


def features(rng: np.random.Generator, image: FloatImage, head: Head) -> FloatImage:
    """Eyes, brows, nose and mouth."""
    turned = between(rng, -0.18, 0.18)
    dark, iris = one(rng, "hair") * np.float32(0.6), one(rng, ("hair", "water", "foliage")[int(rng.integers(3))])
    open_eye = between(rng, 0.05, 0.1)
    for side in (-0.4, 0.4):
        image = eye(image, head, side + turned, open_eye, iris)
        brow = head.at(side + turned, -0.3)
        radii = head.across * 0.22, head.down * between(rng, 0.02, 0.05)
        image = dab(image, brow, radii, dark, 0.8, head.down * 0.02, math.copysign(8, side))
    side = math.copysign(0.12, -head.light)
    low, soft = as_float(head.skin * np.array([0.62, 0.52, 0.5])), head.down * 0.05
    image = dab(image, head.at(turned + side, 0.12), (head.across * 0.08, head.down * 0.2), low, 0.45, soft)
    image = dab(image, head.at(turned * 1.2, 0.3), (head.across * 0.17, head.down * 0.05), low, 0.7, soft * 0.5)
    bright = as_float(np.clip(head.skin * 1.25, 0, 1))
    image = dab(image, head.at(turned * 1.2, 0.18), (head.across * 0.06, head.down * 0.12), bright, 0.5, soft * 0.6)
    image = mouth(rng, image, head, turned)
    if chance(rng, 0.15):
        image = dab(image, head.at(turned, 0.7), (head.across * 0.6, head.down * 0.3), dark, 0.7, head.down * 0.1)
    return image


def eye(image: FloatImage, head: Head, right: float, open_eye: float, iris: Colour) -> FloatImage:
    """Socket shadow, lid line, white, iris, pupil, catch light."""
    a, d = head.across, head.down
    socket = as_float(head.skin * np.array([0.7, 0.6, 0.58]))
    image = dab(image, head.at(right, -0.12), (a * 0.26, d * 0.14), socket, 0.5, d * 0.05)
    image = dab(image, head.at(right, -0.12), (a * 0.18, d * (open_eye + 0.025)), socket * np.float32(0.35), 0.9)
    image = dab(image, head.at(right, -0.11), (a * 0.16, d * open_eye), as_float(np.array([0.9, 0.88, 0.86])), 0.9)
    image = dab(image, head.at(right, -0.115), (d * (open_eye + 0.005), d * (open_eye + 0.005)), iris)
    image = dab(image, head.at(right, -0.115), (d * 0.03, d * 0.03), as_float(np.full(3, 0.03)))
    return dab(image, head.at(right + 0.04, -0.14), (d * 0.018, d * 0.018), as_float(np.ones(3)), 0.9)


def mouth(rng: np.random.Generator, image: FloatImage, head: Head, turned: float) -> FloatImage:
    """Lips, closed or showing teeth."""
    a, d = head.across, head.down
    lips = as_float(np.clip(head.skin * np.array([0.92, 0.6, 0.6]), 0, 1))
    wide, place = between(rng, 0.28, 0.42), head.at(turned, 0.55)
    image = dab(image, place, (a * wide, d * 0.085), lips, 0.95, d * 0.015)
    if chance(rng, 0.45):
        return dab(image, place, (a * wide * 0.8, d * 0.045), as_float(np.array([0.93, 0.9, 0.86])), 0.95)
    return dab(image, place, (a * wide * 0.9, d * 0.014), lips * np.float32(0.4), 0.9)


def hair_in_front(rng: np.random.Generator, image: FloatImage, head: Head, strands: FloatImage) -> FloatImage:
    """Hair above the forehead, parted somewhere; or a hat, or none."""
    size = image.shape[0]
    if chance(rng, 0.08):
        return image
    x, y = pixel_grid(size, size)
    part = between(rng, -0.5, 0.5)
    line = between(rng, -0.75, -0.5) + np.float32(between(rng, 0.2, 0.9)) * ((x - head.x) / head.across - part) ** 2
    above = smoothstep(as_float(line - (y - head.y) / head.down), -0.04, 0.04)
    cap = ellipse_mask(size, head.at(0, -0.15), (head.across * 1.08, head.down * between(rng, 0.95, 1.1)))
    return over(image, strands, ragged(rng, as_float(cap * above), head.down * 0.05))
