"""The kinds of edit that the bundled model learns.

Each is a closed-form function of the pixels, so every photo has its right answer. Pictures are float32 (H, W, 3),
sRGB-encoded RGB in [0, 1], of any size from 1x1. Lengths are shares of the long side, so the same edit at two sizes is
the same picture at two scales.
"""

from __future__ import annotations

import numpy as np

from training.starter.instruction import Instruction
from training.starter.kinds import chance, colour, detail, geometry, light, painterly, recolour, shapes, tone
from training.starter.kinds.base import AMOUNTS, FAMILIES, FloatImage, Kind, clip
from training.starter.kinds.colours import COLOUR_NAMES, colour_mask, colour_named, present_colours
from training.starter.kinds.shapes import PLACES, SHAPES

__all__ = [
    "AMOUNTS",
    "COLOUR_NAMES",
    "FAMILIES",
    "KINDS",
    "PLACES",
    "SHAPES",
    "SLOT_VALUES",
    "FloatImage",
    "Kind",
    "colour_mask",
    "colour_named",
    "kind_named",
    "present_colours",
    "target",
]


def _identity(image: FloatImage, instruction: Instruction) -> FloatImage:
    return image.copy()


KINDS: tuple[Kind, ...] = (
    *tone.KINDS,
    *colour.KINDS,
    *light.KINDS,
    *recolour.KINDS,
    *detail.KINDS,
    *painterly.KINDS,
    *geometry.KINDS,
    *chance.KINDS,
    *shapes.KINDS,
    Kind("identity", "identity", _identity),
)
"""Every kind, in the order of the tables."""

SLOT_VALUES: dict[str, tuple[str, ...]] = {
    "colour": COLOUR_NAMES,
    "to_colour": COLOUR_NAMES,
    "shape": SHAPES,
    "place": tuple(PLACES),
}
"""The words that each slot of an instruction takes."""

_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_named(name: str) -> Kind:
    """Raises ValueError for an unknown name."""
    if name not in _BY_NAME:
        raise ValueError(f"there is no kind of edit '{name}'; choose one of {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def target(image: FloatImage, instruction: Instruction) -> FloatImage:
    """The right answer: float32 (H, W, 3) in [0, 1], a new array; the input is left alone.

    Raises ValueError for an unknown kind, for a slot that is missing, unknown or not the kind's, for an amount that the
    kind does not take, and for an array of another shape or type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0 or image.dtype != np.float32:
        raise ValueError(f"a picture is float32 (H, W, 3), not {image.dtype} {image.shape}")
    kind = kind_named(instruction.kind)
    _check(kind, instruction)
    within = clip(image)  # resizing leaves white a rounding above 1, and a power of what is left of it is not a number
    return np.ascontiguousarray(clip(kind.apply(within, instruction)), np.float32)


def _check(kind: Kind, instruction: Instruction) -> None:
    if instruction.amount not in (AMOUNTS if kind.takes_amount else ("",)):
        raise ValueError(f"'{kind.name}' does not take the amount '{instruction.amount}'")
    for slot, values in SLOT_VALUES.items():
        value: str = getattr(instruction, slot)
        if value not in (values if slot in kind.slots else ("",)):
            raise ValueError(f"'{kind.name}' does not take {slot} '{value}'")
