"""Edits that name a colour: tint, turn one colour into another, keep one colour."""

from __future__ import annotations

import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds.base import FloatImage, Kind, clip, colour_of, float32, luma, mix, strength
from training.starter.kinds.colours import (
    Colour,
    colour_mask,
    colour_named,
    from_hsv,
    hue_difference,
    mask_of_hsv,
    to_hsv,
)


def tint(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Towards a toned print: black, the colour, white."""
    paint = colour_of(*colour_named(instruction.colour).rgb)
    grey = luma(image)
    print_ = mix(paint * grey * 1.6, float32(1.0), clip((grey - 0.55) / 0.45) * 0.6)
    return mix(image, clip(print_), min(0.6 * strength(instruction), 0.92))


def recolour(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Pixels of one colour painted in another; a picture without the first comes back exactly as it was."""
    source, goal = colour_named(instruction.colour), colour_named(instruction.to_colour)
    hsv = to_hsv(image)
    mask = mask_of_hsv(hsv, source)[..., None]
    if not mask.any():
        return image.copy()
    return mix(image, _repainted(image, hsv, source, goal), mask)


def keep_only(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Everything grey but one colour."""
    mask = colour_mask(image, instruction.colour)[..., None]
    return mix(luma(image), image, mask)


def _repainted(image: FloatImage, hsv: FloatImage, source: Colour, goal: Colour) -> FloatImage:
    """The whole picture in the goal's hues: shading kept, saturation drawn to the goal's, luma half kept."""
    width = (goal.end - goal.start) / (source.end - source.start)
    offset = hue_difference(hsv[..., 0], source.hue) * min(0.4 * width, 0.4)
    painted = np.empty_like(hsv)
    painted[..., 0] = (goal.hue + offset) % 360.0
    painted[..., 1] = np.clip(0.5 * hsv[..., 1] + 0.5 * goal.saturation, 0.0, goal.saturation)
    painted[..., 2] = np.clip(0.08 + 0.95 * hsv[..., 2], 0.0, 1.0)
    rgb = from_hsv(painted)
    gain = np.sqrt((luma(image) + 0.05) / (luma(rgb) + 0.05))
    return clip(rgb * np.clip(gain, 0.65, 1.4))


KINDS = (
    Kind("tint", "recolour", tint, slots=("colour",), takes_amount=True),
    Kind("recolour", "recolour", recolour, slots=("colour", "to_colour")),
    Kind("keep_only", "recolour", keep_only, slots=("colour",)),
)
