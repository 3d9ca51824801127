"""A ring of shards on disk and in memory: fresh pairs come in as old ones go, at a fixed number of uses each."""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from training.checkpoints import load_tensors, save_tensors
from training.libraries import torch
from training.starter.instruction import Instruction
from training.starter.pairs import Shard


class ShardRing:
    """Shard k arrives at step k x `steps_each`; a step draws from the last `keep` of them.

    `make(number)` renders a shard; what is on disk under `folder` is read back, so that resuming starts at once.
    """

    def __init__(self, folder: Path, make: Callable[[int], Shard], *, steps_each: int, keep: int) -> None:
        self._folder = folder
        self._make = make
        self._steps_each = steps_each
        self._keep = keep
        self._loaded: OrderedDict[int, Shard] = OrderedDict()

    def at(self, step: int, rng: np.random.Generator) -> Shard:
        """One of the shards that `step` may draw from."""
        newest = step // self._steps_each
        oldest = max(0, newest - self._keep + 1)
        self._drop_before(oldest)
        return self._shard(int(rng.integers(oldest, newest + 1)))

    def _shard(self, number: int) -> Shard:
        if number not in self._loaded:
            self._loaded[number] = self._read(number) or self._render(number)
        return self._loaded[number]

    def _render(self, number: int) -> Shard:
        shard = self._make(number)
        shard = dataclasses.replace(shard, sources=shard.sources.half(), targets=shard.targets.half())
        tensors = {"sources": shard.sources, "targets": shard.targets, "source_of": torch.from_numpy(shard.source_of)}
        words = json.dumps([dataclasses.asdict(one) for one in shard.instructions])
        save_tensors(self._path(number), tensors, {"instructions": words})
        return shard

    def _read(self, number: int) -> Shard | None:
        if not self._path(number).exists():
            return None
        tensors, meta = load_tensors(self._path(number))
        instructions = tuple(Instruction(**one) for one in json.loads(str(meta["instructions"])))
        return Shard(tensors["sources"], tensors["targets"], tensors["source_of"].numpy(), instructions)

    def _drop_before(self, oldest: int) -> None:
        for number in [n for n in self._loaded if n < oldest]:
            del self._loaded[number]
            self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"shard-{number:05d}.safetensors"
