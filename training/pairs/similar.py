"""Which pictures are the same to the eye, and which show the same thing. Without PyTorch.

A picture's print are 64 bits that say whether each of 8 x 8 places is lighter than its right neighbour (the
difference hash, dHash): the same at every size, and little changed by tone. Prints find what may be alike; the pixels
decide.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pairs.pair import Rgb

Print = int
"""64 bits as a signed number."""

ALIKE_BITS = 10
"""Prints of two copies of a picture differ in fewer bits; those of two photos in some 32."""

_SIDE = 64
_MEAN, _MOST = 3.0, 15.0
_PHOTO_SIDE, _CORRELATION, _FLAT = 48, 0.97, 1.0
_PROPORTION = 0.02


def print_of(picture: Rgb) -> Print:
    """The print of uint8 (H, W, 3)."""
    # In fractions: of a fine texture all places are nearly of one grey.
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)
    small = np.asarray(cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA), np.float32)
    bits = np.packbits(small[:, 1:] > small[:, :-1])
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def unlikeness(prints: NDArray[np.int64], one: Print) -> NDArray[np.uint8]:
    """In how many bits each of `prints` (N,) differs from `one`."""
    return np.bitwise_count(prints ^ np.int64(one))


def same_to_the_eye(one: Rgb, other: Rgb) -> bool:
    """True for a copy in another size or stronger compression; a repaint of a few pixels in a hundred is seen."""
    if not _same_proportions(one, other):
        return False
    difference = np.asarray(np.max(np.abs(_small(one, _SIDE) - _small(other, _SIDE)), axis=2), np.float32)
    # Compression errs in single places, a repaint in connected ones.
    return float(difference.mean()) < _MEAN and float(cv2.blur(difference, (3, 3)).max()) < _MOST


def same_photo(one: Rgb, other: Rgb) -> bool:
    """True for the same view in another size, compression or tone."""
    if not _same_proportions(one, other):
        return False
    first, second = (_centred(_small(picture, _PHOTO_SIDE)) for picture in (one, other))
    if first.std() < _FLAT or second.std() < _FLAT:  # nothing to see in one: only a copy is the same
        return same_to_the_eye(one, other)
    return float((first * second).mean() / (first.std() * second.std())) > _CORRELATION


def same_instruction(one: str, other: str) -> bool:
    """True for the same words, whatever the case and the stops."""
    return words_of(one) == words_of(other)


def words_of(instruction: str) -> list[str]:
    return [word.strip(".,;:!?\"'") for word in instruction.casefold().split()]


def _same_proportions(one: Rgb, other: Rgb) -> bool:
    first, second = one.shape[1] / one.shape[0], other.shape[1] / other.shape[0]
    return abs(first - second) <= _PROPORTION * max(first, second)


def _small(picture: Rgb, side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _centred(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    grey = picture.mean(axis=2)
    return np.asarray(grey - grey.mean(), np.float32)
