"""What an engine decides before an edit: refusals, another provider, and what a card has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from inference import memory
from inference.device_memory import DeviceMemory
from inference.errors import EngineMemoryError
from inference.memory_facts import facts_of
from inference.memory_model import RunPlan, estimate
from inference.package import ModelPackage, open_package
from inference.planner import Planner
from inference.provider import Provider
from inference.providers.cpu import PROVIDER as CPU

BUNDLED = Path(__file__).parents[2] / "resources" / "models" / "starter"
CARD = Provider("cuda", "", "", device_memory=True)
GIGABYTE = 1_000_000_000


@pytest.fixture
def package() -> ModelPackage:
    return open_package(BUNDLED)


@pytest.fixture
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda *_: 64 * GIGABYTE)


def test_what_fits_runs_as_it_is(package: ModelPackage, plenty: None) -> None:
    assert Planner(package, CPU).plan(512, 512, 3, 1000) == (RunPlan("cpu"), "")


def test_tiles_where_the_limit_wants_them(package: ModelPackage, plenty: None) -> None:
    facts = facts_of(package)
    whole, tiled = (estimate(facts, "cpu", 1024, 1024, 1, vae_tile=tile).running for tile in (None, 512))
    assert Planner(package, CPU, whole).plan(1024, 1024, 1, 0)[0].vae_tile is None
    assert Planner(package, CPU, tiled).plan(1024, 1024, 1, 0)[0].vae_tile == 512
    assert Planner(package, CPU, whole).plan(1024, 1024, 1, 1000)[0].vae_tile == 768


def test_what_does_not_fit_is_refused_before_anything_is_loaded(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda *_: GIGABYTE)
    with pytest.raises(EngineMemoryError, match=r"its limit is 500 MB: raise the limit"):
        Planner(package, CPU, GIGABYTE // 2).plan(2048, 2048, 3, 0)
    with pytest.raises(EngineMemoryError, match=r"are free: close other programs, choose a smaller size"):
        Planner(package, CPU).plan(2048, 2048, 3, 0)
    with pytest.raises(EngineMemoryError, match=r"1\.1 GB of memory|needs about"):
        Planner(package, CPU).plan(64, 64, 3, 2 * GIGABYTE)


def test_where_openvino_takes_too_much_the_runtime_itself_is_used(package: ModelPackage, plenty: None) -> None:
    openvino = Provider("openvino", "", "")
    needed = {name: estimate(facts_of(package), name, 64, 64).total for name in ("cpu", "openvino")}
    assert needed["cpu"] < needed["openvino"]
    plan, said = Planner(package, openvino, needed["cpu"]).plan(64, 64, 3, 0)
    assert plan == RunPlan("cpu")
    assert said == "There is not enough memory for openvino: trying without OpenVINO, which takes longer."
    assert Planner(package, openvino, needed["openvino"]).plan(64, 64, 3, 0) == (RunPlan("openvino"), "")


def test_what_is_loaded_need_not_be_loaded_again(plenty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    package = open_package(BUNDLED)
    told = estimate(facts_of(package), "cpu", 64, 64)
    large = replace(told, loading=2 * told.running)
    monkeypatch.setattr("inference.planner.estimate", lambda *_: large)
    planner = Planner(package, CPU, large.running)
    assert planner.plan(64, 64, 3, 0, loaded=True) == (RunPlan("cpu"), "")
    with pytest.raises(EngineMemoryError, match="limit"):
        planner.plan(64, 64, 3, 0)


def test_a_cards_memory_is_looked_at_once_and_kept_to_the_limit(
    package: ModelPackage, plenty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.memory_model.AT_ONCE", {"cuda": 2})
    looks: list[int] = []

    def device() -> DeviceMemory:
        looks.append(1)
        return DeviceMemory(24 * GIGABYTE, 24 * GIGABYTE)

    roomy = Planner(package, CARD, device=device)
    assert roomy.plan(512, 512, 3, 0) == roomy.plan(512, 512, 3, 0) == (RunPlan("cuda", 2), "")
    assert len(looks) == 1
    facts = facts_of(package)
    one = estimate(facts, "cuda", 512, 512).total
    assert Planner(package, CARD, one, device).plan(512, 512, 3, 0) == (RunPlan("cuda", 1), "")


def test_a_card_that_tells_nothing_is_tried_carefully(package: ModelPackage, plenty: None) -> None:
    assert Planner(package, CARD, device=lambda: None).plan(512, 512, 3, 0) == (RunPlan("cuda"), "")
    other = replace(CARD, name="directml")
    assert (
        Planner(package, other, device=lambda: pytest.fail("asked CUDA")).plan(512, 512, 3, 0)[0].variants_at_once == 1
    )


def test_an_estimate_from_shapes_alone_refuses_nothing_but_the_photo_has_to_fit(
    package: ModelPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda *_: GIGABYTE)
    small = Planner(package, CARD, device=lambda: DeviceMemory(1000, 1000))
    assert small.plan(512, 512, 3, 0)[0].provider == "cuda"
    with pytest.raises(EngineMemoryError, match="free"):
        small.plan(512, 512, 3, 2 * GIGABYTE)
