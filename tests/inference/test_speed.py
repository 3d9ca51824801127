"""Measuring a model's speed, in a process of its own."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference import peak, speed
from inference.errors import Cancelled, EngineError, EngineMemoryError, PackageError
from inference.network import Graph
from inference.package import open_package
from inference.providers import provider_named
from inference.providers.cpu import PROVIDER as CPU
from inference.session import load
from inference.speed import Speed, measure, measure_here, once_flops, unet_flops
from inference.types import CancelToken


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "SIDES", (64, 128))
    monkeypatch.setattr(peak, "REPEAT_SECONDS", 0.0)
    monkeypatch.setattr(speed, "RUN_SECONDS", 0.02)


def test_a_model_is_measured_here(quick: None, tiny_package: Path) -> None:
    said: list[tuple[float, str]] = []
    package = open_package(tiny_package)
    found = measure_here(package, CPU, lambda share, text: said.append((share, text)))
    assert (found.model, found.provider, found.size, found.steps) == ("tiny", "cpu", 64, 4)
    assert found.branches == 2  # the package's image scale is 1
    assert found.seconds > 0 and found.load_seconds > 0 and found.peak > 0
    assert found.flops == unet_flops(package, 64, 2) > 0
    assert found.share == pytest.approx(found.flops / found.peak / found.seconds)
    assert found.edit_seconds >= 4 * found.seconds
    assert [share for share, _ in said] == sorted(share for share, _ in said)
    assert said[-1][0] == 1.0
    assert {"floor", "share", "edit_seconds", "model"} <= set(found.facts())


def test_openvino_is_measured_too(quick: None, tiny_package: Path) -> None:
    pytest.importorskip("openvino")
    found = measure_here(open_package(tiny_package), provider_named("openvino"), lambda share, text: None)
    assert found.provider == "openvino" and found.share > 0


def test_more_samples_and_pixels_take_more(tiny_package: Path) -> None:
    package = open_package(tiny_package)
    assert once_flops(package, 128) > 3 * once_flops(package, 64)
    assert unet_flops(package, 64, 3) == 3 * unet_flops(package, 64)


def test_a_graph_that_cannot_be_counted_is_measured_all_the_same(
    quick: None, tiny_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PackageError("Nobody knows.")

    monkeypatch.setattr(speed.flops, "count", refuse)
    found = measure_here(open_package(tiny_package), CPU, lambda share, text: None)
    assert (found.flops, found.share) == (0.0, 0.0)
    assert found.edit_seconds == 4 * found.seconds


def test_too_little_memory_is_said_before(quick: None, tiny_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed.memory, "available_memory", lambda: 1000)
    with pytest.raises(EngineMemoryError):
        measure_here(open_package(tiny_package), CPU, lambda share, text: None)


def test_the_products_compute_what_they_should() -> None:
    """Column and row have the product 1, so that every power of the matrix is the matrix itself."""
    network = load(CPU, Graph(Path("peak.onnx"), peak.products(16)))
    random = np.random.default_rng(0).uniform(0.5, 1.5, 16).astype(np.float32)
    column, row = random[:, None], (1 / (16 * random))[None, :]
    (largest,) = network.run({"column": column, "row": row})
    network.close()
    assert largest.item() == pytest.approx((column * row).max(), rel=1e-4)


def test_the_peak_stops_growing_once_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(peak, "_seconds", lambda provider, side, cancel: asked.append(side) or side / 4096)
    assert peak.peak(CPU) == max(16 * side**3 / (side / 4096) for side in (512,))
    assert asked == [512]
    asked.clear()
    monkeypatch.setattr(peak, "_seconds", lambda provider, side, cancel: asked.append(side) or 0.01)
    assert peak.peak(CPU) == 16 * 8192**3 / 0.01
    assert asked == list(peak.SIDES)


def test_a_process_of_its_own_measures(tiny_package: Path) -> None:
    said: list[float] = []
    found = measure(tiny_package, "cpu", progress=lambda share, text: said.append(share))
    assert isinstance(found, Speed) and found.provider == "cpu"
    assert found.peak > 1e8
    assert said == sorted(said) and said[-1] == 1.0


def test_it_can_be_cancelled(tiny_package: Path) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        measure(tiny_package, "cpu", cancel, lambda share, text: cancel.cancel())
    with pytest.raises(Cancelled):
        measure(tiny_package, "cpu", cancel)


def test_a_process_that_hangs_or_dies_is_ended_and_told(tiny_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match="took longer than 0 seconds"):
        measure(tiny_package, "cpu", timeout=0.0)
    real = speed.Child

    class Dying(real):
        def __init__(self, module: str, arguments: list[str]) -> None:
            super().__init__("inference.no_such_module", arguments)

    monkeypatch.setattr(speed, "Child", Dying)
    with pytest.raises(EngineMemoryError, match="ended by itself"):
        measure(tiny_package, "cpu")


def test_what_is_no_model_and_no_provider_is_said(tmp_path: Path, tiny_package: Path) -> None:
    with pytest.raises(PackageError):
        measure(tmp_path / "none", "cpu")
    with pytest.raises(EngineError, match="no provider named"):
        measure(tiny_package, "abacus")


def test_a_token_from_another_thread_ends_it_soon(tiny_package: Path) -> None:
    cancel = CancelToken()
    threading.Timer(0.3, cancel.cancel).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        measure(tiny_package, "cpu", cancel)
    assert time.monotonic() - start < 5


def test_facts_are_plain_numbers() -> None:
    made = Speed("m", "cpu", 512, 3, 20, 2.0, 1.0, 4e12, 1e12, 4e12)
    assert (made.floor, made.share, made.edit_seconds) == (1.0, 0.5, 40.5)
    assert replace(made, flops=0.0).share == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["cpu", "openvino"])
def test_the_full_size_model_is_measured(provider: str) -> None:
    """By hand: prints what `palimpsest doctor --speed` would say."""
    folder = os.environ.get("PALIMPSEST_FULL_SIZE")
    if not folder:
        pytest.skip("PALIMPSEST_FULL_SIZE names no full-size package")
    found = measure(Path(folder), provider)
    print(found.facts())
    assert found.flops == pytest.approx(0.803e12 * found.branches, rel=0.01)
    assert found.once_flops == pytest.approx(3.63e12, rel=0.01)
    assert 0.1 < found.share < 1.2
