"""The denoising loop: from noise to the latents of edited pictures, one guided step at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.errors import ProviderError
from inference.guidance import Branch, branches
from inference.noise import normal
from inference.savings import ALONE, StepKind, kinds
from inference.schedule import Plan, Step
from inference.types import CancelToken

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Asked:
    """What guidance asks the network in a step: its branches and their conditions, B of each.

    images: float32 (B, Ci, h, w), unscaled latents, zeros for none. texts: float32 (B, L, D).
    """

    branches: tuple[Branch, ...]
    images: Array
    texts: Array


@dataclass(frozen=True)
class Row:
    """A step in numbers: `D = p x + q answer`, `x' = a x + b D + c D_before + d noise`, at a timestep."""

    timestep: float
    a: float
    b: float
    c: float
    d: float
    p: float
    q: float

    @classmethod
    def of(cls, step: Step, prediction_type: str) -> Row:
        """prediction_type: "epsilon", D = (x - sigma eps) / alpha, or "v_prediction", D = alpha x - sigma v."""
        v = prediction_type == "v_prediction"
        gain = 1 / step.alpha if step.alpha else math.inf  # without any signal only v tells the clean latent
        p, q = (step.alpha, -step.sigma) if v else (gain, -step.sigma * gain)
        return cls(step.timestep, step.a, step.b, step.c, step.d, p, q)


class Estimate(Protocol):
    def numpy(self) -> Array:
        """Float32 (V, C, h, w)."""
        ...


class Stepper(Protocol):
    """Takes V latents through guided steps and keeps them in between, wherever it computes."""

    def begin(self, latents: Array, steps: int) -> None:
        """latents: float32 (V, C, h, w), from which the first step starts. steps: how many will be taken."""
        ...

    def step(
        self, asked: Asked, row: Row, noise: Array | None, deep: bool, cancel: CancelToken
    ) -> tuple[Array, Estimate]:
        """One step for all latents: what they are now, float32 (V, C, h, w), and the clean estimates it used.

        noise: float32 (V, C, h, w), None for a step that adds none. deep: whether all of the network is computed, or
        what lies deep in it is taken from the step before.
        """
        ...


@dataclass(frozen=True, eq=False)
class Denoised:
    """The state after a step (counted from 1): float32 (V, C, h, w), and the clean estimates that it used."""

    step: int
    estimate: Estimate
    latents: Array


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the network is told of one request.

    image: float32 (1, Ci, h, w), unscaled. text, null_text: float32 (1, L, D). The scales are those of guidance.
    """

    image: Array
    text: Array
    null_text: Array
    text_scale: float
    image_scale: float

    def asked(self) -> Asked:
        """The branches whose answers count. Raises `RequestError` for scales below 0."""
        return self._of(branches(self.text_scale, self.image_scale))

    def alone(self) -> Asked:
        """The one branch that is asked where guidance is off."""
        return self._of(ALONE)

    def _of(self, used: tuple[Branch, ...]) -> Asked:
        images = np.concatenate([self.image if branch.image else np.zeros_like(self.image) for branch in used])
        return Asked(used, images, np.concatenate([self.text if branch.text else self.null_text for branch in used]))


def denoise(
    stepper: Stepper,
    *,
    plan: Plan,
    prediction_type: str,
    conditioning: Conditioning,
    seeds: Sequence[int],
    cancel: CancelToken | None = None,
    latent_channels: int | None = None,
    saving: Sequence[StepKind] = (),
) -> Iterator[Denoised]:
    """Yield one item a step; the latents of the last are the results (scaled, as `Vae.decode` takes them).

    seeds: one latent each; its noise is its own, and does not depend on the others. latent_channels: C, if not Ci.
    saving: one kind a step, where some cost less. The result depends on the arguments, on nothing else.
    Raises `RequestError`, `Cancelled` (looked for before every step), `ProviderError` where the numbers overflow.
    """
    cancel = cancel or CancelToken()
    guided, alone = conditioning.asked(), conditioning.alone()
    image = conditioning.image
    shape = (1, latent_channels or image.shape[1], *image.shape[2:])
    stepper.begin(np.float32(plan.start_scale) * _noise(seeds, 0, shape), len(plan.steps))
    for number, (step, kind) in enumerate(zip(plan.steps, saving or kinds(len(plan.steps)), strict=True), start=1):
        cancel.raise_if_cancelled()
        asked = guided if kind.guided else alone
        noise = _noise(seeds, number, shape) if step.d else None
        latents, estimate = stepper.step(asked, Row.of(step, prediction_type), noise, kind.deep, cancel)
        _check_finite(latents, number, asked.branches)
        yield Denoised(number, estimate, latents)


def _noise(seeds: Sequence[int], number: int, shape: tuple[int, ...]) -> Array:
    return np.concatenate([normal(seed, number, shape) for seed in seeds])


def _check_finite(latents: Array, number: int, used: tuple[Branch, ...]) -> None:
    if not np.isfinite(latents).all():
        scales = "lower scales, " if max(abs(branch.weight) for branch in used) > 1 else ""
        raise ProviderError(
            f"The model's numbers overflowed in step {number}; try {scales}another provider, "
            "or a package of higher precision."
        )
