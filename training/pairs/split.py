"""Which examples are kept for judging: whole source pictures, never single pairs of one. Without PyTorch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

_WHOLE = 1 << 64


def split(items: Sequence[T], held_out: float, group: Callable[[T], str]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """(for training, held out), both in the order of `items`.

    held_out: the share of groups to hold out, in [0, 1); 0 holds out none. A group is held out where the hash of its
    name lies in that share of all hashes: another pair never moves it across, nor does another group; but few groups
    meet the share on average only. Of two groups or more at least one is on each side: where the hashes would have it
    otherwise, the lowest is held out, or the highest is trained on, and there a new group may take its place.
    Raises ValueError for a share out of range.
    """
    if not 0 <= held_out < 1:
        raise ValueError(f"the share that is held out should lie in [0, 1), not {held_out}")
    kept = _held_out({group(item) for item in items}, held_out)
    train = tuple(item for item in items if group(item) not in kept)
    return train, tuple(item for item in items if group(item) in kept)


def _held_out(groups: set[str], share: float) -> set[str]:
    if share == 0 or len(groups) < 2:
        return set()
    ordered = sorted(groups, key=lambda name: (_place(name), name))
    chosen = {name for name in ordered if _place(name) < share * _WHOLE}
    if not chosen:
        return {ordered[0]}
    return chosen - {ordered[-1]} if len(chosen) == len(ordered) else chosen


def _place(name: str) -> int:
    """A number in [0, 2^64) from a group's name alone."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
