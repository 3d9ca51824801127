"""Edits of the light that falls on the scene; they vary over the picture."""

from __future__ import annotations

from training.starter.instruction import Instruction
from training.starter.kinds.base import (
    FloatImage,
    Kind,
    across,
    clip,
    colour_of,
    down,
    float32,
    luma,
    mix,
    radius,
    saturated,
    smoothstep,
    strength,
)
from training.starter.kinds.filters import blurred


def night(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Dark, blue and nearly without colour, as in day-for-night filming."""
    dim = saturated(image, 0.3) ** 1.3
    return dim * colour_of(0.22, 0.32, 0.62) + colour_of(0.0, 0.01, 0.05)


def sunset(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Graded light: purple-pink from above, orange from below."""
    light = mix(colour_of(0.80, 0.30, 0.55), colour_of(1.15, 0.62, 0.20), smoothstep(0.0, 0.9, down(image)))
    lit = mix(image, luma(image), 0.35) * light
    return float32(lit + 0.16 * light)


def fog(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Towards a light grey, thicker at the top, with soft contours."""
    thickness = (0.85 - 0.4 * down(image)) * (0.4 + 0.6 * min(strength(instruction), 1.4))
    return mix(blurred(image, 0.004), colour_of(0.80, 0.82, 0.84), clip(thickness) * 0.95)


def soft_glow(image: FloatImage, instruction: Instruction) -> FloatImage:
    """The blurred lights screened over the picture."""
    haze = blurred(image, 0.03)
    bloom = haze * haze * min(0.75 * strength(instruction), 1.0)
    return float32(1.0 - (1.0 - mix(image, haze, 0.35)) * (1.0 - bloom))


def vignette(image: FloatImage, instruction: Instruction) -> FloatImage:
    fall = smoothstep(0.35, 1.3, radius(image))
    return float32(image * (1.0 - min(0.8 * strength(instruction), 0.97) * fall))


def spotlight(image: FloatImage, instruction: Instruction) -> FloatImage:
    """A bright disc in the middle, near darkness around it."""
    beam = smoothstep(0.75, 0.45, radius(image))
    return float32(image * (0.1 + 1.15 * beam))


def light_leak(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Orange-red light from the left edge, as through a badly closed camera."""
    leak = smoothstep(0.6, 0.0, across(image)) * colour_of(1.0, 0.42, 0.08)
    return float32(1.0 - (1.0 - image) * (1.0 - leak))


KINDS = (
    Kind("night", "tone", night),
    Kind("sunset", "colour", sunset),
    Kind("fog", "tone", fog, takes_amount=True),
    Kind("soft_glow", "tone", soft_glow, takes_amount=True),
    Kind("vignette", "tone", vignette, takes_amount=True),
    Kind("spotlight", "tone", spotlight),
    Kind("light_leak", "colour", light_leak),
)
