"""What a pair must be before the store takes it. Without PyTorch."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from training.pairs.pair import PairError, RawPair, Rgb
from training.pairs.registration import offset_between, words_for
from training.pairs.similar import same_instruction, same_to_the_eye, words_of

SMALLEST = 64
"""Pixels of the short side: below that a model sees next to nothing."""
LARGEST = 1 << 15
"""Pixels of the long side."""
MOVING = frozenset(
    ("align", "center", "centre", "crop", "move", "pan", "recenter", "recentre", "shift", "slide", "zoom")
)
"""An instruction with one of these words may move the picture."""
VISIBLE = 2
"""Channels that differ by more than this, of 255, count as changed."""


@dataclass(frozen=True, eq=False)
class Known:
    """A pair that is there already. source, target: read their pictures, None for one that cannot be read."""

    instruction: str
    source: Callable[[], Rgb | None]
    target: Callable[[], Rgb | None]


def tidy(raw: RawPair) -> RawPair:
    """The same pair in the store's spelling: single spaces, Unicode NFC, no mask where it lets everything change."""
    mask = raw.mask
    if mask is not None and mask.size and bool(np.all(mask == 255)):
        mask = None
    return replace(raw, instruction=plain(raw.instruction), mask=mask)


def plain(instruction: str) -> str:
    """Without control characters, and with single spaces."""
    printable = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", instruction))
    return " ".join(printable.split())


def changed_fraction(source: Rgb, target: Rgb) -> float:
    """The share of pixels in which a channel differs by more than 2/255."""
    seen = np.asarray(cv2.absdiff(source, target), np.uint8) > VISIBLE
    return float(np.mean(seen[..., 0] | seen[..., 1] | seen[..., 2]))


def check(raw: RawPair, known: Iterable[Known] = ()) -> None:
    """Raises `PairError` where a pair cannot be learnt from, or says what one of `known` says already."""
    check_instruction(raw.instruction)
    check_pictures(raw)
    check_registered(raw)
    check_new(raw, known)


def check_instruction(instruction: str) -> None:
    if not plain(instruction):
        raise PairError("The instruction is empty: say what leads from the picture before to the one after.")


def check_pictures(raw: RawPair) -> None:
    """Kind, size, and that something changed. Raises `PairError`."""
    source, target = raw.source, raw.target
    for name, picture in (("before", source), ("after", target)):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise PairError(f"The picture {name} is not RGB of 8 bits: convert it and add the pair again.")
    if source.shape != target.shape:
        raise PairError(
            f"The pictures differ in size, {_size(source)} before and {_size(target)} after: bring them to one size "
            "and add the pair again."
        )
    if min(source.shape[:2]) < SMALLEST:
        raise PairError(f"The pictures are {_size(source)} pixels, and at least {SMALLEST} x {SMALLEST} are needed.")
    if max(source.shape[:2]) > LARGEST:
        raise PairError(f"The pictures are {_size(source)} pixels: bring their long side to {LARGEST} or less.")
    if np.array_equal(source, target):
        raise PairError("The pictures before and after are identical, so there is nothing to learn from them.")
    _check_mask(raw)


def check_registered(raw: RawPair) -> None:
    """Raises `PairError` where the picture after lies beside the one before, and nothing in the instruction says so."""
    if moving_words(raw.instruction):
        return
    offset = offset_between(raw.source, raw.target)
    if offset is not None:
        raise PairError(f"The picture after lies {words_for(offset)}: align it and add the pair again.")


def moving_words(instruction: str) -> list[str]:
    """The words for which a pair's pictures may lie beside each other; none for most instructions."""
    return sorted(MOVING.intersection(words_of(instruction)))


def check_new(raw: RawPair, known: Iterable[Known]) -> None:
    """Raises `PairError` where a known pair has the same instruction and, to the eye, the same pictures."""
    for pair in known:
        if (
            same_instruction(pair.instruction, raw.instruction)
            and _looks_like(pair.source(), raw.source)
            and _looks_like(pair.target(), raw.target)
        ):
            raise PairError("A pair with this instruction and pictures that look the same is there already.")


def _looks_like(known: Rgb | None, picture: Rgb) -> bool:
    return known is not None and same_to_the_eye(known, picture)


def _check_mask(raw: RawPair) -> None:
    if raw.mask is None:
        return
    if raw.mask.dtype != np.uint8 or raw.mask.ndim != 2:
        raise PairError("The mask is not a grey picture of 8 bits: convert it and add the pair again.")
    if raw.mask.shape != raw.source.shape[:2]:
        raise PairError(
            f"The mask is {_size(raw.mask)} and the pictures are {_size(raw.source)}: bring them to one size and add "
            "the pair again."
        )
    if not raw.mask.any():
        raise PairError("The mask is black everywhere, so nothing may change: leave it out or paint white into it.")


def _size(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
