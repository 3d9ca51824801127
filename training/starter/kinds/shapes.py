"""Edits that add something flat: shapes, frames, bars."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds.base import FloatImage, Kind, colour_of, float32, long_side, mix
from training.starter.kinds.colours import colour_named

SHAPES = ("circle", "square", "triangle", "star")
PLACES = {
    "left": (-1, 0),
    "right": (1, 0),
    "top": (0, -1),
    "bottom": (0, 1),
    "centre": (0, 0),
    "top left": (-1, -1),
    "top right": (1, -1),
    "bottom left": (-1, 1),
    "bottom right": (1, 1),
}
"""Each place and where it lies, in steps to the right and down from the middle."""

_FRACTION_BITS = 4
_OVERSAMPLING = 4
_LARGEST_OVERSAMPLED = 1024


def add_shape(image: FloatImage, instruction: Instruction) -> FloatImage:
    """A flat shape in one of the eight colours at one of nine places."""
    paint = colour_of(*colour_named(instruction.colour).rgb)
    cover = shape_mask(image, instruction.shape, instruction.place)[..., None]
    return mix(image, paint, cover)


def shape_mask(image: FloatImage, shape: str, place: str) -> FloatImage:
    """float32 (H, W): how much of each pixel the shape covers. Its radius is 0.17 of the long side where that fits."""
    height, width = image.shape[:2]
    size = min(0.17 * long_side(image), 0.3 * min(height, width))
    right, downwards = PLACES[place]
    reach = 1.25 * size
    middle = np.array([width / 2 + right * (width / 2 - reach), height / 2 + downwards * (height / 2 - reach)])
    return _filled(width, height, _outline(shape) * size + middle)


def white_frame(image: FloatImage, instruction: Instruction) -> FloatImage:
    return mix(image, float32(1.0), _frame_mask(image))


def black_frame(image: FloatImage, instruction: Instruction) -> FloatImage:
    return mix(image, float32(0.0), _frame_mask(image))


def cinema_bars(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Black bars of a sixth of the height above and below."""
    inset = _inset(image.shape[0])[:, None, None]
    return image * (1.0 - np.clip(image.shape[0] / 6 - inset + 0.5, 0.0, 1.0))


def _outline(shape: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The corners of a shape of radius 1 around (0, 0), (x, y) rows, y downwards."""
    if shape == "square":
        return 0.88 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    count = {"circle": 64, "triangle": 3, "star": 10}[shape]
    angles = 2.0 * math.pi * np.arange(count) / count - math.pi / 2
    radii = np.where(np.arange(count) % 2 == 1, 0.45, 1.1) if shape == "star" else np.ones(count)
    return np.stack((np.cos(angles) * radii, np.sin(angles) * radii), axis=1)


def _filled(width: int, height: int, corners: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> FloatImage:
    """Coverage of a polygon, antialiased by drawing it four times as large (twice the pixels' edge at large sizes)."""
    factor = _OVERSAMPLING if max(width, height) <= _LARGEST_OVERSAMPLED else 1
    canvas = np.zeros((height * factor, width * factor), np.uint8)
    # OpenCV's integer coordinates are pixel centres, ours are pixel edges.
    points = np.round((corners * factor - 0.5) * 2**_FRACTION_BITS).astype(np.int32)
    drawn = cv2.fillPoly(canvas, [points], (255.0,), lineType=cv2.LINE_AA, shift=_FRACTION_BITS)
    return float32(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)) / 255.0


def _frame_mask(image: FloatImage) -> FloatImage:
    """float32 (H, W, 1): a frame 0.07 of the long side wide, at most a fifth of the short one."""
    height, width = image.shape[:2]
    wide = min(0.07 * long_side(image), 0.2 * min(height, width))
    inset = np.minimum(_inset(height)[:, None, None], _inset(width)[None, :, None])
    return float32(np.clip(wide - inset + 0.5, 0.0, 1.0))


def _inset(length: int) -> FloatImage:
    """float32 (length,): distance of the pixel centres from the nearer end."""
    position = np.arange(length, dtype=np.float32) + 0.5
    return np.minimum(position, length - position)


KINDS = (
    Kind("add_shape", "add", add_shape, slots=("colour", "shape", "place")),
    Kind("white_frame", "add", white_frame),
    Kind("black_frame", "add", black_frame),
    Kind("cinema_bars", "add", cinema_bars),
)
