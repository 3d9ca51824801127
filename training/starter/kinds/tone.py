"""Edits of light and dark: each pixel's result depends on that pixel's lightness."""

from __future__ import annotations

import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds.base import FloatImage, Kind, clip, float32, luma, mix, saturated, smoothstep, strength


def black_and_white(image: FloatImage, instruction: Instruction) -> FloatImage:
    return np.repeat(luma(image), 3, axis=2)


def stencil(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Black below the mean luma and white above, with a soft step of a tenth between."""
    grey = luma(image)
    middle = float(grey.mean())
    return np.repeat(smoothstep(middle - 0.05, middle + 0.05, grey), 3, axis=2)


def brighter(image: FloatImage, instruction: Instruction) -> FloatImage:
    return 1.0 - (1.0 - image) ** (1.0 + 0.9 * strength(instruction))


def darker(image: FloatImage, instruction: Instruction) -> FloatImage:
    return image * (1.0 - 0.45 * strength(instruction))


def more_contrast(image: FloatImage, instruction: Instruction) -> FloatImage:
    return 0.5 + (image - 0.5) * (1.0 + 0.9 * strength(instruction))


def less_contrast(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Luma drawn towards middle grey; the colours stay, which tells it from `muted`."""
    grey = luma(image)
    return float32(image + (0.5 - grey) * (0.55 * strength(instruction)))


def high_key(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Pale and airy: no shadows are left."""
    return 0.45 + 0.55 * saturated(image, 0.75) ** 0.8


def low_key(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Shadows sink into black, only the lights stay."""
    grey = luma(image)
    return saturated(image, 0.7) * smoothstep(0.3, 0.95, grey)


def invert(image: FloatImage, instruction: Instruction) -> FloatImage:
    return 1.0 - image


def solarise(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Darkroom solarisation: a tent curve, so that both black and white come out black."""
    return float32(1.0 - np.abs(2.0 * image - 1.0))


def posterise(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Each channel in 5, 3 or 2 steps, from black to white."""
    steps = {0.5: 4, 1.0: 2, 1.6: 1}[strength(instruction)]
    return float32(np.floor(clip(image) * (steps + 0.999)) / steps)


def muted(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Muted colours: little chroma, blacks and whites drawn in a little."""
    share = 0.6 * strength(instruction)
    return mix(image, 0.14 + 0.74 * luma(image), min(share, 0.82))


KINDS = (
    Kind("black_and_white", "tone", black_and_white),
    Kind("stencil", "tone", stencil),
    Kind("brighter", "tone", brighter, takes_amount=True),
    Kind("darker", "tone", darker, takes_amount=True),
    Kind("more_contrast", "tone", more_contrast, takes_amount=True),
    Kind("less_contrast", "tone", less_contrast, takes_amount=True),
    Kind("high_key", "tone", high_key),
    Kind("low_key", "tone", low_key),
    Kind("invert", "tone", invert),
    Kind("solarise", "tone", solarise),
    Kind("posterise", "tone", posterise, takes_amount=True),
    Kind("muted", "tone", muted, takes_amount=True),
)
