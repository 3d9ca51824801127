"""Edits with chance in them. The dice are thrown by the picture itself: the same picture always gets the same drops."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds.base import FloatImage, Kind, clip, colour_of, float32, long_side, mix, saturated, strength
from training.starter.kinds.filters import resized

_LAYER = 512  # long side of the drawing that is then scaled to the picture
_GRAINS = 128  # grains along the long side
_FRACTION_BITS = 3


def rain(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Pale slanting streaks over a scene that turns grey-blue and dim."""
    share = strength(instruction)
    streaks = _scaled(image, _streaks(image, round(230 * share)))
    wet = mix(image, saturated(image, 0.35) * colour_of(0.70, 0.76, 0.84), min(share, 1.0))
    return mix(wet, colour_of(0.86, 0.90, 0.95), 0.75 * streaks)


def snow(image: FloatImage, instruction: Instruction) -> FloatImage:
    """White flakes of three sizes in pale cold air."""
    share = strength(instruction)
    flakes = _scaled(image, _flakes(image, round(260 * share)))
    cold = mix(image, 0.20 + 0.78 * saturated(image, 0.5) * colour_of(0.95, 1.0, 1.05), min(share, 1.0))
    return mix(cold, float32(1.0), flakes)


def film_grain(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Grey noise, strongest in the middle tones."""
    height, width = _layer_shape(image, _GRAINS)
    noise = generator(image).standard_normal((height, width, 1), dtype=np.float32)
    grain = resized(noise, image.shape[1], image.shape[0])
    weight = 0.5 + 2.0 * image * (1.0 - image)
    return float32(image + 0.11 * strength(instruction) * grain * weight)


def generator(image: FloatImage) -> np.random.Generator:
    """A generator seeded with the BLAKE2b hash of the picture at 32 x 32 pixels of 8 bits."""
    small = clip(resized(image, 32, 32)) * 255.0
    digest = hashlib.blake2b(np.round(small).astype(np.uint8).tobytes(), digest_size=8).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def _streaks(image: FloatImage, count: int) -> FloatImage:
    """float32 (h, w, 1) of long side 512: slanting lines, each 5 to 11 % of the long side long."""
    height, width = _layer_shape(image, _LAYER)
    draw = generator(image)
    starts = draw.random((count, 2)) * [width * 1.1, height * 1.1] - [0.0, 0.1 * height]
    lengths = _LAYER * draw.uniform(0.05, 0.11, (count, 1))
    lines = np.stack((starts, starts + lengths * [-0.25, 0.97]), axis=1) * 2**_FRACTION_BITS
    canvas = np.zeros((height, width), np.uint8)
    drawn = cv2.polylines(
        canvas, list(lines.astype(np.int32)), False, (255.0,), 2, lineType=cv2.LINE_AA, shift=_FRACTION_BITS
    )
    return float32(drawn)[..., None] / 255.0


def _flakes(image: FloatImage, count: int) -> FloatImage:
    """float32 (h, w, 1) of long side 512: soft discs of 0.4 to 1.1 % of the long side."""
    height, width = _layer_shape(image, _LAYER)
    draw = generator(image)
    middles = draw.random((count, 2)) * [width, height] * 2**_FRACTION_BITS
    radii = _LAYER * draw.choice([0.004, 0.007, 0.011], count, p=[0.5, 0.35, 0.15]) * 2**_FRACTION_BITS
    canvas = np.zeros((height, width), np.uint8)
    for (x, y), radius in zip(middles.astype(int), radii.astype(int), strict=True):
        cv2.circle(canvas, (int(x), int(y)), int(radius), (255.0,), -1, lineType=cv2.LINE_AA, shift=_FRACTION_BITS)
    return float32(canvas)[..., None] / 255.0


def _layer_shape(image: FloatImage, side: int) -> tuple[int, int]:
    scale = side / long_side(image)
    return max(round(image.shape[0] * scale), 1), max(round(image.shape[1] * scale), 1)


def _scaled(image: FloatImage, layer: FloatImage) -> FloatImage:
    return resized(layer, image.shape[1], image.shape[0])


KINDS = (
    Kind("rain", "chance", rain, takes_amount=True, random=True),
    Kind("snow", "chance", snow, takes_amount=True, random=True),
    Kind("film_grain", "chance", film_grain, takes_amount=True, random=True),
)
