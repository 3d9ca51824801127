"""The engine's benchmark, on the tiny model: so that it still runs when somebody with a card wants its figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.providers.cpu import PROVIDER
from tests.benchmarks import engine, engine_floor, engine_graphs, full_size
from tests.benchmarks.engine_child import Edit, figures
from tests.benchmarks.engine_contenders import CONTENDERS, PARTS, REFERENCES, Contender, Job, parse
from tests.benchmarks.engine_switches import used_graph
from tests.benchmarks.engine_table import HEAD, line, psnr, relative, relative_rms, table
from tests.training.tiny_model import export_tiny
from training.export.fusing import counts
from training.export.load import open_source

# diffusers hands torch tensors to numpy in a way that numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

STEPS = 3


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    base = tmp_path_factory.getbasetemp()
    package = export_tiny(base, "fp16").folder
    photo = engine.photo(base / "benchmark.png", None, 64, 48)
    places = {"package": str(package), "source": str(base / "tiny-source"), "photo": str(photo)}
    return Job(**places, width=64, height=48, weights="tiny", steps=STEPS, threads=1)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    return lambda: [json.loads(text)["stage"] for text in capsys.readouterr().out.splitlines()]


def measured(job: Job, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """One contender in this process: its figures as the parent completes them, and its picture and latent."""
    contender = parse(name)
    found, latent, edit = figures(job, contender, started=0.0)
    memory = {"peak": {"total": 2e9, "anonymous": 1e9, "file": 1e9, "device": 0}, "stages": {}}
    found |= {"contender": name, "device": contender.device, "precision": contender.precision}
    found |= {"switches": dict(contender.switches), "memory": memory, "busy": 0.0, "others": 0.0}
    return found, {"latent": latent, "image": edit.images[0]}


def test_both_sides_do_the_same_edit(job: Job, told: Callable[[], list[str]]) -> None:
    theirs, reference = measured(job, "diffusers")
    assert told() == ["load", "first", "whole", "end"]
    ours, mine = measured(job, "ours-cpu")
    assert told() == ["load", "first", "whole", "cached", "end"]
    assert relative(mine["latent"], reference["latent"]) < 1e-4
    assert 0 < relative_rms(mine["latent"], reference["latent"]) < 1e-4
    assert psnr(mine["image"], reference["image"]) > 60
    for found in (theirs, ours):
        assert all(edit["seconds"] > edit["step"] > 0 for edit in found["edits"].values())
        assert all(len(edit["steps"]) == STEPS - 1 for edit in found["edits"].values())
    floor = {
        "operations": engine_floor.operations(Path(job.source), job.width, job.height),
        "peak": {"fp32": engine_floor.peak("cpu", "fp32", side=64, seconds=0.01)},
        "device": "cpu",
    }
    assert ours["again"] == 0.0 and theirs["again"] is None
    both = {"diffusers": theirs, "ours-cpu": ours}
    rows = table(job, "cpu", both, {"diffusers": reference, "ours-cpu": mine}, floor, busy=0.1).splitlines()
    assert all(row.count("|") == len(HEAD) + 1 for row in rows[:4])
    assert rows[2].startswith("| diffusers ") and rows[3].startswith("| ours-cpu ")
    assert rows[-1].startswith("Floor on cpu")
    ours["again"] = float("nan")
    assert "ours-cpu gave something else" in table(job, "cpu", both, {}, None, busy=0.1)
    assert "ours-cpu: load " in line(ours)


def test_other_precisions_stay_close(job: Job, told: Callable[[], list[str]]) -> None:
    _, reference = measured(job, "diffusers")
    _, tuned = measured(job, "diffusers-bf16")
    assert 0 < relative(tuned["latent"], reference["latent"]) < 0.1
    assert told()


@pytest.mark.parametrize(
    "part", ["full_res=on,previews=on", "composed=off", "binding=off", "optimize=basic", "replay=off,share=off"]
)
def test_the_engine_without_a_part_does_the_same_edit(job: Job, part: str) -> None:
    job = replace(job, edits=("first",))
    _, whole = measured(job, "ours-cpu")
    _, without = measured(job, f"ours-cpu,{part}")
    assert relative(without["latent"], whole["latent"]) < 1e-5


def test_savings_change_it(job: Job) -> None:
    job = replace(job, edits=("first",))
    _, whole = measured(job, "ours-cpu")
    _, saved = measured(job, "ours-cpu,interval=0.5-1.0")
    assert relative(saved["latent"], whole["latent"]) > 1e-3


def test_a_contender_in_a_process_of_its_own_is_kept(job: Job, tmp_path: Path) -> None:
    contender = parse("ours-cpu,variants=2,full_res=on,previews=on")
    found = engine.run(job, contender, tmp_path, limit=120)
    assert found["variants"] == 2 and found["memory"]["peak"]["total"] > 1e6
    assert engine.kept(job, contender, tmp_path) == json.loads(json.dumps(found))
    assert list(engine.results(job, tmp_path)) == [contender.name]
    assert engine.pictures(job, tmp_path, contender.name)["image"].shape == (job.height, job.width, 3)
    assert engine.kept(job, parse("ours-cpu"), tmp_path) is None


def test_one_that_fails_says_why_and_is_not_kept(job: Job, tmp_path: Path) -> None:
    contender = parse("ours-cpu,nonsense=1")
    found = engine.run(job, contender, tmp_path, limit=120)
    assert "no switch nonsense" in found["failed"] and "no switch nonsense" in line(found)
    assert engine.kept(job, contender, tmp_path) is None
    assert not list(tmp_path.glob("*.json"))


def test_one_that_takes_too_long_is_ended(job: Job, tmp_path: Path) -> None:
    found = engine.run(job, parse("ours-cpu"), tmp_path, limit=0.0)
    assert "did not end within 0 s" in found["failed"]


def test_names_and_switches() -> None:
    names = [contender.name for contender in CONTENDERS]
    assert len(set(names)) == len(names)
    assert all(reference in names for pair in REFERENCES.values() for reference in pair)
    assert all(parse(text).device == device for device, texts in PARTS.items() for text in texts)
    changed = parse("ours-cpu,graphs=model,precision=bf16")
    assert isinstance(changed, Contender) and changed.precision == "bf16"
    assert changed.switches == {"provider": "cpu", "graphs": "model"}
    with pytest.raises(ValueError, match="no contender 'theirs'"):
        parse("theirs")


def test_the_first_step_is_not_counted() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    assert Edit(9.0, [0.0, 5.0, 6.0, 7.0], [picture], None).step == 1.0
    assert Edit(9.0, [0.0, 5.0], [picture], None).step is None


def test_the_architecture_is_written_with_weights_that_float16_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = {"block_out_channels": [32, 32, 32, 32], "cross_attention_dim": 32}
    monkeypatch.setattr(full_size, "UNET", {**full_size.UNET, **narrow})
    monkeypatch.setattr(full_size, "VAE", {**full_size.VAE, "block_out_channels": [32, 32, 32, 32]})
    text = {"vocab_size": 600, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    monkeypatch.setattr(full_size, "TEXT_ENCODER", {**full_size.TEXT_ENCODER, **text, "num_attention_heads": 2})
    unet = open_source(full_size.write_source(tmp_path / "source")).weights["unet"]
    weight = unet["conv_in.weight"].read()
    assert weight.shape == (32, 8, 3, 3)
    assert np.array_equal(weight, weight.astype(np.float16))
    assert weight.std() > 0


def test_full_size_weights_are_kept_and_need_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "source"
    there.mkdir()
    (there / "model_index.json").write_text("{}")
    assert full_size.write_source(there) == there
    monkeypatch.setattr(full_size, "SOURCE_BYTES", 1 << 60)
    with pytest.raises(SystemExit, match="are free"):
        full_size.write_source(tmp_path / "other")


def test_graphs_without_a_kind_of_fusion(tmp_path_factory: pytest.TempPathFactory) -> None:
    package = export_tiny(tmp_path_factory.getbasetemp(), "fp16").folder
    model, stored = engine_graphs.plain(package / "unet" / "model.onnx")
    half = engine_graphs.without(model, stored, "groupnorm")
    assert half is not None
    assert counts(half)["MultiHeadAttention"] > 0 and "GroupNorm" not in counts(half)
    with pytest.raises(ValueError, match="none of the graphs elsewhere"):
        used_graph(package / "unet", replace(PROVIDER, graphs=("elsewhere",)))
