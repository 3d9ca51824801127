"""Typed edges of OpenCV and the few array operations that every scene is made of.

Scenes are rendered as `float32 (size, size, 3)` sRGB-encoded RGB in [0, 1]; masks and fields are `float32 (H, W)`.
Broadcasting a mask over three interleaved channels is ten times slower in numpy than in OpenCV, so compositing goes
through `cv2.blendLinear` and `cv2.merge`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
ByteImage = NDArray[np.uint8]
Colour = NDArray[np.float32]
Scene = Callable[[np.random.Generator, int], FloatImage]

FRACTION_BITS = 4
"""Sub-pixel bits of the integer coordinates that OpenCV's drawing functions take (`shift`)."""


def as_float(image: Any) -> FloatImage:
    """`image` seen as float32; no copy where it is already."""
    return np.asarray(image, dtype=np.float32)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """One number uniform in [low, high)."""
    return low + (high - low) * float(rng.random())


def chance(rng: np.random.Generator, probability: float) -> bool:
    return float(rng.random()) < probability


def spaced(start: float, stop: float, step: float) -> NDArray[np.float64]:
    """`start`, `start + step`, ... below `stop`."""
    return start + step * np.arange(max(0, math.ceil((stop - start) / step)), dtype=np.float64)


def coordinates(size: int) -> tuple[FloatImage, FloatImage]:
    """`x (1, size)` and `y (size, 1)`, pixel centres from 0 to 1, to be broadcast."""
    line = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    return line[None, :], line[:, None]


def fixed(points: Any) -> NDArray[np.int32]:
    """Pixel coordinates as the fixed-point integers of OpenCV's drawing functions."""
    return np.round(np.asarray(points) * (1 << FRACTION_BITS)).astype(np.int32)


def flat(size: int, colour: Colour) -> FloatImage:
    """float32 (size, size, 3) of one colour."""
    return np.full((size, size, 3), colour, dtype=np.float32)


def tint(shade: FloatImage, colour: Colour) -> FloatImage:
    """`shade (H, W)` times `colour (3,)`: float32 (H, W, 3)."""
    return as_float(cv2.merge([shade * colour[channel] for channel in range(3)]))


def ramp(position: FloatImage, start: Colour, end: Colour) -> FloatImage:
    """From `start` where `position (H, W)` is 0 to `end` where it is 1: float32 (H, W, 3)."""
    step = end - start
    return as_float(cv2.merge([start[channel] + position * step[channel] for channel in range(3)]))


def shade(image: FloatImage, light: FloatImage) -> FloatImage:
    """`image (H, W, 3)` times `light (H, W)`."""
    return as_float(cv2.multiply(image, cv2.merge((light, light, light))))


def over(image: FloatImage, layer: FloatImage, mask: FloatImage) -> FloatImage:
    """`layer` over `image` through `mask (H, W)` in [0, 1]."""
    return as_float(cv2.blendLinear(layer, image, mask, 1 - mask))


def blur(image: FloatImage, sigma: float) -> FloatImage:
    """Gaussian blur; large radii go over a smaller copy, which costs a tenth."""
    if sigma < 3:
        return as_float(cv2.GaussianBlur(image, (0, 0), sigma))
    height, width = image.shape[:2]
    factor = 2 if sigma < 8 else 4
    reduced = cv2.resize(image, (max(2, width // factor), max(2, height // factor)), interpolation=cv2.INTER_AREA)
    return resized(as_float(cv2.GaussianBlur(reduced, (0, 0), sigma / factor)), height, width, cv2.INTER_LINEAR)


def resized(image: FloatImage, height: int, width: int, interpolation: int = cv2.INTER_CUBIC) -> FloatImage:
    return as_float(cv2.resize(image, (width, height), interpolation=interpolation))


def sampled(image: FloatImage, x: FloatImage, y: FloatImage) -> FloatImage:
    """`image` read at pixel coordinates `x (H, W)`, `y (H, W)`, mirrored at its border."""
    return as_float(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def smoothstep(values: FloatImage, low: float, high: float) -> FloatImage:
    """0 below `low`, 1 above `high`, a cubic in between."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return as_float(t * t * (3 - 2 * t))


def ellipse_mask(size: int, centre: tuple[float, float], radii: tuple[float, float], angle: float = 0.0) -> FloatImage:
    """An anti-aliased ellipse; `centre` and `radii` in pixels, `angle` in degrees."""
    mask = np.zeros((size, size), dtype=np.uint8)
    x, y = (int(v) for v in fixed(centre))
    across, down = (max(1, int(v)) for v in fixed(radii))
    cv2.ellipse(mask, (x, y), (across, down), angle, 0, 360, 255, -1, cv2.LINE_AA, FRACTION_BITS)
    return unit(mask)


def polygon_mask(size: int, points: Any) -> FloatImage:
    """An anti-aliased polygon; `points (n, 2)` in pixels."""
    mask = np.zeros((size, size), dtype=np.uint8)
    cv2.fillPoly(mask, [fixed(points)], 255, cv2.LINE_AA, FRACTION_BITS)
    return unit(mask)


def dab(
    image: FloatImage,
    centre: tuple[float, float],
    radii: tuple[float, float],
    colour: Colour,
    opacity: float = 1.0,
    softness: float = 0.0,
    angle: float = 0.0,
) -> FloatImage:
    """`image` with an ellipse of `colour` whose edge is `softness` pixels soft; touches its surroundings only."""
    reach = int(max(radii) + 3 * softness) + 3
    left, top = max(0, int(centre[0]) - reach), max(0, int(centre[1]) - reach)
    patch = image[top : int(centre[1]) + reach, left : int(centre[0]) + reach]
    if min(patch.shape) < 1:
        return image
    mask = np.zeros(patch.shape[:2], dtype=np.uint8)
    x, y = (int(v) for v in fixed((centre[0] - left, centre[1] - top)))
    across, down = (max(1, int(v)) for v in fixed(radii))
    cv2.ellipse(mask, (x, y), (across, down), angle, 0, 360, 255, -1, cv2.LINE_AA, FRACTION_BITS)
    soft = blur(unit(mask), softness) if softness > 0.2 else unit(mask)
    done = image.copy()
    done[top : top + patch.shape[0], left : left + patch.shape[1]] = over(
        np.ascontiguousarray(patch), np.full(patch.shape, colour, dtype=np.float32), soft * np.float32(opacity)
    )
    return done


def unit(image: Any) -> FloatImage:
    """uint8 to float32 in [0, 1]."""
    return as_float(image) * np.float32(1 / 255)


def to_bytes(image: FloatImage) -> ByteImage:
    """float32 in [0, 1] to uint8, clipped and rounded."""
    return cast(ByteImage, cv2.convertScaleAbs(np.clip(image, 0, 1), alpha=255.0))


def rgb255(colour: Colour) -> tuple[float, float, float]:
    """A colour in [0, 1] as the scalar that OpenCV draws with on uint8."""
    red, green, blue = (float(v) * 255 for v in np.clip(colour, 0, 1))
    return red, green, blue
