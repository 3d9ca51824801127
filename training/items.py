"""What training and evaluation take in: an instruction with its pictures, read when they are needed. No PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.pairs.pair import Grey, Rgb


@dataclass(frozen=True, eq=False)
class Pictures:
    """source, target: uint8 (H, W, 3); mask: uint8 (H, W), 255 where the change is wanted, or None for everywhere."""

    source: Rgb
    target: Rgb
    mask: Grey | None = None


@dataclass(frozen=True)
class Item:
    """One example. id: the same for the same content, whatever run it is in; group: see `pairs.pair.RawPair`.

    read: its pictures, freshly read, the caller's own.
    """

    id: str
    instruction: str
    group: str
    read: Callable[[], Pictures]
