"""Natural colours: families of hue, saturation and value, and palettes whose colours belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from training.starter.scenes.arrays import Colour, FloatImage, as_float, between, chance

Band = tuple[float, float, float, float, float, float]
"""Hue in degrees (low, high; may pass 360), saturation (low, high), value (low, high)."""

FAMILIES: Mapping[str, tuple[Band, ...]] = MappingProxyType(
    {
        "earth": ((12, 42, 0.12, 0.55, 0.12, 0.78), (25, 50, 0.05, 0.3, 0.4, 0.9), (0, 360, 0.0, 0.12, 0.1, 0.9)),
        "foliage": ((70, 140, 0.15, 0.65, 0.1, 0.65), (45, 75, 0.2, 0.65, 0.3, 0.8), (20, 45, 0.15, 0.5, 0.1, 0.5)),
        "sky": ((200, 225, 0.08, 0.6, 0.55, 0.98), (195, 240, 0.02, 0.2, 0.6, 1.0)),
        "dusk": ((8, 45, 0.25, 0.75, 0.6, 1.0), (320, 365, 0.15, 0.45, 0.4, 0.8), (220, 265, 0.15, 0.5, 0.2, 0.6)),
        "water": ((180, 225, 0.15, 0.6, 0.15, 0.65), (160, 200, 0.1, 0.4, 0.25, 0.7)),
        "skin": ((10, 28, 0.22, 0.5, 0.55, 0.96), (12, 26, 0.35, 0.62, 0.25, 0.6)),
        "hair": ((15, 40, 0.2, 0.6, 0.06, 0.35), (30, 48, 0.2, 0.5, 0.4, 0.85), (10, 22, 0.4, 0.7, 0.2, 0.5)),
        "fur": ((15, 40, 0.1, 0.6, 0.2, 0.9), (0, 360, 0.0, 0.1, 0.08, 0.95)),
        "interior": ((20, 50, 0.15, 0.5, 0.35, 0.95), (10, 35, 0.3, 0.65, 0.15, 0.55), (0, 360, 0.0, 0.15, 0.1, 0.97)),
        "night": ((210, 250, 0.15, 0.6, 0.02, 0.22), (20, 45, 0.3, 0.8, 0.08, 0.4), (0, 360, 0.0, 0.2, 0.02, 0.18)),
        "cloth": ((0, 360, 0.1, 0.6, 0.15, 0.85), (205, 245, 0.2, 0.6, 0.1, 0.6), (0, 360, 0.0, 0.1, 0.05, 0.95)),
        "grey": ((0, 360, 0.0, 0.1, 0.04, 0.98),),
        "pastel": ((0, 360, 0.1, 0.35, 0.75, 1.0),),
        "paper": ((35, 60, 0.0, 0.16, 0.82, 1.0), (0, 360, 0.0, 0.04, 0.85, 1.0)),
    }
)

VIVID: Mapping[str, Band] = MappingProxyType(
    {
        "red": (352, 366, 0.7, 1.0, 0.55, 0.98),
        "orange": (20, 36, 0.75, 1.0, 0.75, 1.0),
        "yellow": (48, 60, 0.65, 1.0, 0.8, 1.0),
        "green": (95, 145, 0.5, 1.0, 0.4, 0.9),
        "cyan": (175, 192, 0.5, 1.0, 0.65, 0.98),
        "blue": (212, 242, 0.6, 1.0, 0.45, 0.98),
        "purple": (268, 288, 0.45, 0.9, 0.4, 0.9),
        "pink": (318, 340, 0.35, 0.75, 0.85, 1.0),
    }
)
"""The colours that instructions have a name for, each well inside its hue."""

MOODS = ("earth", "foliage", "sky", "dusk", "water", "interior", "cloth", "grey", "pastel", "fur")


@dataclass(frozen=True)
class Palette:
    """Colours of one scene: `colours` float32 (n, 3) and how far each use of one strays (standard deviation)."""

    colours: FloatImage
    stray: float = 0.03

    def pick(self, rng: np.random.Generator) -> Colour:
        """One colour, float32 (3,) in [0, 1]."""
        return self.picks(rng, 1)[0]

    def picks(self, rng: np.random.Generator, count: int) -> FloatImage:
        """`count` colours, float32 (count, 3) in [0, 1]; lightness strays together, hue a little."""
        chosen = self.colours[rng.integers(0, len(self.colours), count)]
        lightness = rng.standard_normal((count, 1), dtype=np.float32) * np.float32(2 * self.stray)
        hue = rng.standard_normal((count, 3), dtype=np.float32) * np.float32(0.6 * self.stray)
        return as_float(np.clip(chosen * (1 + lightness) + hue, 0, 1))


def from_bands(rng: np.random.Generator, bands: tuple[Band, ...], count: int) -> FloatImage:
    """`count` colours drawn from `bands`: float32 (count, 3) sRGB-encoded RGB."""
    table = np.asarray(bands, dtype=np.float32)[rng.integers(0, len(bands), count)]
    t = rng.random((count, 3), dtype=np.float32)
    hsv = table[:, 0::2] + t * (table[:, 1::2] - table[:, 0::2])
    hsv[:, 0] %= 360
    return as_float(cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB))[0]


def family(rng: np.random.Generator, name: str, count: int = 1) -> FloatImage:
    """`count` colours of a named family of FAMILIES: float32 (count, 3)."""
    return from_bands(rng, FAMILIES[name], count)


def one(rng: np.random.Generator, name: str) -> Colour:
    """One colour of a named family."""
    return family(rng, name)[0]


def vivid(rng: np.random.Generator, name: str | None = None) -> Colour:
    """A saturated colour with a name, or of any name."""
    chosen = name or tuple(VIVID)[int(rng.integers(len(VIVID)))]
    return from_bands(rng, (VIVID[chosen],), 1)[0]


def scene_palette(rng: np.random.Generator, moods: tuple[str, ...] = MOODS, vividness: float = 0.35) -> Palette:
    """Colours that belong together: one or two families drawn towards a common tone, sometimes with vivid accents.

    `vividness` is the probability of accents.
    """
    names = rng.choice(len(moods), size=min(len(moods), int(rng.integers(1, 3))), replace=False)
    colours = np.concatenate([family(rng, moods[int(index)], int(rng.integers(3, 6))) for index in names])
    pull = np.float32(between(rng, 0, 0.45))
    colours = colours + pull * (colours.mean(axis=0) - colours)
    if chance(rng, vividness):
        accents = np.stack([vivid(rng) for _ in range(int(rng.integers(1, 4)))])
        colours = np.concatenate([colours, accents])
    return Palette(as_float(colours), between(rng, 0.01, 0.06))


def object_colour(rng: np.random.Generator, palette: Palette, vividness: float = 0.4) -> Colour:
    """The colour of a thing in the foreground: vivid with probability `vividness`, else of the scene's palette."""
    return vivid(rng) if chance(rng, vividness) else palette.pick(rng)
