"""All pairs of a training in memory, as latents, and the batch that belongs to given samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.conditioning import dropped
from training.deck import Deck
from training.draws import Draws, Index, draws, noise
from training.libraries import torch
from training.recipe import TrainingRecipe
from training.texts import Texts

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """source: unscaled modes, zeros where dropped; clean: the target as the UNet knows it; noise: all (N, C, h, w).

    timestep: int64 (N,). text: see `Texts.rows`. inside: weights (N, 1, h, w), or None for the same everywhere.
    kept: bool (N,), the samples that are replayed or have lost their text; None for none of them.
    """

    source: Tensor
    clean: Tensor
    noise: Tensor
    timestep: Tensor
    text: Tensor
    inside: Tensor | None = None
    kept: Tensor | None = None

    def to(self, device: Any) -> Batch:
        def moved(tensor: Any) -> Any:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        parts = (self.source, self.clean, self.noise, self.timestep, self.text, self.inside, self.kept)
        return Batch(*map(moved, parts))


@dataclass(frozen=True, eq=False)
class Bucket:
    """Pairs of one shape. pictures: float32 (P, C, h, w), each content once; masks: float32 (M, 1, h, w), 0 all ones.

    source, target, mask: int64 (N, 2), the row of a pair's latent as it is and mirrored. text: int64 (N,).
    """

    pictures: Tensor
    masks: Tensor
    source: Index
    target: Index
    mask: Index
    text: Index


@dataclass(frozen=True)
class LatentScale:
    """A latent for the UNet is `(z - shift) * factor`."""

    factor: float
    shift: float = 0.0


class Examples:
    """Deals the batch of any samples; the same samples give the same batch, whatever was dealt before."""

    def __init__(
        self,
        buckets: Sequence[Bucket],
        deck: Deck,
        texts: Texts,
        recipe: TrainingRecipe,
        scale: LatentScale,
        times: int,
    ) -> None:
        """times: the timesteps that the model knows."""
        self._buckets, self._deck, self._texts = tuple(buckets), deck, texts
        self._recipe, self._scale, self._times = recipe, scale, times

    def batch(self, index: Index) -> Batch:
        """The samples with these global indices, which lie in one block of the recipe's batch."""
        number, rows = self._deck.deal(index)
        bucket, drawn = self._buckets[number], draws(self._recipe.seed, index)
        side = (drawn.flip < self._recipe.flip).astype(np.int64)
        kept = self._deck.is_replay(number, rows)
        no_text, no_picture = dropped(drawn.dropout, self._recipe.dropout)
        source: Any = bucket.pictures[bucket.source[rows, side]]
        source[torch.from_numpy(no_picture)] = 0.0
        clean: Any = (bucket.pictures[bucket.target[rows, side]] - self._scale.shift) * self._scale.factor
        return Batch(
            source=source,
            clean=clean,
            noise=torch.from_numpy(noise(self._recipe.seed, index, tuple(clean.shape[1:]))),
            timestep=torch.from_numpy(self._timesteps(drawn)),
            text=self._texts.rows[np.where(no_text, 0, bucket.text[rows])],
            inside=self._inside(bucket, bucket.mask[rows, side]),
            kept=torch.from_numpy(kept | no_text),
        )

    def _timesteps(self, drawn: Draws) -> Index:
        even = np.floor(drawn.time * self._times).astype(np.int64)
        return np.where(drawn.first < self._recipe.first_step_share, self._times - 1, even)

    def _inside(self, bucket: Bucket, rows: Index) -> Tensor | None:
        if not rows.any():
            return None
        outside = self._recipe.outside_weight
        return outside + (1 - outside) * bucket.masks[rows]

    def largest_batch(self, count: int) -> Batch:
        """`count` samples of nothing, in the largest bucket, of the shapes and types that `batch` gives."""
        bucket = max(self._buckets, key=lambda bucket: math.prod(bucket.pictures.shape[1:]))
        empty: Any = torch.zeros((count, *bucket.pictures.shape[1:]))
        text: Any = self._texts.rows[[0] * count]
        inside = torch.ones_like(empty[:, :1]) if len(bucket.masks) > 1 else None
        return Batch(empty, empty, empty, torch.zeros(count, dtype=torch.int64), text, inside)
