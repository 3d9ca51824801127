from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from diffusers import DDIMScheduler

from inference.errors import PackageError
from inference.schedule import CLEAN, Level, Schedule, euler_step

SCALED = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize(
    "config", [{}, SCALED, {"beta_schedule": "squaredcos_cap_v2"}, {"trained_betas": [0.1, 0.2, 0.3, 0.4]}]
)
def test_noise_levels_agree_with_diffusers(config: dict[str, Any], zero: bool) -> None:
    theirs = DDIMScheduler.from_config({**config, "rescale_betas_zero_snr": zero}).alphas_cumprod.numpy()
    ours = Schedule.from_config({**config, "rescale_betas_zero_snr": zero}).alphas_cumprod
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-7)


def test_zero_terminal_snr_ends_at_exactly_no_signal() -> None:
    schedule = Schedule.from_config({**SCALED, "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"})
    assert schedule.alphas_cumprod[-1] == 0
    assert schedule.alphas_cumprod[0] == pytest.approx(1 - 0.00085)
    assert schedule.levels(np.array([999.0])) == (Level(999, 0, 1),)


def test_defaults_are_those_of_diffusers() -> None:
    schedule = Schedule.from_config({})
    assert (schedule.length, schedule.prediction_type, schedule.steps_offset) == (1000, "epsilon", 0)
    assert (schedule.timestep_spacing, schedule.set_alpha_to_one) == (None, True)
    assert schedule.spacing("leading") == "leading"


def test_levels_between_timesteps_lie_between_in_sigma_space() -> None:
    schedule = Schedule.from_config(SCALED)
    low, middle, high = schedule.levels(np.array([300.0, 300.25, 301.0]))
    assert middle.ratio == pytest.approx(0.75 * low.ratio + 0.25 * high.ratio)
    assert math.hypot(middle.alpha, middle.sigma) == pytest.approx(1)
    assert low.alpha == pytest.approx(math.sqrt(schedule.alphas_cumprod[300]))


def test_timesteps_and_levels_are_each_others_inverse() -> None:
    schedule = Schedule.from_config(SCALED)
    timesteps = np.array([999.0, 500.0, 3.0, 0.0])
    ratios = np.array([level.ratio for level in schedule.levels(timesteps)])
    np.testing.assert_allclose(schedule.timesteps_at(ratios), timesteps, atol=1e-9)


def test_a_step_to_clean_is_the_estimate() -> None:
    step = euler_step(Level(10, 0.6, 0.8), CLEAN)
    assert (step.a, step.b, step.c, step.d) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"prediction_type": "sample"}, "prediction_type 'sample'"),
        ({"timestep_spacing": "random"}, "timestep_spacing 'random'"),
        ({"beta_schedule": "sigmoid"}, "beta_schedule 'sigmoid'"),
        ({"trained_betas": [0.5]}, "growing noise"),
        ({"trained_betas": [0.5, -0.1]}, "growing noise"),
        ({"trained_betas": [0.0, 0.1]}, "growing noise"),
        ({"trained_betas": [0.1, 1.5]}, "growing noise"),
        ({"trained_betas": [[0.1, 0.2]]}, "growing noise"),
        ({"trained_betas": [0.1, math.nan]}, "growing noise"),
        ({"trained_betas": [0.999] * 200}, "growing noise"),
        ({"trained_betas": ["much"]}, "much"),
        ({"num_train_timesteps": None}, "NoneType"),
        ({"num_train_timesteps": 0}, "num_train_timesteps is 0"),
        ({"num_train_timesteps": 10**12}, "num_train_timesteps is 1000000000000"),
        ({"num_train_timesteps": -3}, "-3"),
        ({"beta_end": "high"}, "high"),
        ({"beta_start": math.nan}, "growing noise"),
        ({"beta_schedule": "scaled_linear", "beta_start": -1}, "growing noise"),
        ({"steps_offset": "one"}, "one"),
    ],
)
@pytest.mark.parametrize("zero", [False, True])
def test_a_senseless_config_is_one_sentence(config: dict[str, Any], word: str, zero: bool) -> None:
    with pytest.raises(PackageError) as caught:
        Schedule.from_config({"rescale_betas_zero_snr": zero, **config})
    sentence = str(caught.value)
    assert sentence.startswith("The model's scheduler_config.json cannot be used: ")
    assert word in sentence
    assert "\n" not in sentence
