"""The loss for both kinds of prediction, its weights, and the mask."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler

from tests.training.tiny_model import tiny_scheduler
from training.loss import LEAST_SNR, Noising, weighted_loss

ZERO_SNR = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}


@pytest.fixture(params=[{}, {"prediction_type": "v_prediction"}, ZERO_SNR], ids=["epsilon", "velocity", "zero snr"])
def scheduler(request: pytest.FixtureRequest) -> DDIMScheduler:
    return tiny_scheduler(**request.param)


def test_noise_and_target_are_those_of_diffusers(scheduler: DDIMScheduler) -> None:
    torch.manual_seed(0)
    clean, noise = torch.randn(5, 4, 3, 2), torch.randn(5, 4, 3, 2)
    times = torch.tensor([0, 10, 500, 998, 999])
    noising = Noising(scheduler.config)
    torch.testing.assert_close(
        noising.noisy(clean, noise, times), scheduler.add_noise(clean, noise, times), rtol=0, atol=2e-5
    )
    velocity = scheduler.config.prediction_type == "v_prediction"
    wanted = scheduler.get_velocity(clean, noise, times) if velocity else noise
    torch.testing.assert_close(noising.wanted(clean, noise, times), wanted, rtol=0, atol=2e-5)


def test_min_snr_is_the_papers_formula(scheduler: DDIMScheduler) -> None:
    times = torch.arange(0, 900, 50)
    alphas = scheduler.alphas_cumprod[times].double()
    snr = (alphas / (1 - alphas)).clamp(min=LEAST_SNR)
    below = snr + 1 if scheduler.config.prediction_type == "v_prediction" else snr
    weights = Noising(scheduler.config).weights(times, 5.0)
    torch.testing.assert_close(weights, (snr.clamp(max=5.0) / below).float(), rtol=1e-3, atol=1e-6)


def test_weights_are_finite_and_positive_to_the_last_step(scheduler: DDIMScheduler) -> None:
    weights = Noising(scheduler.config).weights(torch.arange(1000), 5.0)
    assert weights.isfinite().all() and (weights > 0).all()


def test_without_min_snr_all_count_alike(scheduler: DDIMScheduler) -> None:
    assert (Noising(scheduler.config).weights(torch.arange(1000), 0.0) == 1).all()


def test_a_perfect_answer_costs_nothing_and_others_their_squared_error() -> None:
    wanted = torch.randn(3, 4, 2, 2)
    assert float(weighted_loss(wanted, wanted, torch.ones(3))) == 0
    assert float(weighted_loss(wanted + 2, wanted, torch.tensor([1.0, 0.5, 0.0]))) == pytest.approx(2.0)


def test_errors_count_more_inside_a_mask() -> None:
    wanted, inside = torch.zeros(1, 4, 4, 4), torch.full((1, 1, 4, 4), 0.2)
    inside[..., :2] = 1
    left, right = (wanted.clone() for _ in range(2))
    left[..., 0], right[..., 3] = 1, 1
    costs = [float(weighted_loss(answer, wanted, torch.ones(1), inside)) for answer in (left, right)]
    assert costs[0] == pytest.approx(5 * costs[1])


def test_a_mask_changes_no_samples_share() -> None:
    answer, wanted, inside = torch.ones(2, 4, 4, 4), torch.zeros(2, 4, 4, 4), torch.full((2, 1, 4, 4), 0.2)
    inside[1, :, 0, 0] = 1
    assert float(weighted_loss(answer, wanted, torch.ones(2), inside)) == pytest.approx(1.0)
