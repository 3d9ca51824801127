"""The doctor's rules, each on a machine that a test made, and the examination of this one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from inference import advice, devices, doctor
from inference.advice import findings, problems, seconds_text, speed_text
from inference.devices import Devices, Gpu, Processor
from inference.doctor import Finding, Machine, Model, examine, facts
from inference.probe import Probe
from inference.providers import PROVIDERS
from inference.providers.cpu import PROVIDER as CPU
from inference.speed import Speed
from inference.store import ModelStore

GB = 10**9
NAMES = ("cuda", "directml", "coreml", "openvino", "cpu")
NONE = Probe("The installed ONNX Runtime has none of that.")
WORKS = Probe(None)
NVIDIA = Gpu("NVIDIA", "RTX 3060", 12 * GB, "581.42")
INTEL = Gpu("Intel", "Iris Xe", 0, "i915")
AMD = Gpu("AMD", "RX 7900", 24 * GB, "amdgpu")
STARTER = Model("starter", "0" * 64, "/models/starter", 24_000_000, 192, 6, 2)


class Hungry(Model):
    """A model that needs 10 GB at 512 pixels, and so on."""

    def needs(self, provider: str, size: int) -> int:
        return 10 * GB * size**2 // 512**2


BIG = Hungry("big", "1" * 64, "/models/big", 2 * GB, 512, 20, 3)


def machine(*gpus: Gpu, chip: tuple[str, ...] = ("avx2",), works: str = "cpu", **changes: object) -> Machine:
    found = Machine(
        Devices(Processor("Chip", 8, chip), gpus),
        {"onnxruntime": "1.31.1"},
        {},
        {name: WORKS if name in works.split() else NONE for name in NAMES},
        (STARTER,),
        (),
        16 * GB,
        "/tmp",
        50 * GB,
        platform="linux",
    )
    return replace(found, **changes)


def only(rule: advice.Rule, made: Machine) -> Finding:
    (finding,) = rule(made)
    return finding


def test_every_rule_stands_in_one_section() -> None:
    rules = [rule for section in advice.SECTIONS.values() for rule in section]
    assert len(rules) == len(set(rules))
    assert list(findings(machine())) == ["Devices", "Ways to compute", "Models", "Memory"]


def test_nothing_is_wrong_with_a_machine_that_works() -> None:
    found = machine(NVIDIA, works="cuda cpu", runtimes={"onnxruntime-gpu": "1.31.1"})
    assert problems(found) == []
    assert found.used == "cuda"
    assert {line.state for lines in findings(found).values() for line in lines} == {"good", "info"}


@pytest.mark.parametrize(
    ("chip", "state", "word"),
    [(("avx2", "amx"), "warning", "several times"), (("avx512", "avx512_bf16"), "warning", "faster here"),
     (("avx2",), "info", "often faster"), ((), "info", "")],
)  # fmt: skip
def test_openvino_is_advised_where_the_processor_gains_by_it(chip: tuple[str, ...], state: str, word: str) -> None:
    found = only(advice.processor, machine(chip=chip))
    assert (found.state, word in found.advice) == (state, True)
    assert ("palimpsest[openvino]" in found.advice) == bool(word)


def test_openvino_is_not_advised_where_it_works_is_there_or_a_card_is_used() -> None:
    chip = ("avx2", "amx")
    assert only(advice.processor, machine(chip=chip, works="openvino cpu")).advice == ""
    assert only(advice.processor, machine(chip=chip, libraries={"openvino": "2026.4"})).advice == ""
    assert only(advice.processor, machine(NVIDIA, chip=chip, works="cuda cpu")).advice == ""
    assert only(advice.processor, machine(INTEL, chip=chip)).advice == ""  # said of the card


def test_nvidia_works() -> None:
    assert only(advice.cards, machine(NVIDIA, works="cuda")).state == "good"


def test_nvidia_with_a_runtime_that_cannot_use_it() -> None:
    found = only(advice.cards, machine(NVIDIA))
    assert found.state == "warning"
    assert found.advice == "pip uninstall -y onnxruntime, then pip install 'palimpsest[cuda]'."
    old = only(advice.cards, machine(replace(NVIDIA, driver="535.104")))
    assert "[cuda]" in old.advice and "version 580" in old.advice


def test_nvidia_without_a_driver_or_with_an_old_one() -> None:
    gpu = {"onnxruntime-gpu": "1.31.1"}
    assert "Install NVIDIA's driver" in only(advice.cards, machine(replace(NVIDIA, driver=""), runtimes=gpu)).advice
    assert "Update NVIDIA's driver" in only(advice.cards, machine(replace(NVIDIA, driver="535.1"), runtimes=gpu)).advice
    other = only(advice.cards, machine(NVIDIA, runtimes=gpu))
    assert other.state == "warning" and "see CUDA below" in other.text


def test_nothing_is_said_of_a_card_before_everything_was_tried() -> None:
    tried: dict[str, Probe | None] = {**dict.fromkeys(NAMES), "cuda": NONE}
    assert only(advice.cards, machine(NVIDIA, providers=tried)).state == "info"
    assert only(advice.cards, machine(NVIDIA, providers={**tried, "cuda": WORKS})).state == "good"


def test_intel_and_amd_cards() -> None:
    assert "palimpsest[openvino]" in only(advice.cards, machine(INTEL)).advice
    assert only(advice.cards, machine(INTEL, works="openvino")).state == "good"
    assert only(advice.cards, machine(AMD)).state == "info"
    windows = only(advice.cards, machine(AMD, platform="win32"))
    assert windows.state == "warning" and "palimpsest[directml]" in windows.advice
    assert only(advice.cards, machine(AMD, platform="win32", works="directml")).state == "good"


def test_apple_and_other_cards() -> None:
    apple = Gpu("Apple", "Apple M2 GPU", 0, "Metal")
    assert only(advice.cards, machine(apple, platform="darwin", works="coreml cpu")).state == "good"
    assert only(advice.cards, machine(apple, platform="darwin")).state == "info"
    adreno = Gpu("Qualcomm", "Adreno X1")
    assert "palimpsest[directml]" in only(advice.cards, machine(adreno, platform="win32")).advice
    assert only(advice.cards, machine()).title == "Graphics card"


def test_runtimes_that_overwrite_each_other() -> None:
    two = {"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.31.1"}
    (problem,) = problems(machine(runtimes=two))
    assert "overwrite each other" in problem and "Uninstall all of them" in problem
    (missing,) = problems(machine(runtimes={}))
    assert "not installed" in missing and "pip install" in missing
    assert only(advice.runtime, machine()).state == "good"
    assert only(advice.runtime, machine(runtimes={}, works="openvino")).state == "info"
    assert list(advice.runtime(machine(runtimes={}, providers={"cpu": None}))) == []


def test_providers_say_why_not() -> None:
    crashed = Probe("The self-test of openvino ended its process with code -11.")
    tried = {**machine().providers, "openvino": crashed}
    cuda, directml, coreml, openvino, cpu = advice.providers(machine(libraries={"openvino": "1"}, providers=tried))
    assert [line.state for line in (cuda, directml, coreml)] == ["info"] * 3
    assert "no NVIDIA card" in cuda.text and "Windows" in directml.text and "macOS" in coreml.text
    assert (openvino.state, openvino.text) == ("warning", crashed.reason)
    assert (cpu.state, cpu.text) == ("good", "Works; edits run on it.")
    cuda = next(advice.providers(machine(NVIDIA)))
    assert (cuda.state, cuda.text) == ("info", NONE.reason)  # not installed: the card's line says what to do
    waiting = next(advice.providers(machine(providers=dict.fromkeys(NAMES))))
    assert (waiting.state, waiting.text) == ("info", "Not tried yet.")


def test_nothing_works() -> None:
    assert problems(machine(works="")) == ["No provider works: see the reasons above."]
    (problem,) = problems(machine(wanted="cuda"))
    assert "NVIDIA GPU (CUDA)" in problem and "auto" in problem
    assert machine(wanted="cuda").used == ""
    assert list(advice.used(machine(works="", providers={"cpu": None}))) == []


def test_what_is_used_is_the_first_that_works_and_not_known_before() -> None:
    assert machine(works="openvino cpu").used == "openvino"
    assert machine(works="openvino cpu", wanted="cpu").used == "cpu"
    assert machine(providers={"cuda": None, "cpu": WORKS}).used == ""


def test_models() -> None:
    (good,) = advice.models(machine())
    assert good.state == "good" and "192 pixels" in good.text
    assert problems(machine(models=())) == [
        "No model is installed. Add one with Models... in the menu Model, or palimpsest models add PATH."
    ]
    assert problems(machine(broken=("unet is missing.",))) == ["unet is missing."]


def test_little_memory_says_what_size_is_possible() -> None:
    _, small = advice.memory(machine(models=(STARTER, BIG), memory_bytes=6 * GB))
    assert (small.title, small.state) == ("big", "warning")
    assert "10.0 GB" in small.text and "6.0 GB" in small.text and "384 pixels" in small.advice
    _, tiny = advice.memory(machine(models=(BIG,), memory_bytes=GB))
    assert "smaller model" in tiny.advice
    assert len(list(advice.memory(machine(models=(BIG,), memory_bytes=11 * GB)))) == 1


def test_the_memory_of_the_card_counts_where_edits_run_on_it() -> None:
    card = replace(NVIDIA, memory_bytes=4 * GB)
    _, small = advice.memory(machine(card, models=(BIG,), works="cuda", memory_bytes=64 * GB))
    assert "the graphics card has 4.0 GB" in small.text


def test_a_full_temporary_folder() -> None:
    assert only(advice.temporary, machine()).state == "info"
    full = only(advice.temporary, machine(temporary_bytes=GB))
    assert full.state == "warning" and "TMPDIR" in full.advice


def test_all_sentences_end() -> None:
    fake = (machine(), machine(NVIDIA, INTEL, AMD), machine(works="", models=(), runtimes={}, broken=("It is gone.",)))
    lines = [line for made in fake for found in findings(made).values() for line in found]
    assert all(line.text.endswith(".") for line in lines)
    assert all(line.advice == "" or line.advice.endswith(".") for line in lines)


def test_speed_in_words() -> None:
    speed = Speed("starter", "cpu", 512, 3, 20, 0.9, 1.0, 2.4e12, 0.9e12, 2.4e12 / 0.62 / 0.9)
    assert speed.share == pytest.approx(0.62)
    said = "0.9 s a step on CPU; 62 % of what this processor can do; an edit of 20 steps takes about 18 s."
    assert speed_text(speed) == said
    assert "card can do" in speed_text(replace(speed, provider="cuda"))
    assert "can do" not in speed_text(replace(speed, flops=0.0))
    assert "100 %" in speed_text(replace(speed, seconds=0.1))
    assert list(map(seconds_text, (0.0453, 0.124, 0.9, 9.97, 12.4, 220))) == [
        "45 ms",
        "0.12 s",
        "0.9 s",
        "10 s",
        "12 s",
        "4 min",
    ]


def test_an_examination_tells_more_and_more(tmp_path: Path, tiny_package: Path) -> None:
    store = ModelStore(tmp_path / "none", tiny_package.parent)
    steps = list(examine(store, probe=lambda provider: WORKS if provider is CPU else NONE))
    assert [step.complete for step in steps] == [False] * len(PROVIDERS) + [True]
    assert [model.name for model in steps[0].models] == ["tiny"]
    assert steps[0].used == "" and steps[-1].used == "cpu"
    assert steps[-1].memory_bytes > 0 and steps[-1].temporary_bytes > 0
    told = json.loads(json.dumps(facts(steps[-1])))
    assert told["provider"] == "cpu"
    assert told["devices"]["processor"]["cores"] >= 1
    assert {"name": "cpu", "reason": None, "stderr": ""} in told["providers"]


def test_it_works_with_the_cable_pulled(tmp_path: Path, tiny_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing here may touch the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    *_, machine = examine(ModelStore(tmp_path / "none", tiny_package.parent), providers=(CPU,))
    assert machine.used == "cpu"
    assert devices.look().processor.name


OFFLINE_CHILD = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("the network was touched")
class Refused(socket.socket):
    __init__ = refuse
socket.socket = Refused
for name in ("create_connection", "getaddrinfo", "gethostbyname", "socketpair"):
    setattr(socket, name, refuse)
from inference.doctor_child import main
sys.exit(main(sys.argv[1:]))
"""


def test_the_child_reports_without_network_torch_or_noise(tmp_path: Path, tiny_package: Path) -> None:
    root = Path(doctor.__file__).parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", OFFLINE_CHILD, str(tmp_path / "none"), str(tiny_package.parent)],
        env=os.environ | {"PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    reports = [json.loads(line) for line in child.stdout]
    _, complaints = child.communicate()
    assert (child.returncode, complaints) == (0, "")
    assert [report["done"] for report in reports][-1] is True and reports[0]["done"] is False
    assert reports[-1]["machine"]["provider"]
    assert set(reports[-1]["findings"]) == set(advice.SECTIONS)
