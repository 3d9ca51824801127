from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete, scheduling_lcm

import inference.samplers
from inference.errors import PackageError, RequestError
from inference.samplers import SAMPLERS, sampler_named
from inference.schedule import Plan, Schedule

# diffusers lets numpy read torch tensors, which torch does in numpy 1's way
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

SHAPE = (1, 4, 8, 8)
STABLE_DIFFUSION = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "clip_sample": False,
}


def zero_terminal(spacing: str) -> dict[str, Any]:
    zero = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": spacing}
    return STABLE_DIFFUSION | zero


THEIRS: Mapping[str, tuple[type, dict[str, Any]]] = {
    "euler": (EulerDiscreteScheduler, {}),
    "euler_ancestral": (EulerAncestralDiscreteScheduler, {}),
    "ddim": (DDIMScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "lcm": (LCMScheduler, {}),
}


def model(x: np.ndarray, timestep: float) -> np.ndarray:
    """A stand-in for the network: nonlinear, different at every timestep, mixing neighbours."""
    return np.tanh(0.9 * x + 0.3 * np.roll(x, 1, axis=-1) + math.sin(timestep / 150)) + 0.1 * np.cos(3 * x)


def walk(plan: Plan, prediction_type: str, start: np.ndarray, noises: Sequence[np.ndarray]) -> np.ndarray:
    x = plan.start_scale * start.astype(np.float64)
    before = np.zeros_like(x)
    for step, noise in zip(plan.steps, noises, strict=True):
        out = model(x, step.timestep)
        clean = (
            (x - step.sigma * out) / step.alpha if prediction_type == "epsilon" else step.alpha * x - step.sigma * out
        )
        x, before = step.a * x + step.b * clean + step.c * before + step.d * noise, clean
    return x


def their_scheduler(name: str, config: Mapping[str, Any]) -> Any:
    kind, extra = THEIRS[name]
    return kind.from_config({**config, **extra})


def their_walk(
    scheduler: Any, steps: int, start: np.ndarray, noises: Sequence[np.ndarray], count: int | None = None
) -> np.ndarray:
    scheduler.set_timesteps(steps)
    drawn = iter(noises)
    with pytest.MonkeyPatch.context() as patch:
        for module in (scheduling_euler_ancestral_discrete, scheduling_lcm):
            patch.setattr(module, "randn_tensor", lambda *_, **__: torch.from_numpy(next(drawn)))
        x = torch.from_numpy(start) * scheduler.init_noise_sigma
        for t in scheduler.timesteps[:count]:
            out = model(scheduler.scale_model_input(x, t).numpy(), float(t))
            x = scheduler.step(torch.from_numpy(out.astype(np.float32)), t, x).prev_sample
    return x.numpy()


def noise(steps: int) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.RandomState(5)
    start, *rest = rng.standard_normal((steps + 1, *SHAPE)).astype(np.float32)
    return start, rest


def difference(name: str, config: Mapping[str, Any], steps: int, schedule: Schedule | None = None) -> float:
    """The largest difference from diffusers after a whole loop, relative to its largest value."""
    start, noises = noise(steps)
    schedule = schedule or Schedule.from_config(config)
    ours = walk(SAMPLERS[name](schedule, steps), schedule.prediction_type, start, noises)
    theirs = their_walk(their_scheduler(name, config), steps, start, noises)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def told(name: str, steps: int, **config: object) -> list[float]:
    return [step.timestep for step in SAMPLERS[name](Schedule.from_config(STABLE_DIFFUSION | config), steps).steps]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("spacing", [None, "linspace", "leading", "trailing"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_whole_loop_agrees_with_diffusers(name: str, spacing: str | None, prediction_type: str) -> None:
    config = STABLE_DIFFUSION | {"prediction_type": prediction_type}
    config |= {"timestep_spacing": spacing} if spacing else {}
    for steps in (20, 7, 30):
        assert difference(name, config, steps) < 3e-6


@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("name", SAMPLERS)
def test_other_offsets_lengths_and_ends_agree_with_diffusers(name: str, end: bool) -> None:
    config = STABLE_DIFFUSION | {"num_train_timesteps": 400, "steps_offset": 0, "set_alpha_to_one": end}
    assert difference(name, config, 20) < 3e-6


@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "ddim", "dpmpp_2m"])
def test_cosine_schedule_agrees_with_diffusers(name: str) -> None:
    config = {"beta_schedule": "squaredcos_cap_v2", "clip_sample": False}
    assert difference(name, config, 20) < 1e-5  # diffusers computes alphas of 5e-5 in float32


@pytest.mark.parametrize("spacing", ["linspace", "trailing"])
@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "ddim", "dpmpp_2m"])
def test_nearly_zero_terminal_snr_agrees_with_diffusers(name: str, spacing: str) -> None:
    config = zero_terminal(spacing)
    schedule = Schedule.from_config(config)
    alphas = schedule.alphas_cumprod.copy()
    alphas[-1] = 0 if name == "ddim" else 2**-24  # the value that diffusers puts in place of 0
    assert difference(name, config, 20, replace(schedule, alphas_cumprod=alphas)) < 1e-5


