"""Everything random in training, as a function of (seed, what for, which sample) and of nothing else. Without PyTorch.

A sample is known by its global index, which does not depend on how the samples of a step are spread over ranks and
micro-steps: 2 ranks x 1 see what 1 rank x 2 sees, no two ranks see the same, and a resumed run goes on where it was.
The words come from Philox (Salmon et al., SC 2011), so that they are the same with every version of every library.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.noise import normal, philox

Index = NDArray[np.int64]
Floats = NDArray[np.float64]

_TAG = 0x7472_6169
"""Second word of the key, so that these words have nothing to do with the noise, whose key is the seed alone."""
_LOW = np.uint64(0xFFFFFFFF)


class Stream(IntEnum):
    """What words are for."""

    SAMPLE = 0
    BUCKETS = 1
    REPLAY = 2
    ORDER = 3  # and on from here, one for each bucket and kind


@dataclass(frozen=True, eq=False)
class Draws:
    """One number in [0, 1) for each sample and purpose, float64 (N,)."""

    dropout: Floats
    time: Floats
    first: Floats
    flip: Floats


def sample_indices(step: int, micro: int, rank: int, ranks: int, accumulation: int, batch: int) -> Index:
    """Global indices of the samples of one micro-batch, int64 (batch,)."""
    place = (step * accumulation + micro) * ranks + rank
    return np.arange(place * batch, (place + 1) * batch, dtype=np.int64)


def draws(seed: int, index: Index) -> Draws:
    """The numbers of the samples at `index`. seed in [0, 2**32)."""
    return Draws(*uniforms(seed, Stream.SAMPLE, 0, index))


def noise(seed: int, index: Index, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal noise, float32 (N, *shape): a sample's own, in whatever batch it is."""
    return np.stack([normal(seed, int(one), shape) for one in index])


def uniforms(seed: int, stream: int, epoch: int, index: Index) -> tuple[Floats, Floats, Floats, Floats]:
    """Four numbers in [0, 1) for each element of `index`, float64 (N,) each."""
    counter = index.astype(np.uint64)
    rest = (np.full_like(counter, epoch), np.full_like(counter, stream))
    words = philox((counter & _LOW, counter >> np.uint64(32), *rest), (seed, _TAG))
    first, second, third, fourth = (word.astype(np.float64) * 2.0**-32 for word in words)
    return first, second, third, fourth


def permutation(seed: int, stream: int, epoch: int, count: int) -> Index:
    """The numbers below `count` in an order of their own for each (stream, epoch), int64 (count,)."""
    keys = uniforms(seed, stream, epoch, np.arange(count, dtype=np.int64))[0]
    return np.argsort(keys, kind="stable").astype(np.int64)
