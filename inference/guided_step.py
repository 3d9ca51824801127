"""Guided steps on a provider: a `Stepper` whose latents stay on the device from the first step to the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference import step_graph
from inference.network import Binding, Held
from inference.pipeline import Asked, Row
from inference.types import CancelToken

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """What a step's graph computes: B branches of V variants at a latent's height and width.

    part: "whole", which also gives its deep features where the network has any, or "shallow", which is given them.
    """

    variants: int
    branches: int
    height: int
    width: int
    part: str = "whole"


Bind = Callable[[Shape], Binding]


@dataclass(eq=False)
class GuidedStepper:
    """bind: the binding of the step's graph for a shape, the same one each time; another shape may share it."""

    bind: Bind
    _latents: Array | Held = field(default_factory=lambda: np.zeros((0, 0, 0, 0), np.float32))
    _before: Array | Held = field(default_factory=lambda: np.zeros((0, 0, 0, 0), np.float32))
    _none: Array = field(default_factory=lambda: np.zeros((0, 0, 0, 0), np.float32))
    _deep: Held | None = None
    _told: dict[int, Asked] = field(default_factory=dict[int, Asked])
    _left: int = 0

    def begin(self, latents: Array, steps: int) -> None:
        """As `Stepper.begin`."""
        self._latents, self._none, self._deep = latents, np.zeros_like(latents), None
        self._before, self._left = self._none, steps

    def step(self, asked: Asked, row: Row, noise: Array | None, deep: bool, cancel: CancelToken) -> tuple[Array, Held]:
        """As `Stepper.step`."""
        binding = self._binding(asked, deep)
        binding.feed(step_graph.LATENT, self._latents)
        binding.feed(step_graph.BEFORE, self._before)
        binding.feed(step_graph.NOISE, self._none if noise is None else noise)
        binding.feed(step_graph.TIMESTEP, np.array(row.timestep))
        binding.feed(step_graph.ROW, np.array([row.a, row.b, row.c, row.d, row.p, row.q]))
        if not deep and self._deep is not None:
            binding.feed(step_graph.DEEP, self._deep)
        self._left -= 1
        return self._ran(binding.run(cancel, last=self._left == 0))

    def _ran(self, given: Mapping[str, Held]) -> tuple[Array, Held]:
        self._latents, self._before = given[step_graph.NEXT], given[step_graph.ESTIMATE]
        self._deep = given.get(step_graph.DEEP, self._deep)
        return np.asarray(self._latents.numpy(), np.float32), self._before

    def _binding(self, asked: Asked, deep: bool) -> Binding:
        """The binding for these branches, which has been told their conditions."""
        variants, height, width = len(self._none), *self._none.shape[2:]
        shape = Shape(variants, len(asked.branches), height, width, "whole" if deep else "shallow")
        binding = self.bind(shape)
        if self._told.get(id(binding)) is not asked:
            self._tell(binding, asked, variants)
            self._told[id(binding)] = asked
        return binding

    def _tell(self, binding: Binding, asked: Asked, variants: int) -> None:
        weights = np.array([branch.weight for branch in asked.branches]).reshape(-1, 1, 1, 1)
        binding.feed(step_graph.WEIGHTS, weights)
        binding.feed(step_graph.IMAGES, np.tile(asked.images, (variants, 1, 1, 1)))
        binding.feed(step_graph.TEXTS, np.tile(asked.texts, (variants, 1, 1)))
