"""Edits that move pixels."""

from __future__ import annotations

import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds.base import FloatImage, Kind


def mirror(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Left and right change places."""
    return np.ascontiguousarray(image[:, ::-1])


def flip(image: FloatImage, instruction: Instruction) -> FloatImage:
    """Top and bottom change places."""
    return np.ascontiguousarray(image[::-1])


KINDS = (
    Kind("mirror", "geometry", mirror),
    Kind("flip", "geometry", flip),
)
