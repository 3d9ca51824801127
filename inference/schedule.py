"""The noise schedule of a model, and what a sampler makes of it: a plan of linear steps.

Everything is in variance-preserving space: a latent at a noise level is `alpha * clean + sigma * noise` with
`alpha^2 + sigma^2 = 1`. Numbers stay near 1, the network takes the latent as it is, and a level without any signal
(alpha = 0, zero terminal SNR, arXiv 2305.08891) is a level like the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from inference.errors import PackageError, RequestError

Floats = NDArray[np.float64]

PREDICTION_TYPES = ("epsilon", "v_prediction")
SPACINGS = ("linspace", "leading", "trailing")
MOST_TIMESTEPS = 1_000_000  # far above any model; keeps a damaged file from asking for all memory


@dataclass(frozen=True)
class Level:
    """A noise level: the (fractional) training timestep that the network is told, and the shares of clean and noise."""

    timestep: float
    alpha: float
    sigma: float

    @property
    def ratio(self) -> float:
        """sigma / alpha, the noise level of sigma space; infinite where there is no signal."""
        return self.sigma / self.alpha if self.alpha else math.inf


CLEAN = Level(timestep=0.0, alpha=1.0, sigma=0.0)


@dataclass(frozen=True)
class Step:
    """One row of a plan: `x' = a x + b D + c D_prev + d noise`, with `D` the clean latent as estimated from `x`."""

    timestep: float
    alpha: float
    sigma: float
    a: float
    b: float
    c: float = 0.0
    d: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What a sampler does, in numbers alone: start from `start_scale * noise`, then one network call per step."""

    steps: tuple[Step, ...]
    start_scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Schedule:
    """The noise schedule that a model was trained with.

    alphas_cumprod: float64 (T,), strictly falling within [0, 1); the last may be 0 (zero terminal SNR).
    timestep_spacing: one of `SPACINGS`, or None where the config leaves it to the sampler.
    steps_offset: added to timesteps of leading spacing. set_alpha_to_one: DDIM ends at a clean latent, not at level 0.
    beta_schedule: only Karras spacing asks for it.
    """

    alphas_cumprod: Floats
    prediction_type: str = "epsilon"
    timestep_spacing: str | None = None
    steps_offset: int = 0
    set_alpha_to_one: bool = True
    beta_schedule: str = "linear"

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Schedule:
        """Read a `scheduler_config.json` of diffusers, with its defaults. Raises `PackageError`."""
        try:
            return cls(
                alphas_cumprod=_alphas_cumprod(config),
                prediction_type=_prediction_type(config),
                timestep_spacing=_spacing(config),
                steps_offset=int(cast(int, config.get("steps_offset", 0))),
                set_alpha_to_one=bool(config.get("set_alpha_to_one", True)),
                beta_schedule=str(config.get("beta_schedule", "linear")),
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise PackageError(f"The model's scheduler_config.json cannot be used: {error}.") from error

    @property
    def length(self) -> int:
        """The number of timesteps that the model was trained with."""
        return len(self.alphas_cumprod)

    @property
    def ratios(self) -> Floats:
        """sigma / alpha at every training timestep, float64 (T,), rising; the last may be infinite."""
        with np.errstate(divide="ignore"):
            return np.sqrt((1 - self.alphas_cumprod) / self.alphas_cumprod)

    def spacing(self, default: str) -> str:
        return self.timestep_spacing or default

    def timesteps(self, steps: int, default: str, *, above_zero: bool = False) -> Floats:
        """The timesteps to visit, float64 (steps,), falling; spaced as the config says, else by `default`.

        above_zero leaves out the lowest of `steps + 1` (linspace and leading), as DPM-Solver++ in diffusers does.
        A single step starts from pure noise in every spacing, as in k-diffusion: where linspace and leading of
        diffusers put it (timestep 0) the network would be told that noise is a finished picture.
        Raises `RequestError` for fewer than 1 or more than `length` steps.
        """
        self.check(steps)
        if steps == 1:
            return np.array([self.length - 1.0])
        points = steps + above_zero
        match self.spacing(default):
            case "linspace":
                return np.linspace(0, self.length - 1, points, dtype=np.float64)[::-1][:steps]
            case "leading":
                apart = max(self.length // points, 1)
                spread = np.arange(points - 1, points - 1 - steps, -1, dtype=np.float64) * apart
                return np.clip(spread + self.steps_offset, 0, self.length - 1)
            case _:
                return np.round(self.length - np.arange(steps, dtype=np.float64) * (self.length / steps)) - 1

    def levels(self, timesteps: Floats) -> tuple[Level, ...]:
        """The noise levels at fractional timesteps: sigma / alpha is interpolated linearly, as in diffusers."""
        return self.levels_of(timesteps, np.interp(timesteps, np.arange(self.length), self.ratios))

    def levels_of(self, timesteps: Floats, ratios: Floats) -> tuple[Level, ...]:
        """The levels with these timesteps and values of sigma / alpha. Raises `PackageError`, see below."""
        alphas = 1 / np.hypot(1, ratios)
        if self.prediction_type == "epsilon" and not alphas.all():
            raise PackageError(
                "The model's scheduler starts without any signal (zero terminal SNR), where a model that predicts "
                "noise says nothing; its scheduler_config.json has to name v_prediction or leading spacing."
            )
        sigmas = np.where(np.isinf(ratios), 1.0, alphas * np.where(np.isinf(ratios), 1.0, ratios))
        rows = zip(timesteps.tolist(), alphas.tolist(), sigmas.tolist(), strict=True)
        return tuple(Level(*row) for row in rows)

    def timesteps_at(self, ratios: Floats) -> Floats:
        """The fractional timesteps with these values of sigma / alpha, interpolated in their logarithm."""
        return np.interp(np.log(ratios), np.log(self.ratios), np.arange(self.length))

    def check(self, steps: int) -> None:
        """Raises `RequestError` for a number of steps that this schedule cannot give."""
        if steps < 1:
            raise RequestError(f"An edit needs at least 1 step, not {steps}.")
        if steps > self.length:
            raise RequestError(
                f"This model knows {self.length} timesteps and cannot take {steps} steps; ask for fewer."
            )


def euler_step(at: Level, to: Level) -> Step:
    """The first-order row from one level to the next, also that of DDIM; no infinity even where `at.alpha` is 0."""
    a = to.sigma / at.sigma
    return Step(at.timestep, at.alpha, at.sigma, a=a, b=to.alpha - a * at.alpha)


def euler_steps(levels: tuple[Level, ...]) -> tuple[Step, ...]:
    """First-order rows along all levels; the last level is where the latent ends up."""
    return tuple(euler_step(at, to) for at, to in pairwise(levels))


def _alphas_cumprod(config: Mapping[str, object]) -> Floats:
    betas = _betas(config)
    cumprod: Floats = np.cumprod(1 - betas, dtype=np.float64)
    if betas.ndim != 1 or len(betas) < 2 or not ((betas > 0) & (betas <= 1)).all() or cumprod[-2] == 0:
        raise ValueError("its betas do not describe growing noise")
    return _zero_terminal(cumprod) if config.get("rescale_betas_zero_snr") else cumprod


def _betas(config: Mapping[str, object]) -> Floats:
    trained = config.get("trained_betas")
    if trained is not None:
        return np.asarray(trained, dtype=np.float64)
    count = int(cast(int, config.get("num_train_timesteps", 1000)))
    if not 2 <= count <= MOST_TIMESTEPS:
        raise ValueError(f"its num_train_timesteps is {count}")
    start, end = (float(cast(float, config.get(f"beta_{k}", v))) for k, v in (("start", 0.0001), ("end", 0.02)))
    match config.get("beta_schedule", "linear"):
        case "linear":
            return np.linspace(start, end, count, dtype=np.float64)
        case "scaled_linear":
            return np.square(np.linspace(max(start, 0.0) ** 0.5, max(end, 0.0) ** 0.5, count, dtype=np.float64))
        case "squaredcos_cap_v2":
            return _cosine_betas(count)
        case other:
            raise ValueError(f"the beta_schedule {other!r} is unknown (linear, scaled_linear, squaredcos_cap_v2)")


def _cosine_betas(count: int) -> Floats:
    """arXiv 2102.09672, equation 17."""
    kept = np.square(np.cos((np.arange(count + 1, dtype=np.float64) / count + 0.008) / 1.008 * np.pi / 2))
    return np.minimum(1 - kept[1:] / kept[:-1], 0.999)


def _zero_terminal(cumprod: Floats) -> Floats:
    """Shift and scale so that the last level has no signal at all; arXiv 2305.08891, algorithm 1."""
    root = np.sqrt(cumprod)
    return np.square((root - root[-1]) * (root[0] / (root[0] - root[-1])))


def _prediction_type(config: Mapping[str, object]) -> str:
    return _known("prediction_type", config.get("prediction_type", "epsilon"), PREDICTION_TYPES)


def _spacing(config: Mapping[str, object]) -> str | None:
    spacing = config.get("timestep_spacing")
    return None if spacing is None else _known("timestep_spacing", spacing, SPACINGS)


def _known(key: str, value: object, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"the {key} {value!r} is unknown ({', '.join(known)})")
    return cast(str, value)
