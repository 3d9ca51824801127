"""What every kind of edit is made of: its record, and arithmetic on float32 (H, W, 3) pictures in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.starter.instruction import Instruction

FloatImage = npt.NDArray[np.float32]
"""float32 (H, W, 3), sRGB-encoded RGB in [0, 1]; for masks and planes float32 (H, W) or (H, W, 1)."""

AMOUNTS = ("slightly", "", "strongly")
FAMILIES = ("tone", "colour", "recolour", "texture", "geometry", "chance", "add", "identity")

_STRENGTHS = {"slightly": 0.5, "": 1.0, "strongly": 1.6}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Kind:
    """One kind of edit.

    `apply` maps float32 (H, W, 3) in [0, 1] to the same shape, possibly out of range, and never writes to its input.
    `slots` names the fields of `Instruction` it needs; `random` says that it draws from the picture's hash.
    """

    name: str
    family: str
    apply: Callable[[FloatImage, Instruction], FloatImage]
    slots: tuple[str, ...] = ()
    takes_amount: bool = False
    random: bool = False


def strength(instruction: Instruction) -> float:
    """0.5, 1 or 1.6."""
    return _STRENGTHS[instruction.amount]


def long_side(image: FloatImage) -> int:
    return max(image.shape[0], image.shape[1])


def float32(values: npt.ArrayLike) -> FloatImage:
    return np.asarray(values, np.float32)


def colour_of(*rgb: float) -> FloatImage:
    """A colour as float32 (3,), to be broadcast over a picture."""
    return np.array(rgb, np.float32)


def luma(image: FloatImage) -> FloatImage:
    """float32 (H, W, 1): Rec. 601 luma of the encoded values."""
    return float32(image @ _LUMA)[..., None]


def mix(a: FloatImage, b: FloatImage, share: float | FloatImage) -> FloatImage:
    """`a` where share is 0 (exactly), `b` where it is 1; broadcasts."""
    return float32(a + (b - a) * share)


def clip(image: npt.NDArray[np.floating]) -> FloatImage:
    return float32(np.clip(image, 0.0, 1.0))


def smoothstep(low: float, high: float, values: FloatImage) -> FloatImage:
    """0 up to `low`, 1 from `high` on, a cubic between; falls where low > high."""
    t = clip((values - low) / (high - low))
    return float32(t * t * (3.0 - 2.0 * t))


def saturated(image: FloatImage, factor: float) -> FloatImage:
    """Chroma times factor at the same luma; may leave [0, 1]."""
    return mix(luma(image), image, factor)


def across(image: FloatImage) -> FloatImage:
    """float32 (1, W, 1): 0 at the left edge, 1 at the right one, at pixel centres."""
    width = image.shape[1]
    return ((np.arange(width, dtype=np.float32) + 0.5) / width)[None, :, None]


def down(image: FloatImage) -> FloatImage:
    """float32 (H, 1, 1): 0 at the top edge, 1 at the bottom one, at pixel centres."""
    height = image.shape[0]
    return ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None, None]


def radius(image: FloatImage) -> FloatImage:
    """float32 (H, W, 1): distance from the middle, 1 at the middles of the edges, sqrt(2) in the corners."""
    x, y = 2.0 * across(image) - 1.0, 2.0 * down(image) - 1.0
    return np.sqrt(x * x + y * y)
