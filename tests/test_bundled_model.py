"""The model that ships with the program: whole, small enough, and it edits a real photo the right way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.engine import Engine
from inference.package import ModelPackage, open_package, verify_package
from inference.types import CancelToken, EditRequest, Variant
from training.starter import scores
from training.starter.instruction import Instruction
from training.starter.kinds import target
from training.starter.photos import photo

FOLDER = Path(__file__).parents[1] / "resources" / "models" / "starter"


@pytest.fixture(scope="module")
def package() -> ModelPackage:
    return open_package(FOLDER)


@pytest.fixture(scope="module")
def engine(package: ModelPackage) -> Iterator[Engine]:
    engine = Engine.open(package, "cpu")
    yield engine
    engine.close()


def _edit(engine: Engine, image: np.ndarray, instruction: str, *seeds: int) -> list[np.ndarray]:
    d = engine.package.dials
    request = EditRequest(
        image, instruction, steps=d.steps, text_scale=d.text_scale, image_scale=d.image_scale, sampler=d.sampler,
        size=d.size, seeds=seeds,
    )  # fmt: skip
    return [event.image for event in engine.edit(request, CancelToken()) if isinstance(event, Variant)]


def test_it_is_whole_and_under_forty_megabytes(package: ModelPackage) -> None:
    verify_package(package)
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < 40e6


def test_it_has_eight_channels_as_the_full_size_model(package: ModelPackage) -> None:
    assert (package.latent_channels, package.image_channels, package.prediction_type) == (4, 4, "v_prediction")


@pytest.mark.parametrize(
    ("phrase", "kind"),
    [("make it night", "night"), ("make it darker", "darker"), ("make it brighter", "brighter"),
     ("make it cooler", "cooler")],
)  # fmt: skip
def test_it_edits_a_photo_as_it_is_told(engine: Engine, phrase: str, kind: str) -> None:
    image = photo("coffee.png", 384)
    source = np.asarray(image / np.float32(255), np.float32)
    exact = target(source, Instruction(kind))
    [result] = _edit(engine, image, phrase, 1)
    shown = np.asarray(result / np.float32(255), np.float32)
    assert scores.psnr(shown, exact) > scores.psnr(source, exact) + 3
    assert scores.nearest(shown, source, Instruction(kind), exact).kind == kind


def test_a_variant_is_bit_identical_alone_and_among_others(engine: Engine) -> None:
    image = photo("chelsea.png", 200)
    together = _edit(engine, image, "turn it into a sunset", 3, 4)
    [alone] = _edit(engine, image, "turn it into a sunset", 4)
    assert np.array_equal(together[1], alone) and not np.array_equal(together[0], alone)
