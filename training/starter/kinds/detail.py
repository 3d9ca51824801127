"""Edits of fine detail: blur, sharpness, blocks and relief."""

from __future__ import annotations

import cv2
import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds.base import FloatImage, Kind, float32, long_side, luma, strength
from training.starter.kinds.filters import blurred, resized, shifted

_BLOCKS = {0.5: 32, 1.0: 16, 1.6: 8}


def blur(image: FloatImage, instruction: Instruction) -> FloatImage:
    return blurred(image, 0.016 * strength(instruction))


def sharpen(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Unsharp mask at two scales, strong enough to be seen on a soft photo."""
    share = strength(instruction)
    fine, coarse = image - blurred(image, 0.006), image - blurred(image, 0.02)
    return float32(image + share * (1.3 * fine + 0.6 * coarse))


def pixelate(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Means of square blocks: 32, 16 or 8 along the long side."""
    height, width = image.shape[:2]
    blocks = _BLOCKS[strength(instruction)] / long_side(image)
    if blocks >= 1.0:
        return image.copy()
    small = resized(image, max(round(width * blocks), 1), max(round(height * blocks), 1))
    return float32(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))


def emboss(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Grey relief lit from the top left."""
    grey = blurred(luma(image), 0.004)
    relief = shifted(grey, 0.008, 0.008) - shifted(grey, -0.008, -0.008)
    return np.repeat(0.5 - 1.4 * relief, 3, axis=2)


KINDS = (
    Kind("blur", "texture", blur, takes_amount=True),
    Kind("sharpen", "texture", sharpen, takes_amount=True),
    Kind("pixelate", "texture", pixelate, takes_amount=True),
    Kind("emboss", "texture", emboss),
)
