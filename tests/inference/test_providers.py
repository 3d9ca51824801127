from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import inference.probe
import inference.providers
import inference.self_test
from inference import runtime
from inference.errors import ProviderError
from inference.probe import Probe, in_child, probe
from inference.provider import Provider
from inference.providers import PROVIDERS, choose, cuda, provider_named, self_test
from inference.providers.cpu import PROVIDER as CPU
from inference.self_test import GRAPH, NUMBERS
from inference.session import OnnxModel

ROOT = Path(__file__).parents[2]

needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")


def test_no_provider_is_forgotten() -> None:
    files = {path.stem for path in Path(inference.providers.__file__).parent.glob("*.py")} - {"__init__"}
    assert [provider.name for provider in PROVIDERS] == ["cuda", "directml", "coreml", "openvino", "cpu"]
    assert {provider.name for provider in PROVIDERS} == files


def test_the_processor_passes() -> None:
    assert self_test(CPU) is None
    assert probe(CPU) == Probe(None)
    assert choose("cpu").provider.name == "cpu"
    assert choose("cpu").passed_over == ()


def test_auto_says_why_the_others_were_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.runtime(), "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setitem(sys.modules, "openvino", None)
    chosen = choose("auto", memory_limit=123)
    assert (chosen.provider.name, chosen.provider.memory_limit) == ("cpu", 123)
    assert [name for name, _ in chosen.passed_over] == ["cuda", "directml", "coreml", "openvino"]
    *of_onnx_runtime, openvino = (reason for _, reason in chosen.passed_over)
    for reason in of_onnx_runtime:
        assert reason.startswith("The installed ONNX Runtime has no ") and "install" in reason and reason.endswith(".")
    assert openvino == "OpenVINO is not installed: install it with `pip install palimpsest[openvino]`."


def test_auto_takes_the_first_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"cuda": Probe("It hangs."), "directml": Probe("It lies."), "coreml": Probe(None)}
    monkeypatch.setattr(inference.providers, "probe", lambda provider: answers[provider.name])
    chosen = choose()
    assert chosen.provider.name == "coreml"
    assert chosen.passed_over == (("cuda", "It hangs."), ("directml", "It lies."))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ProviderError, match="'tpu': choose one of auto, cuda, directml, coreml, openvino, cpu"):
        choose("tpu")


def test_a_provider_asked_for_by_name_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.runtime(), "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderError, match=r"cuda: .*palimpsest\[cuda\]") as caught:
        choose("cuda")
    assert "\n" not in str(caught.value)


@needs_openvino
def test_openvino_works_without_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(runtime, "runtime", fail)
    assert provider_named("openvino").available() is None
    assert self_test(provider_named("openvino")) is None
    assert self_test(provider_named("openvino").in_float32()) is None


def test_without_a_runtime_nothing_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(runtime.importlib, "import_module", fail)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ProviderError, match=r"cpu: ONNX Runtime cannot be loaded"):
        choose("auto")


def test_a_graphics_card_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(runtime.runtime(), "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(cuda.ctypes, "CDLL", fail)
    reason = provider_named("cuda").available()
    assert reason is not None and "driver" in reason
    monkeypatch.setattr(cuda.ctypes, "CDLL", lambda name: None)
    assert provider_named("cuda").available() is None


@pytest.mark.parametrize("change", [1.0, np.nan])
def test_wrong_numbers_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: float) -> None:
    with np.load(NUMBERS) as stored:
        numbers = dict(stored)
    numbers["noise"][0, 1, 2, 3] += change
    np.savez(tmp_path / "wrong.npz", **numbers)
    monkeypatch.setattr(inference.self_test, "NUMBERS", tmp_path / "wrong.npz")
    reason = self_test(CPU)
    assert reason is not None and "wrong numbers" in reason


def test_a_self_test_that_does_not_start_gives_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference.self_test, "GRAPH", tmp_path / "missing.onnx")
    reason = self_test(CPU)
    assert reason is not None and "missing.onnx" in reason


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_self_test", Path(__file__).with_name("make_self_test.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stored_reference_is_what_its_script_makes(maker: ModuleType) -> None:
    model = maker.graph()
    assert GRAPH.read_bytes() == model.SerializeToString(deterministic=True)
    with np.load(NUMBERS, allow_pickle=False) as stored:
        for name, made in maker.numbers(model).items():
            assert np.allclose(stored[name], made, atol=1e-5), name


