"""From pairs with their pictures to buckets of latents: read, encoded or found on disk, each content once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from training.buckets import Shape, Shapes, shape_of
from training.deck import BucketSize
from training.disk_cache import Array
from training.examples import Bucket
from training.items import Item, Pictures
from training.latents import Latents
from training.libraries import torch
from training.sides import speaks_of_sides
from training.texts import Texts

Numbers = list[int]


@dataclass(eq=False)
class _Rows:
    """Different arrays of one shape, and where each content is."""

    arrays: list[Array] = field(default_factory=list[Array])
    known: dict[bytes, int] = field(default_factory=dict[bytes, int])

    def add(self, array: Array) -> int:
        key = array.tobytes()
        if key not in self.known:
            self.known[key] = len(self.arrays)
            self.arrays.append(array)
        return self.known[key]


@dataclass(eq=False)
class _Filling:
    """A bucket while it is filled."""

    pictures: _Rows = field(default_factory=_Rows)
    masks: _Rows = field(default_factory=_Rows)
    source: list[Numbers] = field(default_factory=list[Numbers])
    target: list[Numbers] = field(default_factory=list[Numbers])
    mask: list[Numbers] = field(default_factory=list[Numbers])
    text: Numbers = field(default_factory=Numbers)
    new: int = 0

    def add(self, pictures: Pictures, latents: Latents, text: int, flip: bool) -> None:
        def rows(picture: np.ndarray) -> Numbers:
            return [self.pictures.add(latents.of(picture, mirrored=flip and side)) for side in (False, True)]

        def inside(mirrored: bool) -> Array | None:
            mask = pictures.mask
            return latents.inside(mask, mirrored=mirrored) if mask is not None and mask.any() else None

        self.source.append(rows(pictures.source))
        self.target.append(rows(pictures.target))
        self.mask.append([self._mask_row(inside(flip and side)) for side in (False, True)])
        self.text.append(text)

    def _mask_row(self, inside: Array | None) -> int:
        if not self.masks.arrays:
            self.masks.add(np.ones((1, *self.pictures.arrays[0].shape[1:]), np.float32))
        return 0 if inside is None else self.masks.add(inside)

    def done(self) -> tuple[Bucket, BucketSize]:
        columns = (np.array(column, np.int64) for column in (self.source, self.target, self.mask, self.text))
        tensors = (torch.from_numpy(np.stack(rows.arrays)) for rows in (self.pictures, self.masks))
        return Bucket(*tensors, *columns), BucketSize(self.new, len(self.text) - self.new)


def fill(
    new: Sequence[Item],
    replayed: Sequence[Item],
    latents: Latents,
    shapes: Shapes,
    texts: Texts,
    *,
    flip: bool,
    progress: Callable[[float], object] = lambda fraction: None,
) -> tuple[tuple[Bucket, ...], tuple[BucketSize, ...]]:
    """The buckets of all items, the new ones first in each. flip: mirrored latents too, where instructions allow it."""
    filling: dict[Shape, _Filling] = {}
    whole = len(new) + len(replayed)
    for number, item in enumerate((*new, *replayed)):
        pictures = item.read()
        bucket = filling.setdefault(shape_of(pictures, shapes), _Filling())
        bucket.add(pictures, latents, texts.row(item.instruction), flip and not speaks_of_sides(item.instruction))
        bucket.new += number < len(new)
        progress((number + 1) / whole)
    # In an order of their own, whatever pair came first.
    done = [filling[shape].done() for shape in sorted(filling)]
    return tuple(bucket for bucket, _ in done), tuple(size for _, size in done)
