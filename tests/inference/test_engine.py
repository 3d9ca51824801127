"""Whole edits on the tiny package, in this process."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import compose
from inference.conditions import Conditions
from inference.engine import Engine
from inference.errors import Cancelled, EngineMemoryError, PackageError, ProviderError, RequestError
from inference.models import Models
from inference.network import Held
from inference.ort_binding import OrtBinding
from inference.package import open_package
from inference.providers import choose
from inference.session import OnnxModel
from inference.types import CancelToken, EditRequest, Event, Preview, Progress, Variant


def photo(height: int = 40, width: int = 61, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, np.iinfo(dtype).max, (8, 8, channels), dtype, endpoint=True)
    return coarse.repeat(height // 8 + 1, axis=0).repeat(width // 8 + 1, axis=1)[:height, :width].copy()


def request_for(image: np.ndarray | None = None, **changes: object) -> EditRequest:
    image = photo() if image is None else image
    dials = {"steps": 3, "text_scale": 2.0, "image_scale": 1.0, "sampler": "euler_ancestral", "size": 32}
    return EditRequest(image=image, **({"instruction": "make it red"} | dials | changes))


def variants(events: Iterator[Event]) -> list[Variant]:
    return [event for event in events if isinstance(event, Variant)]


@pytest.fixture
def engine(tiny_package: Path) -> Iterator[Engine]:
    engine = Engine.open(open_package(tiny_package), "cpu")
    yield engine
    engine.close()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each network of the package has run."""
    counted: Counter[str] = Counter()
    original, original_step = OnnxModel.run, OrtBinding.run

    def run(self: OnnxModel, *arguments: object, **options: object) -> list[np.ndarray]:
        counted[self.path.parent.name] += 1
        return original(self, *arguments, **options)

    def step(self: OrtBinding, *arguments: object, **options: object) -> dict[str, Held]:
        counted["unet"] += 1
        return original_step(self, *arguments, **options)

    monkeypatch.setattr(OnnxModel, "run", run)
    monkeypatch.setattr(OrtBinding, "run", step)
    return counted


def test_an_edit_tells_how_far_it_is_and_gives_every_variant_in_order(engine: Engine) -> None:
    events = list(engine.edit(request_for(seeds=(7, 3)), CancelToken()))
    found = [event for event in events if isinstance(event, Variant)]
    assert [(variant.index, variant.seed) for variant in found] == [(0, 7), (1, 3)]
    steps = [(e.variant, e.step) for e in events if isinstance(e, Progress) and e.stage == "denoise"]
    assert steps == [(variant, step) for variant in (0, 1) for step in range(4)]
    assert isinstance(events[0], Progress)
    assert events[-1] is found[-1]
    for variant in found:
        assert variant.image.shape == photo().shape
        assert variant.image.dtype == np.uint8
        assert 0 < variant.changed_fraction <= 1
        assert variant.seconds == pytest.approx(sum(variant.timings.values()))
    assert {"load", "text", "encode", "denoise", "decode", "apply", "compose"} <= set(found[0].timings)
    assert "load" not in found[1].timings


def test_the_time_left_is_told_from_the_second_step_on(engine: Engine) -> None:
    told = [e for e in engine.edit(request_for(seeds=(0, 1)), CancelToken()) if isinstance(e, Progress)]
    assert all((event.seconds_left is None) == (event.variant == 0 and event.step <= 1) for event in told)
    assert all(event.seconds_left >= 0 for event in told if event.seconds_left is not None)


def test_previews_come_every_step_where_they_are_wanted(engine: Engine, runs: Counter[str]) -> None:
    assert not any(
        isinstance(e, Preview) for e in engine.edit(request_for(full_res=False), CancelToken(), previews=False)
    )
    assert runs["vae_decoder"] == 1
    previews = [e for e in engine.edit(request_for(seeds=(0, 1)), CancelToken()) if isinstance(e, Preview)]
    assert [preview.variant for preview in previews] == [0, 0, 0, 1, 1, 1]
    assert runs["vae_decoder"] == 1 + 2 + 2  # two variants; the picture itself and one probe, once for all previews
    for preview in previews:
        assert preview.image.dtype == np.uint8
        assert preview.image.shape == (21, 32, 3)


def test_the_last_preview_looks_like_the_result(tmp_path: Path, write_tiny_package: Callable[..., Path]) -> None:
    # With three channels every latent pixel is one colour, so that a preview can be right and not only near.
    engine = Engine.open(open_package(write_tiny_package(tmp_path / "three", latent_channels=3)), "cpu")
    request = request_for(photo(64, 64), full_res=False, size=64, sampler="euler")
    *_, last, result = (e for e in engine.edit(request, CancelToken()) if not isinstance(e, Progress))
    engine.close()
    assert isinstance(last, Preview)
    assert isinstance(result, Variant)
    centres = np.s_[1::4, 1::4]
    error = np.abs(last.image[centres].astype(int) - result.image[centres].astype(int))
    assert error.mean() < 16
    assert np.corrcoef(last.image[centres].reshape(-1), result.image[centres].reshape(-1))[0, 1] > 0.9


