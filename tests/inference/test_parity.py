"""The engine's own loop against diffusers' InstructPix2Pix pipeline: same tiny random model, same noise, same result.

Where diffusers leaves the formula of the paper (it drops all guidance for s_I < 1 and for s_T <= 1, silently), the
reference is the formula itself, in float64 torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.schedulers import scheduling_euler_ancestral_discrete as ancestral
from diffusers.schedulers import scheduling_lcm
from PIL import Image

from inference.models import Models
from inference.noise import normal
from inference.package import open_package
from inference.pipeline import Conditioning, denoise
from inference.providers.cpu import PROVIDER
from inference.samplers import SAMPLERS, sampler_named
from inference.schedule import Schedule
from inference.view import model_view
from tests.training.tiny_model import block_network, export_tiny
from training.export.load import load_pipeline
from training.export.precision import SMALLEST_HALF

# diffusers hands torch tensors to numpy in a way that numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

INSTRUCTION = "turn the red things blue"
SEED = 5
TOLERANCE = 1e-4
SHAPE = (1, 4, 12, 16)
PICTURE = np.random.default_rng(2).integers(0, 256, (48, 64, 3), dtype=np.uint8)
SCHEDULERS: dict[str, tuple[str, dict[str, object]]] = {
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "ddim": ("DDIMScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"final_sigmas_type": "zero"}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"final_sigmas_type": "zero", "use_karras_sigmas": True}),
    "lcm": ("LCMScheduler", {}),
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    block_network(monkeypatch)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="module")
def pipeline(base: Path) -> Any:
    export_tiny(base)
    return load_pipeline(base / "tiny-source")


@pytest.fixture(scope="module")
def engine(base: Path) -> Iterator[SimpleNamespace]:
    yield from opened(export_tiny(base).folder)


def opened(folder: Path) -> Iterator[SimpleNamespace]:
    """The parts of the engine on one package, with the tiny picture and the texts encoded."""
    package = open_package(folder)
    models = Models(package, PROVIDER)
    text = models.text.encode([INSTRUCTION, ""])
    view = model_view(PICTURE, 64, package.multiple)
    yield SimpleNamespace(
        package=package, models=models, vae=models.vae, text=text, image=models.vae.encode(view.pixels), view=view
    )
    models.close()


def ours(engine: SimpleNamespace, sampler: str, steps: int, scales: tuple[float, float], **config: Any) -> Any:
    """The final latent of the engine's loop. config: changes to scheduler_config.json; None takes a key away."""
    scheduler = changed(engine.package.scheduler, config)
    return list(
        denoise(
            engine.models.stepper(),
            plan=sampler_named(sampler)(Schedule.from_config(scheduler), steps),
            prediction_type=scheduler.get("prediction_type", "epsilon"),
            conditioning=Conditioning(engine.image, engine.text[:1], engine.text[1:], *scales),
            seeds=(SEED,),
        )
    )[-1].latents


def theirs(pipeline: Any, sampler: str, steps: int, scales: tuple[float, float], **config: Any) -> Any:
    """The final latent of diffusers' pipeline with the same noise."""
    name, extra = SCHEDULERS[sampler]
    scheduler = getattr(diffusers, name).from_config(changed(pipeline.scheduler.config, config), **extra)
    pipe = diffusers.StableDiffusionInstructPix2PixPipeline(
        **{**pipeline.components, "scheduler": scheduler}, requires_safety_checker=False
    )
    pipe.set_progress_bar_config(disable=True)
    count = iter(range(1, steps + 1))
    with pytest.MonkeyPatch.context() as patch:
        for module in (ancestral, scheduling_lcm):
            patch.setattr(module, "randn_tensor", lambda *_, **__: torch.from_numpy(normal(SEED, next(count), SHAPE)))
        result = pipe(
            INSTRUCTION,
            image=Image.fromarray(PICTURE),
            num_inference_steps=steps,
            guidance_scale=scales[0],
            image_guidance_scale=scales[1],
            latents=torch.from_numpy(normal(SEED, 0, SHAPE)),
            output_type="latent",
        )
    return result.images.numpy()


def changed(config: Any, changes: dict[str, Any]) -> dict[str, Any]:
    merged = {**config, **changes}
    hidden = {"_use_default_values"} | {key for key, value in changes.items() if value is None}
    return {key: value for key, value in merged.items() if key not in hidden}


def relative(found: Any, reference: Any) -> float:
    assert found.shape == reference.shape
    return float(np.abs(found - reference).max() / np.abs(reference).max())


@torch.no_grad()
def test_texts_and_picture_are_encoded_alike(engine: SimpleNamespace, pipeline: Any) -> None:
    tokens = pipeline.tokenizer([INSTRUCTION, ""], padding="max_length", return_tensors="pt").input_ids
    assert relative(engine.text, pipeline.text_encoder(tokens)[0].numpy()) < TOLERANCE
    pixels = pipeline.image_processor.preprocess(Image.fromarray(PICTURE))
    np.testing.assert_allclose(engine.view.pixels, pixels.numpy(), atol=1e-6)
    assert relative(engine.image, pipeline.vae.encode(pixels).latent_dist.mode().numpy()) < TOLERANCE


