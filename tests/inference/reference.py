"""Guided steps in float64 numpy around any network: what the composed graph is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from inference.guidance import Branch
from inference.pipeline import Asked, Row
from inference.types import CancelToken

Predict = Callable[[np.ndarray, float, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class InMemory:
    array: np.ndarray

    def numpy(self) -> np.ndarray:
        return self.array


@dataclass
class ReferenceStepper:
    """predict: `(sample (N, C + Ci, h, w), timestep, text (N, L, D)) -> (N, C, h, w)`, float32."""

    predict: Predict
    latents: np.ndarray = field(default_factory=lambda: np.zeros(0))
    before: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def begin(self, latents: np.ndarray, steps: int) -> None:
        self.latents, self.before = latents, np.zeros_like(latents)

    def step(
        self, asked: Asked, row: Row, noise: np.ndarray | None, deep: bool, cancel: CancelToken
    ) -> tuple[np.ndarray, InMemory]:
        assert deep, "nothing is reused here"
        with np.errstate(over="ignore", invalid="ignore"):
            answers = np.stack([self._guided(asked, row, latent) for latent in self.latents])
            x = self.latents.astype(np.float64)
            estimate = (row.p * x + row.q * answers).astype(np.float32)
            moved = row.a * x + row.b * estimate.astype(np.float64) + row.c * self.before.astype(np.float64)
            self.latents = (moved + (0 if noise is None else row.d * noise.astype(np.float64))).astype(np.float32)
        self.before = estimate
        return self.latents, InMemory(estimate)

    def _guided(self, asked: Asked, row: Row, latent: np.ndarray) -> np.ndarray:
        sample = np.concatenate([np.repeat(latent[None], len(asked.images), axis=0), asked.images], axis=1)
        return guide(self.predict(sample, row.timestep, asked.texts), asked.branches)


def guide(outputs: np.ndarray, used: tuple[Branch, ...]) -> np.ndarray:
    """The guided answer (C, h, w) of the network's answers (B, C, h, w) to these branches, in float64."""
    total = np.zeros(outputs.shape[1:], np.float64)
    for branch, output in zip(used, outputs, strict=True):
        total += branch.weight * output.astype(np.float64)
    return total
