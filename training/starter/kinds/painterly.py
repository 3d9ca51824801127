"""Edits that imitate drawing and painting."""

from __future__ import annotations

import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds.base import (
    FloatImage,
    Kind,
    across,
    clip,
    down,
    float32,
    long_side,
    luma,
    mix,
    saturated,
    smoothstep,
)
from training.starter.kinds.filters import blurred, box_means, edges, padded


def pencil_sketch(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Grey lines on white paper: luma divided by its own blur (colour dodge)."""
    return np.repeat(_dodged(image), 3, axis=2)


def colour_sketch(image: FloatImage, instruction: Instruction) -> FloatImage:
    """The pencil lines with pale crayon colours between them."""
    hues = float32(saturated(image, 1.6) + (0.78 - luma(image)))
    return _dodged(image) * clip(hues)


def oil_paint(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Strokes from a wide Kuwahara filter, in richer colours."""
    strokes = kuwahara(image, 4 / 128)
    relief = image - blurred(image, 0.012)
    rich = saturated(strokes, 1.45)
    return float32(0.5 + (rich - 0.5) * 1.12 + 0.1 * relief)


def watercolour(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Pale washes with darker rims that fade into white paper at the borders."""
    wash = kuwahara(blurred(image, 0.008), 3 / 128)
    rims = smoothstep(0.05, 0.3, edges(wash, 0.006))
    pale = float32(1.0 - 0.72 * (1.0 - clip(saturated(wash, 1.35))) * (1.0 + 0.3 * rims))
    return mix(float32(0.97), pale, _paper_mask(image))


def cartoon(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Flat vivid areas in few tones, with black outlines."""
    flat = clip(saturated(kuwahara(image, 3 / 128), 1.6))
    grey = luma(flat)
    stepped = (np.floor(grey * 4.999) + 0.5) / 5.0
    outlines = smoothstep(0.08, 0.22, edges(image, 0.006))
    return float32(clip(flat + (stepped - grey)) * (1.0 - outlines))


def kuwahara(image: FloatImage, share: float) -> FloatImage:
    """Of the four windows with a corner at the pixel, the mean of the one with least variance of luma.

    Kuwahara et al. 1976, by box sums, so its time does not depend on the window's size (`share` of the long side).
    """
    height, width = image.shape[:2]
    size = max(round(share * long_side(image)), 1) + 1
    around = padded(image, size)
    means, spread = box_means(around, size), _variance(luma(around), size)
    best, least = means[1 : 1 + height, 1 : 1 + width], spread[1 : 1 + height, 1 : 1 + width]
    for top, left in ((1, size), (size, 1), (size, size)):
        window = slice(top, top + height), slice(left, left + width)
        smaller = spread[window] < least
        best, least = np.where(smaller, means[window], best), np.where(smaller, spread[window], least)
    return best


def _variance(grey: FloatImage, size: int) -> FloatImage:
    mean = box_means(grey, size)
    return float32(box_means(grey * grey, size) - mean * mean)


def _dodged(image: FloatImage) -> FloatImage:
    grey = luma(image)
    ratio = (grey + 0.02) / (blurred(grey, 0.018) + 0.02)
    return smoothstep(0.35, 1.0, clip(ratio))


def _paper_mask(image: FloatImage) -> FloatImage:
    x, y = across(image), down(image)
    inset = np.minimum(np.minimum(x, 1.0 - x), np.minimum(y, 1.0 - y))
    return smoothstep(0.01, 0.1, inset)


KINDS = (
    Kind("pencil_sketch", "texture", pencil_sketch),
    Kind("colour_sketch", "texture", colour_sketch),
    Kind("oil_paint", "texture", oil_paint),
    Kind("watercolour", "texture", watercolour),
    Kind("cartoon", "texture", cartoon),
)
