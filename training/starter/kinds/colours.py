"""The eight colours of the instructions and where in a picture they are."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training.starter.kinds.base import FloatImage, float32, smoothstep


@dataclass(frozen=True)
class Colour:
    """A named colour: its paint, the sector of hues that goes by its name (degrees), and what recolouring aims at."""

    name: str
    rgb: tuple[float, float, float]
    start: float
    end: float
    hue: float
    saturation: float


COLOURS = (
    Colour("red", (0.86, 0.10, 0.10), 345.0, 373.0, 0.0, 0.90),
    Colour("orange", (1.00, 0.55, 0.05), 13.0, 43.0, 28.0, 0.95),
    Colour("yellow", (1.00, 0.90, 0.10), 43.0, 70.0, 55.0, 0.90),
    Colour("green", (0.10, 0.65, 0.20), 70.0, 160.0, 120.0, 0.80),
    Colour("cyan", (0.10, 0.85, 0.85), 160.0, 200.0, 180.0, 0.80),
    Colour("blue", (0.12, 0.25, 0.88), 200.0, 255.0, 228.0, 0.85),
    Colour("purple", (0.50, 0.12, 0.75), 255.0, 300.0, 278.0, 0.80),
    Colour("pink", (1.00, 0.45, 0.75), 300.0, 345.0, 326.0, 0.60),
)
COLOUR_NAMES = tuple(colour.name for colour in COLOURS)

_SOFT_DEGREES = 7.0


def colour_named(name: str) -> Colour:
    """Raises ValueError for a name that is none of the eight."""
    for colour in COLOURS:
        if colour.name == name:
            return colour
    raise ValueError(f"there is no colour '{name}'; choose one of {', '.join(COLOUR_NAMES)}")


def colour_mask(image: FloatImage, name: str) -> FloatImage:
    """Where the picture shows a colour.

    float32 (H, W, 3) in [0, 1] to float32 (H, W) in [0, 1]: hue within the colour's sector times enough saturation
    times enough value, each with a soft edge. Above 0.5 is the exact mask; 0 where the colour is absent. Raises
    ValueError for an unknown name.
    """
    return mask_of_hsv(to_hsv(image), colour_named(name))


def present_colours(image: FloatImage, least_share: float = 0.02) -> tuple[str, ...]:
    """Names of the colours whose exact mask covers at least `least_share` of the picture."""
    hsv = to_hsv(image)
    return tuple(c.name for c in COLOURS if float((mask_of_hsv(hsv, c) > 0.5).mean()) >= least_share)


def mask_of_hsv(hsv: FloatImage, colour: Colour) -> FloatImage:
    """`colour_mask` of float32 (H, W, 3) hue in degrees, saturation and value in [0, 1]."""
    middle, half = 0.5 * (colour.start + colour.end), 0.5 * (colour.end - colour.start)
    distance = np.abs(hue_difference(hsv[..., 0], middle))
    in_sector = smoothstep(half + _SOFT_DEGREES, half - _SOFT_DEGREES, distance)
    return in_sector * smoothstep(0.2, 0.45, hsv[..., 1]) * smoothstep(0.1, 0.3, hsv[..., 2])


def hue_difference(hue: FloatImage, reference: float) -> FloatImage:
    """Degrees from the reference, in [-180, 180]; both within two turns of one another."""
    difference = hue - float32(reference % 360.0)
    difference = np.where(difference > 180.0, difference - float32(360.0), difference)
    return np.where(difference < -180.0, difference + float32(360.0), difference)


def to_hsv(image: FloatImage) -> FloatImage:
    """float32 (H, W, 3): hue in degrees, saturation and value in [0, 1]."""
    return float32(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV))


def from_hsv(hsv: FloatImage) -> FloatImage:
    return float32(cv2.cvtColor(np.ascontiguousarray(hsv), cv2.COLOR_HSV2RGB))