@pytest.mark.parametrize("spacing", ["linspace", "trailing"])
@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "ddim"])
def test_zero_terminal_snr_is_the_limit_of_diffusers(name: str, spacing: str) -> None:
    assert difference(name, zero_terminal(spacing), 20) < 5e-4


@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "ddim", "dpmpp_2m"])
def test_rows_from_pure_noise(name: str) -> None:
    first, second, *_ = sampler_named(name)(Schedule.from_config(zero_terminal("trailing")), 20).steps
    assert (first.timestep, first.alpha, first.sigma) == (999, 0, 1)
    if name == "euler_ancestral":
        assert (first.a, first.b, first.c, first.d) == (0, second.alpha, 0, pytest.approx(second.sigma))
    else:
        assert (first.a, first.b, first.c, first.d) == (pytest.approx(second.sigma), second.alpha, 0, 0)
    assert second.c == 0
    assert all(math.isfinite(x) for step in (first, second) for x in (step.a, step.b, step.d))


def test_second_order_from_pure_noise_is_the_limit_of_vanishing_signal() -> None:
    schedule = Schedule.from_config(zero_terminal("trailing"))
    exact = sampler_named("dpmpp_2m")(schedule, 20)
    alphas = schedule.alphas_cumprod.copy()
    alphas[-1] = 1e-300
    near = sampler_named("dpmpp_2m")(replace(schedule, alphas_cumprod=alphas), 20)
    for ours, limit in zip(exact.steps, near.steps, strict=True):
        assert (ours.a, ours.b, ours.c) == pytest.approx((limit.a, limit.b, limit.c), abs=2e-3)
    assert exact.steps[2].c != 0


def test_karras_refuses_pure_noise_in_words() -> None:
    with pytest.raises(RequestError, match="Karras spacing needs a highest noise level"):
        sampler_named("dpmpp_2m_karras")(Schedule.from_config(zero_terminal("trailing")), 20)


def test_noise_prediction_from_pure_noise_is_refused_in_words() -> None:
    config = zero_terminal("trailing") | {"prediction_type": "epsilon"}
    with pytest.raises(PackageError, match="name v_prediction or leading spacing"):
        sampler_named("euler")(Schedule.from_config(config), 20)
    assert difference("ddim", config | {"timestep_spacing": "leading"}, 20) < 1e-5


@pytest.mark.parametrize("config", [STABLE_DIFFUSION, {"timestep_spacing": "leading"}])
@pytest.mark.parametrize("name", SAMPLERS)
def test_one_step_goes_from_noise_to_clean(name: str, config: Mapping[str, Any]) -> None:
    (step,) = sampler_named(name)(Schedule.from_config({**config, "set_alpha_to_one": True}), 1).steps
    assert step.timestep == 999
    assert (step.a, step.b, step.c, step.d) == pytest.approx((0, 1, 0, 0), abs=1e-8)


