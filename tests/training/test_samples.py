"""Samples are what the engine would make: guidance, sampler and geometry."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from inference.manifest import Dials
from inference.noise import normal
from inference.schedule import Schedule
from tests.training.tiny_model import tiny_pipeline
from tests.training.tiny_training import item, picture
from training.buckets import Shapes
from training.disk_cache import DiskCache
from training.latents import Latents
from training.network import Network
from training.samples import _SEED, Samples, affordable, subjects_of
from training.texts import Texts

SHAPES = Shapes(64, 16)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny_pipeline(tmp_path_factory.mktemp("words"))


def _samples(pipeline: Any, folder: Path, dials: Dials, **changes: Any) -> tuple[Samples, Network]:
    items = [item(3, "make it black and white"), item(4, "make it night", height=48)]
    cache = DiskCache(folder / "cache")
    texts = Texts.made([one.instruction for one in items], pipeline.text_encoder, pipeline.tokenizer, cache)
    subjects = subjects_of(items, Latents(pipeline.vae, SHAPES, cache), SHAPES, texts, folder)
    schedule = Schedule.from_config({**pipeline.scheduler.config, **changes})
    return Samples(pipeline.vae, schedule, dials, texts, subjects), Network({"unet": pipeline.unet})


@pytest.mark.parametrize("text_scale, image_scale", [(3.0, 1.5), (1.5, 1.0)])
def test_they_are_the_edits_of_diffusers(pipeline: Any, tmp_path: Path, text_scale: float, image_scale: float) -> None:
    dials = Dials(steps=4, text_scale=text_scale, image_scale=image_scale, sampler="ddim", size=64)
    samples, network = _samples(pipeline, tmp_path, dials)
    made = samples.made(network, torch.device("cpu"))
    assert [image.shape for image in made] == [(64, 64, 3), (32, 64, 3)] and made[0].dtype == np.uint8
    subject = samples.subjects[0]
    with torch.no_grad():
        source = torch.from_numpy(SHAPES.view(picture(3)))[None]
        expected = pipeline(
            "make it black and white", image=source * 0.5 + 0.5, num_inference_steps=4, guidance_scale=text_scale,
            image_guidance_scale=max(image_scale, 1.0 + 1e-6),
            latents=torch.from_numpy(normal(_SEED, 0, (1, *subject.latent.shape))), output_type="np",
        ).images[0]  # fmt: skip
    assert np.abs(made[0].astype(float) - expected * 255).max() <= 2


def test_a_schedule_that_starts_without_signal_is_followed(pipeline: Any, tmp_path: Path) -> None:
    changes = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    for sampler in ("ddim", "euler_ancestral", "dpmpp_2m"):
        dials = Dials(steps=3, text_scale=2.0, image_scale=1.2, sampler=sampler, size=64)
        samples, network = _samples(pipeline, tmp_path, dials, **changes)
        made = samples.made(network, torch.device("cpu"))
        assert all(image.std() > 1 for image in made)


def test_the_pictures_beside_are_what_the_model_sees(pipeline: Any, tmp_path: Path) -> None:
    samples, _ = _samples(pipeline, tmp_path, Dials(steps=1, sampler="ddim", size=64))
    subject = samples.subjects[1]
    seen = cv2.imread(str(subject.source), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(seen, SHAPES.seen(picture(4, height=48))) and subject.target.is_file()


def test_as_many_instructions_as_possible_are_shown(pipeline: Any, tmp_path: Path) -> None:
    items = [item(number, text) for text in ("red", "blue") for number in range(4)]
    cache = DiskCache(tmp_path / "cache")
    texts = Texts.made(["red", "blue"], pipeline.text_encoder, pipeline.tokenizer, cache)
    subjects = subjects_of(items, Latents(pipeline.vae, SHAPES, cache), SHAPES, texts, tmp_path)
    assert len(subjects) == 4 and {subject.item.instruction for subject in subjects} == {"red", "blue"}
    assert len({subject.item.id for subject in subjects}) == 4
    told = json.loads((tmp_path / "pairs.json").read_text())["pairs"]
    assert told == [{"id": each.item.id, "instruction": each.item.instruction} for each in subjects]
    subjects_of((), Latents(pipeline.vae, SHAPES, cache), SHAPES, texts, tmp_path)  # as every other process does
    assert json.loads((tmp_path / "pairs.json").read_text())["pairs"] == told


def test_samples_may_not_outlast_a_training() -> None:
    dials = Dials(steps=20, text_scale=7.5, image_scale=1.5)
    assert affordable(dials, 1000) == (4, dials) and affordable(dials, 130) == (2, dials)
    assert affordable(dials, 30) == (1, replace(dials, steps=10)) and affordable(dials, 0)[1].steps == 4
    assert affordable(replace(dials, image_scale=1.0), 90) == (2, replace(dials, image_scale=1.0))