def test_the_processor_is_much_nearer_to_the_reference_than_it_must_be() -> None:
    with np.load(NUMBERS) as stored, OnnxModel(GRAPH, CPU) as model:
        noise, half = model.run(stored)
        assert np.abs(noise - stored["noise"]).max() < 1e-4
        assert np.abs(half - stored["half"]).max() < 2e-2


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_options_are_what_the_runtime_takes(provider: Provider) -> None:
    options = provider.provider_options(1 << 30)
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in options.items())
    if provider.name != "cuda":  # its tuning looks for libraries
        session = provider.session_options()
        assert session.log_severity_level == 4
        assert session.enable_mem_pattern == (provider.name not in ("cpu", "directml"))
        assert session.execution_mode == runtime.runtime().ExecutionMode.ORT_SEQUENTIAL


def test_cuda_keeps_to_a_memory_limit() -> None:
    provider = provider_named("cuda")
    assert "gpu_mem_limit" not in provider.provider_options()
    assert provider.provider_options(5)["gpu_mem_limit"] == "5"
    assert replace(provider, memory_limit=7).provider_options()["gpu_mem_limit"] == "7"
    assert provider.provider_options()["arena_extend_strategy"] == "kSameAsRequested"


def test_cuda_records_runs_where_it_is_asked_to() -> None:
    provider = provider_named("cuda")
    assert "enable_cuda_graph" not in provider.provider_options()
    assert provider.provider_options(replay=True)["enable_cuda_graph"] == "1"
    assert "enable_cuda_graph" not in replace(provider, can_replay=False).provider_options(replay=True)


def test_float32_throughout_is_a_matter_of_graphs_and_options() -> None:
    provider = provider_named("cuda")
    exact = provider.in_float32()
    assert (provider.graphs, exact.graphs) == (("fp16", "attention", "model"), ("attention", "model"))
    assert "use_tf32" not in provider.provider_options(5)
    assert exact.provider_options(5) == provider.provider_options(5) | {"use_tf32": "0"}
    assert provider_named("directml").in_float32().graphs == ("model",)
    assert CPU.in_float32().graphs == CPU.graphs


def test_what_each_provider_wants_of_the_engine() -> None:
    wants = {provider.name: (provider.static, provider.device_memory) for provider in PROVIDERS}
    assert wants == {
        "cuda": (True, True),
        "directml": (True, True),
        "coreml": (False, False),
        "openvino": (False, False),
        "cpu": (False, False),
    }
    # Only a package made by others lacks every other graph; this one is always there.
    assert all(provider.graphs[-1] == "model" for provider in PROVIDERS)


def test_cuda_looks_for_its_libraries_without_printing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[str] = []

    def preload() -> None:
        calls.append("called")
        print("Failed to load libcublas")

    monkeypatch.setattr(runtime.runtime(), "preload_dlls", preload)
    provider_named("cuda").session_options()
    assert calls == ["called"] and capsys.readouterr().out == ""


def test_directml_runs_one_at_a_time() -> None:
    assert provider_named("directml").exclusive


def test_only_the_processor_is_tried_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [provider.name for provider in PROVIDERS if provider.in_process] == ["cpu"]
    monkeypatch.setattr(inference.probe, "in_child", lambda name: Probe(f"{name} was tried in a child."))
    monkeypatch.setattr(runtime.runtime(), "get_available_providers", lambda: ["CoreMLExecutionProvider"])
    assert probe(provider_named("coreml")) == Probe("coreml was tried in a child.")


def test_a_child_answers_and_prints_nothing() -> None:
    assert in_child("cpu") == Probe(None, "")


def test_a_child_that_hangs_or_dies_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "did not end" in (in_child("cpu", timeout=0.001).reason or "")
    died = in_child("no such provider")
    assert "code 1" in (died.reason or "") and "no such provider" in died.stderr
    monkeypatch.setattr(sys, "executable", str(ROOT / "no such program"))
    assert "could not be started" in (in_child("cpu").reason or "")


def test_a_driver_that_kills_its_process_is_a_reason() -> None:
    answer = subprocess.CompletedProcess([], -11, "noise\n", "banner\nSegmentation fault\n")
    found = inference.probe._answer("cuda", answer)
    assert found.reason == "The self-test of cuda ended its process with code -11 (Segmentation fault)."
    chatter = subprocess.CompletedProcess(
        [], 0, 'chatter\nself-test: "It is off."\nmore chatter\n', "\x1b[0;93mwarning"
    )
    assert inference.probe._answer("cuda", chatter) == Probe("It is off.", "\x1b[0;93mwarning")


def test_choosing_prints_nothing(tmp_path: Path) -> None:
    code = "from inference.providers import choose; print(choose('auto').provider.name)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert child.stderr == "" and child.returncode == 0
    assert child.stdout.strip() in {provider.name for provider in PROVIDERS}
