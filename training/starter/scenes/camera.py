"""What a camera adds to a rendered scene: light, exposure, colour cast, tone curve, optics, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.scenes.arrays import (
    ByteImage,
    FloatImage,
    as_float,
    between,
    blur,
    chance,
    coordinates,
    resized,
    shade,
    to_bytes,
)
from training.starter.scenes.noise import fractal


def photograph(rng: np.random.Generator, image: FloatImage) -> ByteImage:
    """`image` float32 (size, size, 3) in [0, 1] as a camera would record it: uint8 of the same shape."""
    image = np.clip(image, 0, 1)
    image = lit(rng, image)
    image = balanced(rng, exposed(rng, image))
    image = toned(rng, saturated(rng, image))
    image = noisy(rng, optics(rng, image))
    return compressed(rng, to_bytes(image))


def lit(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """Uneven light: a linear fall-off, soft shadows, a vignette."""
    size = image.shape[0]
    x, y = coordinates(size)
    turn = between(rng, 0, 2 * np.pi)
    slope = between(rng, 0, 0.4) if chance(rng, 0.6) else 0.0
    light = 1 + np.float32(slope) * ((x - 0.5) * np.float32(np.cos(turn)) + (y - 0.5) * np.float32(np.sin(turn)))
    if chance(rng, 0.35):
        light = light * (1 + np.float32(between(rng, 0.02, 0.12)) * fractal(rng, size, size, 0.6, 2, 8.0))
    if chance(rng, 0.4):
        light = light * (1 - np.float32(between(rng, 0.1, 0.7)) * ((x - 0.5) ** 2 + (y - 0.5) ** 2))
    return shade(image, as_float(light))


def exposed(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """Exposure, pulled half-way towards a typical mean, as automatic exposure does."""
    mean = float(np.mean(image)) + 1e-3
    target = between(rng, 0.32, 0.58)
    gain = (target / mean) ** between(rng, 0.2, 0.6) * 2 ** between(rng, -0.25, 0.25)
    return as_float(np.minimum(image * np.float32(np.clip(gain, 0.5, 2.0)), 1))


def balanced(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """White balance: along the blackbody axis mostly, a little towards green or magenta."""
    warmth, magenta = 0.06 * float(rng.standard_normal()), 0.025 * float(rng.standard_normal())
    gains = np.diag([1 + warmth, 1 - magenta, 1 - warmth]).astype(np.float32)
    return as_float(cv2.transform(image, gains))


def saturated(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """More or less colour; now and then nearly none."""
    amount = between(rng, 0.02, 0.5) if chance(rng, 0.08) else between(rng, 0.8, 1.8)
    grey = np.tile(np.array([0.299, 0.587, 0.114]), (3, 1))
    mix = amount * np.eye(3) + (1 - amount) * grey
    return as_float(cv2.transform(image, mix.astype(np.float32)))


def toned(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """A tone curve: gamma, S-shaped contrast, lifted blacks."""
    clipped = np.clip(image, 0, 1)
    curved = as_float(cv2.pow(clipped, 2 ** between(rng, -0.35, 0.35)))
    bend = np.float32(between(rng, -0.1, 0.8))
    curved = curved + bend * (curved * curved * (3 - 2 * curved) - curved)
    black, white = between(rng, 0, 0.06), between(rng, 0.92, 1.04)
    return as_float(np.float32(black) + curved * np.float32(white - black))


def optics(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """Lens softness, sometimes real defocus, sometimes sharpening in the camera."""
    draw = float(rng.random())
    if draw < 0.06:
        return blur(image, between(rng, 0.8, 2.0))
    soft = as_float(cv2.GaussianBlur(image, (0, 0), between(rng, 0.3, 0.6)))
    if draw < 0.3:
        return as_float(cv2.addWeighted(soft, 1.5, as_float(cv2.GaussianBlur(soft, (0, 0), 1.2)), -0.5, 0))
    return soft


def noisy(rng: np.random.Generator, image: FloatImage) -> FloatImage:
    """Sensor noise: fine grain in brightness, coarser blotches in colour."""
    if chance(rng, 0.4):
        return image
    size = image.shape[0]
    level = 0.018 * float(rng.random()) ** 2 + 0.002
    grain = rng.standard_normal((size, size), dtype=np.float32) * np.float32(level)
    noise = cv2.merge((grain, grain, grain))
    half = max(2, size // 2)
    blotches = rng.standard_normal((half, half, 3), dtype=np.float32) * np.float32(level * 0.8)
    return as_float(cv2.add(cv2.add(image, noise), resized(blotches, size, size, cv2.INTER_LINEAR)))


def compressed(rng: np.random.Generator, image: ByteImage) -> ByteImage:
    """JPEG, in a third of the pictures."""
    if not chance(rng, 0.33):
        return image
    quality = int(rng.integers(45, 96))
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if done else None
    return image if decoded is None else np.asarray(decoded, dtype=np.uint8)
