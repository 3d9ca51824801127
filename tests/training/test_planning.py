"""What a training takes, told beforehand, fast and without PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from inference.device_memory import DeviceMemory
from inference.json_values import read_json
from tests.training.test_runs import SHEET
from tests.training.tiny_model import tiny_unet
from tests.training.tiny_training import ROOT, fill_store
from training import planning
from training.base_facts import find_base
from training.estimating import model_shape, needs_of, seconds_of
from training.recipes import RECIPES
from training.runs import Run, RunState
from training.unet_costs import SD1, unet_costs

Said = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    fill_store(tmp_path / "pairs")
    return tmp_path / "pairs"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(planning, "cuda_memory", lambda: None)


def _plan(capsys: Said, *words: str) -> dict[str, object]:
    assert planning.main(["--json", "--model", "starter", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_plan_tells_all(store: Path, capsys: Said) -> None:
    plan = _plan(capsys, "--store", str(store), "--recipe", "starter", "--set", "held_out=0.3")
    assert plan["pairs"] + plan["held_out"] == 5 and plan["held_out"]
    assert (plan["steps"], plan["batch"], plan["size"], plan["device"]) == (300, 8, 192, "cpu")
    assert plan["fits"] is True and plan["why"] == "" and plan["seconds"] > 10
    assert 3e8 < plan["memory_bytes"] < 4e9 < plan["memory_free"] + 4e9 and plan["disk_bytes"] > 1e8
    assert any("only" in problem for problem in plan["problems"])


def test_without_pairs_it_says_what_to_do(tmp_path: Path, capsys: Said) -> None:
    plan = _plan(capsys, "--store", str(tmp_path / "none"))
    assert plan["pairs"] == 0 and plan["fits"] is False and plan["seconds"] is None and "add pairs" in plan["why"]
    assert not (tmp_path / "none").exists()


def test_what_does_not_fit_is_told(store: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "available_memory", lambda: 600 << 20)
    plan = _plan(capsys, "--store", str(store), "--recipe", "starter")
    assert plan["fits"] is False and "629 MB of memory free" in plan["why"]
    needs = needs_of(find_base("starter"), RECIPES["starter"], device="cpu", pairs=5)
    monkeypatch.setattr(planning, "available_memory", lambda: needs.memory(4))
    plan = _plan(capsys, "--store", str(store), "--recipe", "starter")
    assert plan["fits"] is True and "4 pictures at a time" in plan["why"]


def test_a_card_is_planned_for(store: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "cuda_memory", lambda: DeviceMemory(7_000_000_000, 8_000_000_000))
    plan = _plan(capsys, "--store", str(store), "--recipe", "8gb")
    assert plan["device"] == "cuda" and plan["memory_free"] == 7_000_000_000 and plan["seconds"] is None


def test_errors_are_one_sentence(store: Path, capsys: Said) -> None:
    for words, code in ((["--recipe", "x"], 2), (["--model", "no such model"], 4), (["--set", "x=1"], 2)):
        assert planning.main(["--store", str(store), *words]) == code
        assert capsys.readouterr().err.count("\n") == 1
    (store / "pairs.db").write_bytes(b"no database at all, not even nearly one" * 99)
    assert planning.main(["--store", str(store)]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_a_plan_for_a_person(store: Path, capsys: Said) -> None:
    assert planning.main(["--store", str(store), "--model", "starter"]) == 0
    assert "300 steps of 8 at 192 pixels on cpu, about" in capsys.readouterr().out


def test_planning_needs_no_torch(store: Path) -> None:
    code = (
        "import sys; from training.planning import main; "
        f"assert main(['--store', {str(store)!r}, '--model', 'starter']) == 0; "
        "from training.recipes.command import main; main([]); import training.train_command, training.runs; "
        "assert not {'torch', 'diffusers', 'transformers', 'accelerate', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_a_finished_run_tells_how_fast_the_next_will_be(tmp_path: Path) -> None:
    base = find_base("starter")
    recipe = RECIPES["starter"]
    run = Run(tmp_path / "run")
    run.write_sheet(replace(SHEET, base_path=str(base.path), recipe=recipe, device="cpu"))
    run.write_state(RunState(100, 100, "done", 0.1, seconds=50.0))
    needs = needs_of(base, recipe, device="cpu", pairs=2)
    assert seconds_of(needs, recipe, 300, "cpu", [run]) == pytest.approx(150)
    assert seconds_of(needs, replace(recipe, batch=4), 300, "cpu", [run]) == pytest.approx(75)
    assert seconds_of(needs, recipe, 300, "cuda", [run]) is None


def test_operations_are_counted_as_torch_counts_them() -> None:
    for config, side, text in ((read_json(model_shape_file()).mapping, 32, 24), (SD1, 32, 77)):
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            from diffusers import UNet2DConditionModel

            unet = UNet2DConditionModel.from_config({**config, "in_channels": 8, "out_channels": 4})
            width = unet.config.cross_attention_dim
            unet(torch.zeros(1, 8, side, side), torch.zeros(1), encoder_hidden_states=torch.zeros(1, text, width))
        counted = unet_costs(config, side, side, text).multiplications * 2
        assert counted == pytest.approx(counter.get_total_flops(), rel=0.03)


def model_shape_file() -> Path:
    return find_base("starter").path / "unet" / "config.json"


def test_what_is_kept_is_counted_as_torch_keeps_it() -> None:
    unet = tiny_unet(block_out_channels=(32, 64, 64))
    parameters = {parameter.untyped_storage()._cdata for parameter in unet.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor  # held, so that no address comes twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        unet(torch.zeros(1, 8, 32, 32), torch.zeros(1), encoder_hidden_states=torch.zeros(1, 8, 32))
    held = sum(tensor.untyped_storage().nbytes() for key, tensor in kept.items() if key not in parameters) / 4
    assert unet_costs(unet.config, 32, 32, 8).kept == pytest.approx(held, rel=0.35)


def test_the_shape_of_a_model_is_read_from_its_settings() -> None:
    shape = model_shape(find_base("starter"))
    assert (shape.factor, shape.levels, shape.multiple) == (4, 3, 16) and shape.others > 1_000_000
    single = model_shape(replace(find_base("starter"), kind="single"))
    assert (single.factor, single.multiple) == (8, 64)


@pytest.mark.parametrize(("recipe", "gigabytes"), [("8gb", 8), ("12gb", 12), ("24gb", 24)])
def test_recipes_keep_what_their_names_promise(recipe: str, gigabytes: int) -> None:
    base = replace(find_base("starter"), kind="single", parameters=859_520_964)
    base = replace(base, dials=replace(base.dials, size=512))
    needs = needs_of(base, RECIPES[recipe], device="cuda", pairs=40)
    assert needs.memory(RECIPES[recipe].batch) < 0.9 * gigabytes * 1e9