@pytest.mark.parametrize("sampler", ["euler_ancestral", "dpmpp_2m"])
def test_a_variant_is_the_same_alone_and_among_others(engine: Engine, sampler: str) -> None:
    # An image scale of its own needs all three branches of guidance.
    batch = variants(engine.edit(request_for(seeds=(5, 6, 7), sampler=sampler, image_scale=1.5), CancelToken()))
    alone = variants(engine.edit(request_for(seeds=(6,), sampler=sampler, image_scale=1.5), CancelToken()))
    assert np.array_equal(batch[1].image, alone[0].image)


def test_a_fresh_engine_gives_the_same_pixels(engine: Engine, tiny_package: Path) -> None:
    other = Engine.open(open_package(tiny_package), "cpu")
    one, two = (variants(e.edit(request_for(), CancelToken()))[0].image for e in (engine, other))
    other.close()
    assert np.array_equal(one, two)


def test_a_blank_instruction_copies_the_picture_and_loads_nothing(engine: Engine, runs: Counter[str]) -> None:
    image = photo(channels=4)
    found = variants(engine.edit(request_for(image, instruction=" \t", seeds=(1, 2)), CancelToken()))
    assert [variant.seed for variant in found] == [1, 2]
    assert all(np.array_equal(variant.image, image) and variant.image is not image for variant in found)
    assert all(variant.changed_fraction == 0 and variant.outside_mask_changed == 0 for variant in found)
    assert not runs


def test_text_and_picture_are_encoded_once_across_requests(engine: Engine, runs: Counter[str]) -> None:
    def edit(**changes: object) -> dict[str, int]:
        before = Counter(runs)
        list(engine.edit(request_for(**changes), CancelToken(), previews=False))
        return dict(runs - before)

    assert edit(seeds=(0, 1)) == {"text_encoder": 2, "vae_encoder": 1, "unet": 6, "vae_decoder": 3}
    assert edit(seeds=(2,), text_scale=1.0) == {"unet": 3, "vae_decoder": 1}
    assert edit(instruction="make it blue") == {"text_encoder": 1, "unet": 3, "vae_decoder": 1}
    assert edit(size=48) == {"vae_encoder": 1, "unet": 3, "vae_decoder": 2}
    other = photo()
    other[0, 0] ^= 1
    assert edit(image=other) == {"vae_encoder": 1, "unet": 3, "vae_decoder": 2}


@pytest.mark.parametrize("full_res", [True, False])
@pytest.mark.parametrize(("channels", "dtype"), [(3, np.uint8), (4, np.uint8), (3, np.uint16), (4, np.uint16)])
def test_every_kind_of_picture_keeps_its_kind(engine: Engine, channels: int, dtype: type, full_res: bool) -> None:
    image = photo(channels=channels, dtype=dtype)
    (found,) = variants(engine.edit(request_for(image, full_res=full_res), CancelToken()))
    assert found.image.dtype == dtype
    assert found.image.shape == image.shape
    assert np.array_equal(found.image[..., 3:], image[..., 3:])
    assert not np.array_equal(found.image[..., :3], image[..., :3])


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 200)])
def test_every_aspect_is_edited(engine: Engine, shape: tuple[int, int]) -> None:
    (found,) = variants(engine.edit(request_for(photo(*shape)), CancelToken()))
    assert found.image.shape == (*shape, 3)


def test_outside_the_mask_nothing_changes(engine: Engine) -> None:
    mask = np.zeros((40, 61), np.uint8)
    mask[10:30, 20:40] = 255
    mask[10:30, 40:45] = 128
    (found,) = variants(engine.edit(request_for(mask=mask), CancelToken()))
    outside = mask == 0
    assert np.array_equal(found.image[outside], photo()[outside])
    assert not np.array_equal(found.image[~outside], photo()[~outside])
    assert found.outside_mask_changed == 0
    assert found.changed_fraction <= (mask > 0).mean()


def test_a_cancel_before_the_start_stops_it(engine: Engine, runs: Counter[str]) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(engine.edit(request_for(), cancel))
    with pytest.raises(Cancelled):
        list(engine.edit(request_for(instruction=""), cancel))
    assert not runs


def test_a_cancel_ends_the_edit_within_one_call(engine: Engine, runs: Counter[str]) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        for event in engine.edit(request_for(steps=50), cancel):
            if isinstance(event, Progress) and event.stage == "denoise" and event.step == 2:
                cancel.cancel()
    assert runs["unet"] == 2
    assert len(variants(engine.edit(request_for(), CancelToken()))) == 1


def test_a_cancel_from_another_thread_ends_the_edit(engine: Engine) -> None:
    cancel = CancelToken()
    timer = threading.Timer(0.3, cancel.cancel)
    start = time.monotonic()
    timer.start()
    with pytest.raises(Cancelled):
        list(engine.edit(request_for(steps=1000, seeds=tuple(range(500))), cancel))
    assert time.monotonic() - start < 60


