"""Edits of colour alone: gradings and toned prints."""

from __future__ import annotations

import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds.base import (
    FloatImage,
    Kind,
    clip,
    colour_of,
    float32,
    luma,
    mix,
    radius,
    saturated,
    smoothstep,
    strength,
)

_HEAT_STOPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_HEAT = ((0.0, 0.0, 0.15), (0.25, 0.0, 0.6), (0.85, 0.05, 0.4), (1.0, 0.45, 0.0), (1.0, 0.9, 0.1), (1.0, 1.0, 1.0))


def sepia(image: FloatImage, instruction: Instruction) -> FloatImage:
    """One brown: luma times a tone that keeps the lights just below clipping."""
    return luma(image) * colour_of(1.04, 0.84, 0.60)


def warmer(image: FloatImage, instruction: Instruction) -> FloatImage:
    share = strength(instruction)
    return image * colour_of(1.0 + 0.22 * share, 1.0 + 0.03 * share, 1.0 - 0.34 * share)


def cooler(image: FloatImage, instruction: Instruction) -> FloatImage:
    share = strength(instruction)
    return image * colour_of(1.0 - 0.32 * share, 1.0 - 0.02 * share, 1.0 + 0.28 * share)


def vivid(image: FloatImage, instruction: Instruction) -> FloatImage:
    return saturated(image, 1.0 + 1.1 * strength(instruction))


def duotone(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Blue shadows, orange lights."""
    return mix(colour_of(0.05, 0.12, 0.55), colour_of(1.0, 0.62, 0.15), smoothstep(0.0, 1.0, luma(image)))


def heat_map(image: FloatImage, instruction: Instruction) -> FloatImage:
    """The picture of a thermal camera: luma through blue, purple, red, orange and yellow to white."""
    grey = luma(image)[..., 0]
    planes = [np.interp(grey, _HEAT_STOPS, [stop[channel] for stop in _HEAT]) for channel in range(3)]
    return float32(np.stack(planes, axis=2))


def cross_process(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Slide film in negative chemistry: hard red and green, weak blue; yellow-green lights, blue-green shadows."""
    red = smoothstep(0.08, 0.92, image[..., 0])
    green = mix(image[..., 1], smoothstep(0.0, 0.85, image[..., 1]), 0.9)
    blue = 0.28 + 0.42 * image[..., 2]
    return np.stack((red, green, blue), axis=2)


def vintage(image: FloatImage, instruction: Instruction) -> FloatImage:
    """A faded print: lifted brown-pink shadows, yellowed whites, dim corners."""
    faded = saturated(image, 0.6) * colour_of(0.66, 0.62, 0.44) + colour_of(0.25, 0.17, 0.17)
    return float32(faded * (1.0 - 0.22 * smoothstep(0.5, 1.4, radius(image))))


def swap_red_blue(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Red and blue change places: blue skies turn orange, skin turns blue."""
    return np.ascontiguousarray(image[..., ::-1])


def underwater(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Reds are swallowed, teal light fills the shadows."""
    grey = luma(image)
    swallowed = mix(image, grey, 0.4) * colour_of(0.25, 0.75, 0.8)
    return clip(swallowed + colour_of(0.0, 0.16, 0.24))


KINDS = (
    Kind("sepia", "colour", sepia),
    Kind("warmer", "colour", warmer, takes_amount=True),
    Kind("cooler", "colour", cooler, takes_amount=True),
    Kind("vivid", "colour", vivid, takes_amount=True),
    Kind("duotone", "colour", duotone),
    Kind("heat_map", "colour", heat_map),
    Kind("cross_process", "colour", cross_process),
    Kind("vintage", "colour", vintage),
    Kind("swap_red_blue", "colour", swap_red_blue),
    Kind("underwater", "colour", underwater),
)
