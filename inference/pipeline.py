"""The denoising loop: from noise to the latent of the edited picture, one network call per step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.errors import ProviderError
from inference.guidance import Branch, branches, guide
from inference.noise import normal
from inference.schedule import Plan, Step
from inference.types import CancelToken

Array = NDArray[np.float32]
Predict = Callable[[Array, float, Array], Array]


@dataclass(frozen=True, eq=False)
class Denoised:
    """The state after a step (counted from 1): the clean estimate that it used and the latent, float32 (1, C, h, w)."""

    step: int
    estimate: Array
    latent: Array


def denoise(
    predict: Predict,
    *,
    plan: Plan,
    prediction_type: str,
    image_latent: Array,
    text: Array,
    null_text: Array,
    text_scale: float,
    image_scale: float,
    seed: int,
    cancel: CancelToken | None = None,
    latent_channels: int | None = None,
) -> Iterator[Denoised]:
    """Yield one item a step; the latent of the last is the result (scaled, as `Vae.decode` takes it).

    predict: `(sample (B, C + Ci, h, w), timestep, text (B, L, D)) -> (B, C, h, w)`, B = the branches of guidance.
    image_latent: float32 (1, Ci, h, w), unscaled. text, null_text: float32 (1, L, D). latent_channels: C, if not Ci.
    prediction_type: "epsilon" or "v_prediction". The result depends on the seed and the arguments, on nothing else;
    coefficients and sums are float64, the state between steps float32.
    Raises `RequestError`, `Cancelled` (looked for before every call), `ProviderError` where the numbers overflow.
    """
    used = branches(text_scale, image_scale)
    images = np.concatenate([image_latent if branch.image else np.zeros_like(image_latent) for branch in used])
    texts = np.concatenate([text if branch.text else null_text for branch in used])
    shape = (1, latent_channels or image_latent.shape[1], *image_latent.shape[2:])
    latent = np.float32(plan.start_scale) * normal(seed, 0, shape)
    before = np.zeros_like(latent)
    for number, step in enumerate(plan.steps, start=1):
        if cancel is not None:
            cancel.raise_if_cancelled()
        answers = predict(_sample(latent, images), step.timestep, texts)
        with np.errstate(over="ignore", invalid="ignore"):  # said in words by _check_finite
            estimate = _estimate(latent, guide(answers, used)[np.newaxis], step, prediction_type)
            latent, before = _advance(latent, estimate, before, step, seed, number), estimate
        _check_finite(latent, number, used)
        yield Denoised(number, estimate, latent)


def _sample(latent: Array, images: Array) -> Array:
    """The network's input: the latent beside each branch's image condition."""
    return np.concatenate([np.repeat(latent, len(images), axis=0), images], axis=1)


def _estimate(latent: Array, answer: Array, step: Step, prediction_type: str) -> Array:
    x, y = latent.astype(np.float64), answer.astype(np.float64)
    v = prediction_type == "v_prediction"
    return (step.alpha * x - step.sigma * y if v else (x - step.sigma * y) / step.alpha).astype(np.float32)


def _advance(latent: Array, estimate: Array, before: Array, step: Step, seed: int, number: int) -> Array:
    moved = step.a * latent.astype(np.float64) + step.b * estimate.astype(np.float64)
    if step.c:
        moved += step.c * before.astype(np.float64)
    if step.d:
        moved += step.d * normal(seed, number, latent.shape).astype(np.float64)
    return moved.astype(np.float32)


def _check_finite(latent: Array, number: int, used: tuple[Branch, ...]) -> None:
    if not np.isfinite(latent).all():
        scales = "lower scales, " if max(abs(branch.weight) for branch in used) > 1 else ""
        raise ProviderError(
            f"The model's numbers overflowed in step {number}; try {scales}another provider, "
            "or a package of higher precision."
        )
