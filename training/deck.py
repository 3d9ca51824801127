"""In which order pairs are seen: batches of one bucket, new pairs and replayed ones mixed. Without PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.draws import Index, Stream, permutation, uniforms

LEAST_BLOCKS = 64
"""Batches in an epoch, at least: buckets get their share of an epoch to within one batch."""


@dataclass(frozen=True)
class BucketSize:
    """How many new pairs a bucket holds, and how many to replay, which follow them."""

    new: int
    replay: int = 0


@dataclass(frozen=True, eq=False)
class _Epoch:
    buckets: Index
    rows: Index


@dataclass(frozen=True, eq=False)
class Deck:
    """Deals a bucket and rows in it to each block of `batch` samples; a function of (seed, index) alone.

    Every bucket comes up as often as it has pairs, and deals out all its pairs before the first one comes again.
    replay: share of samples that are replayed ones, over all buckets together; 0 where there are none.
    """

    sizes: tuple[BucketSize, ...]
    batch: int
    seed: int
    replay: float
    _kept: dict[int, _Epoch] = field(default_factory=dict[int, _Epoch], init=False, repr=False)

    @property
    def blocks(self) -> int:
        """Blocks in an epoch."""
        return max(LEAST_BLOCKS, math.ceil(sum(size.new + size.replay for size in self.sizes) / self.batch))

    def deal(self, index: Index) -> tuple[int, Index]:
        """The bucket of samples that lie in one block, and a row of it for each: int64 (N,)."""
        block, first = divmod(int(index[0]), self.batch)
        if int(index[-1]) // self.batch != block:
            raise ValueError("these samples lie in two blocks")
        number, place = divmod(block, self.blocks)
        epoch = self._epoch(number)
        return int(epoch.buckets[place]), epoch.rows[place, first : first + len(index)]

    def is_replay(self, bucket: int, rows: Index) -> NDArray[np.bool_]:
        """Which of a bucket's rows are replayed ones, bool (N,)."""
        return rows >= self.sizes[bucket].new

    def _epoch(self, number: int) -> _Epoch:
        if number not in self._kept:
            self._kept.clear()
            self._kept[number] = self._dealt(number)
        return self._kept[number]

    def _dealt(self, epoch: int) -> _Epoch:
        shares, replayed = _shares(self.sizes, self.replay)
        buckets = self._buckets(epoch, shares)
        count = self.blocks * self.batch
        coins = uniforms(self.seed, Stream.REPLAY, epoch, np.arange(count, dtype=np.int64))[0]
        again = coins.reshape(self.blocks, self.batch) < replayed[buckets][:, None]
        rows = np.zeros((self.blocks, self.batch), np.int64)
        for bucket, size in enumerate(self.sizes):
            here = np.repeat((buckets == bucket)[:, None], self.batch, 1)
            stream = Stream.ORDER + 2 * bucket
            rows[here & ~again] = self._order(epoch, stream, size.new, int((here & ~again).sum()))
            rows[here & again] = size.new + self._order(epoch, stream + 1, size.replay, int((here & again).sum()))
        return _Epoch(buckets, rows)

    def _buckets(self, epoch: int, shares: NDArray[np.float64]) -> Index:
        """Each bucket as often as its share says, to within one, in any order."""
        start = uniforms(self.seed, Stream.BUCKETS, epoch, np.zeros(1, np.int64))[1]
        marks = (np.arange(self.blocks) + start) / self.blocks
        in_turn = np.searchsorted(np.cumsum(shares)[:-1], marks, side="right").astype(np.int64)
        return in_turn[permutation(self.seed, Stream.BUCKETS, epoch, self.blocks)]

    def _order(self, epoch: int, stream: int, size: int, count: int) -> Index:
        """`count` numbers below `size`: all of them in one order, then in another, and so on."""
        if not count:
            return np.zeros(0, np.int64)
        keys = uniforms(self.seed, stream, epoch, np.arange(-(-count // size) * size, dtype=np.int64))[0]
        turns = np.argsort(keys.reshape(-1, size), axis=1, kind="stable")
        return turns.ravel()[:count].astype(np.int64)


def _shares(sizes: Sequence[BucketSize], replay: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of all samples, the share in each bucket; and of a bucket's samples, the share that is replayed."""
    new = np.array([size.new for size in sizes], np.float64)
    old = np.array([size.replay for size in sizes], np.float64)
    share = replay if old.any() and new.any() else float(not new.any())
    fresh = (1 - share) * new / max(new.sum(), 1)
    again = share * old / max(old.sum(), 1)
    return fresh + again, again / np.maximum(fresh + again, 1e-300)
