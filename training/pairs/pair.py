"""What a pair is: a picture before and after, and the instruction that leads from one to the other. Without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
"""uint8 (H, W, 3), sRGB."""
Grey = NDArray[np.uint8]
"""uint8 (H, W): 255 where the change is wanted, 0 where nothing may change."""


class PairError(Exception):
    """A pair, or a source of pairs, that cannot be taken. `str(error)` is a sentence for the user: what, why, what to
    do."""


class UnclearError(PairError):
    """What is asked for can be understood in several ways, or in none: the words are at fault, and no pair."""


@dataclass(frozen=True, eq=False)
class RawPair:
    """A pair on its way in, as a reader found it; nothing is checked yet.

    source, target: straight RGB, of one size. mask: or None where the whole picture may change. group: what the source
    picture is called where it came from; pairs of one group never stand on two sides of a split; "" takes the source's
    content. origin: where it came from, as words ("kind": "editor", "document": ...).
    """

    instruction: str
    source: Rgb
    target: Rgb
    mask: Grey | None = None
    group: str = ""
    origin: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Refusal:
    """A pair that a reader could not read. where: file or row; why: a sentence."""

    where: str
    why: str


@dataclass(frozen=True)
class Pair:
    """A pair in the store.

    id: from its content. source, target, mask: SHA-256 of the stored pictures ("" for no mask). group: see `RawPair`.
    enabled: it takes part in training. earlier: a model that is installed has learnt it; it is replayed against
    forgetting. added: ISO 8601, UTC. width, height: pixels.
    """

    id: str
    instruction: str
    source: str
    target: str
    mask: str
    width: int
    height: int
    group: str
    origin: Mapping[str, str]
    added: str
    enabled: bool = True
    earlier: bool = False