@pytest.mark.parametrize("spacing", ["linspace", "leading", "trailing"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_number_of_steps_gives_finite_numbers(name: str, spacing: str) -> None:
    schedule = Schedule.from_config({"num_train_timesteps": 12, "timestep_spacing": spacing, "steps_offset": 1})
    for steps in range(1, 13):
        plan = sampler_named(name)(schedule, steps)
        timesteps = [step.timestep for step in plan.steps]
        assert len(timesteps) == steps
        assert timesteps == sorted(timesteps, reverse=True)
        assert 0 <= timesteps[-1] <= timesteps[0] <= 11
        assert np.isfinite([(s.alpha, s.sigma, s.a, s.b, s.c, s.d) for s in plan.steps]).all()


@pytest.mark.parametrize("name", SAMPLERS)
def test_impossible_numbers_of_steps_are_refused_in_words(name: str) -> None:
    schedule = Schedule.from_config(STABLE_DIFFUSION)
    with pytest.raises(RequestError, match="knows 1000 timesteps and cannot take 1001 steps"):
        sampler_named(name)(schedule, 1001)
    with pytest.raises(RequestError, match="at least 1 step"):
        sampler_named(name)(schedule, 0)


def test_rows_keep_the_latent_on_its_noise_level() -> None:
    """A clean latent of 1 whose estimate is right stays `alpha + sigma noise`; fresh noise adds up in variance."""
    for name in ("euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_karras"):
        steps = sampler_named(name)(Schedule.from_config(STABLE_DIFFUSION), 10).steps
        for at, to in pairwise(steps):
            assert at.a * at.alpha + at.b + at.c == pytest.approx(to.alpha)
            assert math.hypot(at.a * at.sigma, at.d) == pytest.approx(to.sigma)


def test_timesteps_of_each_sampler() -> None:
    assert told("euler", 4) == [999, 666, 333, 0]
    assert told("euler_ancestral", 3) == [999, 499.5, 0]
    assert told("ddim", 4) == [751, 501, 251, 1]
    assert told("dpmpp_2m", 4) == [999, 749, 500, 250]
    assert told("euler", 4, timestep_spacing="trailing") == [999, 749, 499, 249]
    assert told("dpmpp_2m", 4, timestep_spacing="leading") == [801, 601, 401, 201]
    assert told("lcm", 4, timestep_spacing="leading") == [999, 759, 499, 259]
    assert told("lcm", 8) == [999, 879, 759, 639, 499, 379, 259, 139]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_few_steps_of_lcm_agree_with_diffusers_step_by_step(steps: int, prediction_type: str) -> None:
    config = STABLE_DIFFUSION | {"prediction_type": prediction_type}
    plan = sampler_named("lcm")(Schedule.from_config(config), steps)
    start, noises = noise(steps)
    for count in range(1, steps + 1):
        ours = walk(replace(plan, steps=plan.steps[:count]), prediction_type, start, noises[:count])
        theirs = their_walk(their_scheduler("lcm", config), steps, start, noises, count)
        assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_lcm_refuses_more_steps_than_it_was_distilled_from() -> None:
    with pytest.raises(RequestError, match="lcm takes at most 50 steps, not 51"):
        sampler_named("lcm")(Schedule.from_config(STABLE_DIFFUSION), 51)


def test_unknown_sampler_is_answered_with_the_names() -> None:
    with pytest.raises(RequestError, match="euler, euler_ancestral, ddim, dpmpp_2m, dpmpp_2m_karras"):
        sampler_named("heun")


def test_no_sampler_file_is_forgotten_in_the_listing() -> None:
    folder = Path(inference.samplers.__file__).parent
    assert {file.stem for file in folder.glob("*.py")} - {"__init__"} == set(SAMPLERS)