@pytest.mark.parametrize("spacing", [None, "leading", "trailing"])
@pytest.mark.parametrize("sampler", SAMPLERS)
@torch.no_grad()
def test_every_sampler_ends_where_diffusers_ends(
    engine: SimpleNamespace, pipeline: Any, sampler: str, spacing: str | None
) -> None:
    mine = ours(engine, sampler, 10, (3.0, 1.5), timestep_spacing=spacing)
    yours = theirs(pipeline, sampler, 10, (3.0, 1.5), timestep_spacing=spacing)
    assert relative(mine, yours) < TOLERANCE
    decoded = pipeline.vae.decode(torch.from_numpy(yours) / engine.package.scaling_factor).sample.numpy()
    assert relative(engine.vae.decode(mine), decoded) < TOLERANCE


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_models_that_predict_v(engine: SimpleNamespace, pipeline: Any, sampler: str) -> None:
    config = {"prediction_type": "v_prediction", "timestep_spacing": None}
    # Every step of lcm starts anew from an estimate: over many strongly guided ones the last bits of float32 grow.
    args = (sampler, 4, (1.5, 1.0)) if sampler == "lcm" else (sampler, 20, (7.5, 1.5))
    assert relative(ours(engine, *args, **config), theirs(pipeline, *args, **config)) < TOLERANCE


# Where diffusers' schedulers want a finite noise level they put 2^-24 in place of alpha^2 = 0: alpha is off by 2.4e-4.
@pytest.mark.parametrize(
    ("sampler", "tolerance"), [("ddim", TOLERANCE), ("euler", 1e-2), ("euler_ancestral", 1e-2), ("dpmpp_2m", 1e-2)]
)
def test_zero_terminal_snr(engine: SimpleNamespace, pipeline: Any, sampler: str, tolerance: float) -> None:
    config = {"prediction_type": "v_prediction", "timestep_spacing": "trailing", "rescale_betas_zero_snr": True}
    args = (sampler, 10, (3.0, 1.5))
    assert relative(ours(engine, *args, **config), theirs(pipeline, *args, **config)) < tolerance


SCALES = [(7.5, 0.5), (3.0, 0.0), (1.0, 1.5), (0.5, 1.0), (0.0, 1.5), (0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]


@pytest.mark.parametrize("scales", SCALES)
def test_every_scale_means_what_the_formula_says(
    engine: SimpleNamespace, pipeline: Any, scales: tuple[float, float]
) -> None:
    found = ours(engine, "euler", 8, scales, timestep_spacing=None)
    assert relative(found, formula(pipeline, 8, *scales)) < TOLERANCE


@pytest.mark.parametrize("scales", [(7.5, 0.9), (1.0, 1.5)])
def test_diffusers_drops_guidance_there(pipeline: Any, scales: tuple[float, float]) -> None:
    """The reason for the formula above. Once this fails, diffusers can be the reference there too."""
    assert relative(theirs(pipeline, "euler", 8, scales, timestep_spacing=None), formula(pipeline, 8, *scales)) > 0.01


@torch.no_grad()
def formula(pipeline: Any, steps: int, text_scale: float, image_scale: float) -> Any:
    """Euler's method in sigma space with equation 3 of arXiv 2211.09800 as it is printed, all in float64."""
    unet, vae = (deepcopy(part).double() for part in (pipeline.unet, pipeline.vae))
    tokens = pipeline.tokenizer([INSTRUCTION, ""], padding="max_length", return_tensors="pt").input_ids
    text, null_text = pipeline.text_encoder(tokens)[0].double().split(1)  # its mask overflows in float64
    pixels = torch.from_numpy(PICTURE).double().permute(2, 0, 1)[None] / 127.5 - 1
    image = vae.encode(pixels).latent_dist.mode()
    config = pipeline.scheduler.config
    betas = np.linspace(config.beta_start**0.5, config.beta_end**0.5, config.num_train_timesteps) ** 2
    alphas = np.cumprod(1 - betas)
    times = np.linspace(0, 999, steps)[::-1]
    sigmas = np.append(np.interp(times, np.arange(1000), np.sqrt((1 - alphas) / alphas)), 0.0)
    x = torch.from_numpy(normal(SEED, 0, SHAPE)).double() * sigmas[0]
    for time, now, to in zip(times, sigmas[:-1], sigmas[1:], strict=True):

        def predicted(image: Any, text: Any, x: Any = x, time: float = time, now: float = now) -> Any:
            return unet(torch.cat([x / (now**2 + 1) ** 0.5, image], 1), torch.tensor(time), text).sample

        neither = predicted(torch.zeros_like(image), null_text)
        image_only = predicted(image, null_text)
        both = predicted(image, text)
        noise = neither + image_scale * (image_only - neither) + text_scale * (both - image_only)
        x = x + (to - now) * noise
    return x.numpy()


def test_fp16_is_the_same_loop_on_rounded_weights(base: Path, pipeline: Any) -> None:
    rounded = {**pipeline.components}
    for name in ("unet", "vae", "text_encoder"):
        rounded[name] = deepcopy(rounded[name])
        for weight in rounded[name].parameters():
            if weight.numel() >= SMALLEST_HALF:
                weight.data = weight.data.half().float()
    half = diffusers.StableDiffusionInstructPix2PixPipeline(**rounded, requires_safety_checker=False)
    for engine in opened(export_tiny(base, "fp16").folder):
        assert relative(ours(engine, "euler", 8, (3.0, 1.5)), theirs(half, "euler", 8, (3.0, 1.5))) < TOLERANCE
