from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from inference.errors import Cancelled, ProviderError, RequestError
from inference.noise import normal
from inference.pipeline import Conditioning, Denoised, denoise
from inference.samplers import SAMPLERS
from inference.savings import kinds
from inference.schedule import Plan, Schedule, Step
from inference.types import CancelToken
from tests.inference.reference import ReferenceStepper

SCHEDULE = Schedule.from_config({"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012})
IMAGE = np.random.RandomState(1).standard_normal((1, 4, 6, 5)).astype(np.float32)
TEXT, NULL = np.random.RandomState(2).standard_normal((2, 1, 7, 3)).astype(np.float32)


@dataclass
class Network:
    """A stand-in for the UNet, which keeps what it was asked."""

    channels: int = 4
    calls: list[tuple[np.ndarray, float, np.ndarray]] = field(default_factory=list)

    def __call__(self, sample: np.ndarray, timestep: float, text: np.ndarray) -> np.ndarray:
        self.calls.append((sample, timestep, text))
        assert sample.dtype == text.dtype == np.float32
        assert isinstance(timestep, float)
        x, image = sample[:, : self.channels], sample[:, self.channels :].mean(1, keepdims=True)
        answer = np.tanh(x + image + text.mean((1, 2))[:, None, None, None] + timestep / 999)
        return answer.astype(np.float32)


def run(predict: Callable[..., np.ndarray], **changes: Any) -> list[Denoised]:
    scales = {name: changes.pop(name, default) for name, default in (("text_scale", 7.5), ("image_scale", 1.5))}
    arguments: dict[str, Any] = {
        "plan": SAMPLERS["euler_ancestral"](SCHEDULE, 5),
        "prediction_type": "epsilon",
        "conditioning": Conditioning(IMAGE, TEXT, NULL, **scales),
        "seeds": (changes.pop("seed", 3),),
    }
    return list(denoise(ReferenceStepper(predict), **(arguments | changes)))


def by_hand(plan: Plan, prediction_type: str, text_scale: float, image_scale: float, seed: int) -> np.ndarray:
    """The same loop in float64, with guidance as the paper writes it and every branch asked for."""
    network = Network()
    x = plan.start_scale * normal(seed, 0, IMAGE.shape).astype(np.float64)
    before = np.zeros_like(x)
    for number, step in enumerate(plan.steps, 1):

        def ask(image: np.ndarray, text: np.ndarray, x: np.ndarray = x, t: float = step.timestep) -> np.ndarray:
            return network(np.concatenate([x, image], axis=1).astype(np.float32), t, text).astype(np.float64)

        neither, image, both = ask(0 * IMAGE, NULL), ask(IMAGE, NULL), ask(IMAGE, TEXT)
        answer = neither + image_scale * (image - neither) + text_scale * (both - image)
        clean = (x - step.sigma * answer) / step.alpha if prediction_type == "epsilon" else None
        clean = step.alpha * x - step.sigma * answer if clean is None else clean
        noise = normal(seed, number, x.shape)
        x, before = step.a * x + step.b * clean + step.c * before + step.d * noise, clean
    return x


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("scales", [(7.5, 1.5), (7.5, 0.5), (0.5, 1.2), (7.5, 1), (1.5, 1.5), (1, 1), (0, 2), (0, 0)])
def test_the_loop_is_the_formula(name: str, prediction_type: str, scales: tuple[float, float]) -> None:
    text_scale, image_scale = scales
    plan = SAMPLERS[name](SCHEDULE, 5)
    items = run(Network(), plan=plan, prediction_type=prediction_type, text_scale=text_scale, image_scale=image_scale)
    expected = by_hand(plan, prediction_type, text_scale, image_scale, seed=3)
    assert np.abs(items[-1].latents - expected).max() / np.abs(expected).max() < 2e-5


@pytest.mark.parametrize("spacing", ["linspace", "trailing"])
@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "ddim", "dpmpp_2m"])
def test_zero_terminal_snr_starts_from_noise_alone(name: str, spacing: str) -> None:
    schedule = Schedule.from_config(
        {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": spacing}
    )
    network = Network()
    items = run(network, plan=SAMPLERS[name](schedule, 4), prediction_type="v_prediction", text_scale=1, image_scale=1)
    sample, timestep, _ = network.calls[0]
    assert timestep == 999
    np.testing.assert_array_equal(sample[:, :4], normal(3, 0, IMAGE.shape))
    answer = Network()(*network.calls[0])
    np.testing.assert_array_equal(items[0].estimate.numpy(), -answer)
    assert np.isfinite(items[-1].latents).all()


def test_batch_is_text_and_image_then_image_then_neither() -> None:
    network = Network()
    run(network)
    for sample, _, text in network.calls:
        assert sample.shape == (3, 8, 6, 5)
        assert (sample[0, :4] == sample[1, :4]).all()
        assert (sample[0, :4] == sample[2, :4]).all()
        np.testing.assert_array_equal(sample[:, 4:], np.concatenate([IMAGE, IMAGE, 0 * IMAGE]))
        np.testing.assert_array_equal(text, np.concatenate([TEXT, NULL, NULL]))


@pytest.mark.parametrize(
    ("scales", "branches"), [((7.5, 1.5), 3), ((7.5, 1), 2), ((1.5, 1.5), 2), ((0, 1.5), 2), ((1, 1), 1), ((0, 0), 1)]
)
def test_no_branch_is_computed_in_vain(scales: tuple[float, float], branches: int) -> None:
    network = Network()
    run(network, text_scale=scales[0], image_scale=scales[1])
    assert {len(sample) for sample, _, _ in network.calls} == {branches}


def test_fractional_timesteps_reach_the_network() -> None:
    network = Network()
    run(network)
    assert [timestep for _, timestep, _ in network.calls] == [999, 749.25, 499.5, 249.75, 0]


def test_one_item_a_step_and_the_last_latent_is_the_last_estimate() -> None:
    items = run(Network())
    assert [item.step for item in items] == [1, 2, 3, 4, 5]
    assert {item.latents.shape for item in items} == {item.estimate.numpy().shape for item in items} == {IMAGE.shape}
    assert (
        {item.latents.dtype for item in items}
        == {item.estimate.numpy().dtype for item in items}
        == {np.dtype(np.float32)}
    )
    np.testing.assert_array_equal(items[-1].latents, items[-1].estimate.numpy())


def test_the_seed_decides_and_nothing_else() -> None:
    first, again, other = (run(Network(), seed=seed)[-1].latents for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9


def test_other_channels_for_the_image_than_for_the_latent() -> None:
    network = Network(channels=3)
    items = run(network, latent_channels=3)
    assert items[-1].latents.shape == (1, 3, 6, 5)
    assert network.calls[0][0].shape == (3, 7, 6, 5)


def test_cancel_is_seen_before_the_next_call() -> None:
    network, token = Network(), CancelToken()
    plan = SAMPLERS["euler"](SCHEDULE, 5)
    items = denoise(
        ReferenceStepper(network),
        plan=plan,
        prediction_type="epsilon",
        conditioning=Conditioning(IMAGE, TEXT, NULL, 7.5, 1.5),
        seeds=(0,),
        cancel=token,
    )
    next(items)
    token.cancel()
    with pytest.raises(Cancelled):
        next(items)
    assert len(network.calls) == 1


def test_impossible_scales_ask_nothing() -> None:
    network = Network()
    with pytest.raises(RequestError):
        run(network, text_scale=-1)
    assert network.calls == []


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_overflow_is_an_error_in_words(value: float) -> None:
    with pytest.raises(ProviderError, match="overflowed in step 1; try lower scales"):
        run(lambda sample, timestep, text: np.full((3, 4, 6, 5), value, np.float32), text_scale=20, image_scale=5)


def test_a_row_of_each_kind_is_applied() -> None:
    step = Step(timestep=5.0, alpha=0.8, sigma=0.6, a=0.5, b=0.25)
    second = Step(timestep=4.0, alpha=0.8, sigma=0.6, a=0.5, b=0.25, c=0.125, d=2.0)
    items = run(
        lambda sample, timestep, text: np.zeros((1, 4, 6, 5), np.float32),
        plan=Plan((step, second), start_scale=3.0),
        text_scale=1,
        image_scale=1,
    )
    start = 3 * normal(3, 0, IMAGE.shape)
    np.testing.assert_allclose(items[0].estimate.numpy(), start / 0.8, rtol=1e-6)
    np.testing.assert_allclose(items[0].latents, start * (0.5 + 0.25 / 0.8), rtol=1e-6)
    x = items[0].latents
    expected = x * (0.5 + 0.25 / 0.8) + 0.125 * items[0].estimate.numpy() + 2 * normal(3, 2, IMAGE.shape)
    np.testing.assert_allclose(items[1].latents, expected, rtol=1e-5, atol=1e-6)


def test_outside_the_interval_text_and_image_are_asked_alone() -> None:
    network = Network()
    run(network, saving=kinds(5, (0.2, 0.6)))
    assert [len(sample) for sample, _, _ in network.calls] == [1, 3, 3, 1, 1]
    np.testing.assert_array_equal(network.calls[0][0][:, 4:], IMAGE)
    np.testing.assert_array_equal(network.calls[0][2], TEXT)


def test_variants_together_are_what_each_is_alone() -> None:
    plan = SAMPLERS["dpmpp_2m"](SCHEDULE, 4)
    together = run(Network(), plan=plan, seeds=(3, 8))[-1].latents
    alone = [run(Network(), plan=plan, seed=seed)[-1].latents for seed in (3, 8)]
    np.testing.assert_array_equal(together, np.concatenate(alone))