def test_what_needs_more_than_the_budget_is_refused_in_words(tiny_package: Path) -> None:
    engine = Engine.open(open_package(tiny_package), "cpu", memory_limit=1_000_000)
    with pytest.raises(EngineMemoryError, match=r"its limit is 1 MB"):
        list(engine.edit(request_for(), CancelToken()))
    engine.close()


def test_running_out_of_memory_is_said_in_words(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(*_: object) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(compose, "composite", allocate)
    with pytest.raises(EngineMemoryError, match="memory ran out"):
        list(engine.edit(request_for(), CancelToken()))


def test_an_unknown_sampler_or_provider_is_refused(engine: Engine, tiny_package: Path) -> None:
    with pytest.raises(RequestError, match="heun"):
        list(engine.edit(request_for(sampler="heun"), CancelToken()))
    with pytest.raises(ProviderError, match="abacus"):
        Engine.open(open_package(tiny_package), "abacus")


def test_a_load_that_failed_is_tried_again(tiny_package: Path) -> None:
    graph = tiny_package / "unet/model.onnx"
    good = graph.read_bytes()
    engine = Engine.open(open_package(tiny_package), "cpu")
    graph.write_bytes(good[: len(good) // 2])
    engine.prefetch()
    with pytest.raises(PackageError, match="unet"):
        list(engine.edit(request_for(), CancelToken()))
    graph.write_bytes(good)
    assert len(variants(engine.edit(request_for(), CancelToken()))) == 1
    engine.close()


@pytest.mark.parametrize("shift", [None, 0.3])
def test_latent_scales_are_read_from_the_package(
    shift: float | None, tmp_path: Path, write_tiny_package: Callable[..., Path]
) -> None:
    """decode(encode(picture)) is the picture, whatever the autoencoder's scale and shift."""
    colour = (200, 120, 40)
    package = open_package(write_tiny_package(tmp_path / "scaled", scaling_factor=0.7, shift_factor=shift))
    models = Models(package, choose("cpu").provider)
    conditions, cancel = Conditions(package, models), CancelToken()
    picture = conditions.picture(np.full((32, 32, 3), colour, np.uint8), 32, cancel)
    before = picture.view.uncrop(conditions.before(picture, cancel))
    assert np.abs(before * 255 - np.array(colour)).max() < 1
    models.close()


def test_a_request_is_not_changed_by_its_edit(engine: Engine) -> None:
    image = photo()
    image.flags.writeable = False
    request = request_for(image)
    list(engine.edit(request, CancelToken()))
    list(engine.edit(replace(request, full_res=False), CancelToken()))
    assert np.array_equal(image, photo())


def test_what_the_processor_finishes_beside_the_device_comes_in_order(engine: Engine, tiny_package: Path) -> None:
    chosen = choose("cpu")
    beside = Engine(open_package(tiny_package), replace(chosen, provider=replace(chosen.provider, device_memory=True)))
    request = request_for(seeds=(5, 6, 7))
    found, wanted = (variants(e.edit(request, CancelToken())) for e in (beside, engine))
    left_early = beside.edit(request, CancelToken())
    assert any(isinstance(event, Preview) for event in left_early)
    left_early.close()
    beside.close()
    assert [variant.index for variant in found] == [0, 1, 2]
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one.image, other.image)


def test_fixed_shapes_give_a_layer_of_the_same_size(tiny_package: Path) -> None:
    chosen = choose("cpu")
    fixed = Engine(open_package(tiny_package), replace(chosen, provider=replace(chosen.provider, static=True)))
    for shape in ((40, 61), (61, 40), (33, 33), (40, 61)):
        assert variants(fixed.edit(request_for(photo(*shape)), CancelToken()))[0].image.shape == (*shape, 3)
    fixed.close()


def test_savings_change_the_result_and_do_less(tmp_path: Path, runs: Counter[str]) -> None:
    from tests.training.tiny_model import export_tiny  # the smallest model with a place to cut at

    engine = Engine.open(open_package(export_tiny(tmp_path).folder), "cpu")

    def edited(**saving: Any) -> np.ndarray:
        request = request_for(text_scale=3.0, image_scale=1.5, steps=6, **saving)
        return variants(engine.edit(request, CancelToken(), previews=False))[0].image

    exact = edited()
    for saving in ({"guidance_interval": (0.2, 0.7)}, {"reuse": 2}, {"reuse": 3, "guidance_interval": (0.0, 0.5)}):
        found = edited(**saving)
        assert np.array_equal(found, edited(**saving))
        assert not np.array_equal(found, exact)
    engine.close()


def test_a_model_without_a_place_to_cut_says_so(engine: Engine) -> None:
    with pytest.raises(RequestError, match="choose the speed Exact"):
        list(engine.edit(request_for(reuse=2), CancelToken()))
