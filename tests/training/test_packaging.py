"""A training becomes a package that opens, edits and installs, made of the averaged weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from inference.engine import Engine
from inference.import_report import read_report
from inference.manifest import Dials
from inference.package import open_package, verify_package
from inference.store import ModelStore
from inference.types import CancelToken, EditRequest, Variant
from tests.training.tiny_model import block_network, save_tiny
from training import packaging
from training.bases import open_base
from training.checkpoints import save_tensors
from training.export.load import load_pipeline
from training.merge import write_merged
from training.model import Trained, trainable
from training.package_wishes import PackageWishes, package_wishes_of
from training.package_work import package_run
from training.places import HOME_VARIABLE
from training.recipe import TrainingRecipe
from training.runs import CHECKPOINT_FILES, Run, RunSheet
from training.train_errors import TrainError

ROOT = Path(__file__).parents[2]
RECIPE = TrainingRecipe("tiny", "", rank=2, precision="fp32", train_text=True)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    block_network(monkeypatch)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


def scrambled(trained: Trained, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = trained.state().items()
    return {name: value + 0.05 * torch.randn(value.shape, generator=generator) for name, value in state}


def save_step(run: Run, step: int, ema: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]) -> None:
    folder = run.checkpoint_folder(step)
    for name in CHECKPOINT_FILES[2:]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    save_tensors(folder / "ema.safetensors", {f"ema.{name}": value for name, value in ema.items()}, {})
    save_tensors(folder / "weights.safetensors", {f"model.{name}": value for name, value in weights.items()}, {})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Any, Trained, dict[str, torch.Tensor]]:
    """A run as a training leaves it, on a model of 8 channels; its base, and the averages of step 20."""
    folder = tmp_path_factory.mktemp("packaging")
    base = open_base(str(save_tiny(folder / "painter")))
    parts = trainable(base, RECIPE)
    averages = scrambled(parts, 20)
    run = Run(folder / "duotones")
    save_step(run, 10, scrambled(parts, 10), scrambled(parts, 1))
    save_step(run, 20, averages, scrambled(parts, 1))
    run.write_sheet(
        RunSheet(
            name="duotones", base_name=base.name, base_path=str(base.folder_or_file), base_sha256=base.sha256,
            recipe=RECIPE, store="", train=("a", "b", "c"), held_out=("d",), earlier=(), pairs_sha256="0",
            instructions=("make it ours", "make it yours"), steps=20, device="cpu", created="2026-01-01T00:00:00Z",
        )
    )  # fmt: skip
    return run, base, parts, averages


def start(*words: object) -> subprocess.Popen[str]:
    code = "import sys; from training.packaging import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words), "--events"], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def events(trained: tuple[Run, Any, Trained, Any]) -> list[dict[str, Any]]:
    """What is said while the package is made, in the place of an earlier one."""
    run = trained[0]
    run.package.mkdir()
    (run.package / "earlier").touch()
    with start(run.folder) as process:
        assert process.stdout is not None and process.stderr is not None
        found = [json.loads(line) for line in process.stdout]
        assert (process.wait(30), process.stderr.read()) == (0, "")
    return found


@pytest.fixture(scope="module")
def package(events: list[dict[str, Any]]) -> Path:
    return Path(events[-1]["path"])


def test_its_making_is_told(
    package: Path, events: list[dict[str, Any]], trained: tuple[Run, Any, Trained, Any]
) -> None:
    *told, done = events
    assert {event["event"] for event in told} == {"progress"} and told[-1]["stage"] == "done"
    shares = [event["fraction"] for event in told]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert {"load", "unet", "unet parity", "manifest"} <= {event["stage"] for event in told}
    assert (done["event"], done["name"], Path(done["path"])) == ("done", "duotones", trained[0].package)
    assert {entry["component"] for entry in done["parity"]} == {"text_encoder", "unet", "vae_encoder", "vae_decoder"}
    assert all(entry["relative"] < 1e-3 for entry in done["parity"]) and done["seconds"] > 0
    assert done["sha256"] == open_package(package).sha256 and done["bytes"] > 100_000
    assert not (package / "earlier").exists()
    assert sorted(path.name for path in package.parent.iterdir()) == ["checkpoints", "package", "run.json"]


def test_the_package_says_where_it_comes_from(package: Path, trained: tuple[Run, Any, Trained, Any]) -> None:
    found = open_package(package)
    verify_package(found)
    manifest = found.manifest
    assert manifest is not None and (manifest.name, manifest.licence) == ("duotones", "unknown")
    assert manifest.source == "trained from painter with 3 pairs (duotones)" and manifest.precision == "fp16"
    assert found.instructions == ("make it ours", "make it yours") and found.dials == Dials(size=64)
    notes = json.loads((package / "training.json").read_text())
    assert notes["base"] == {"name": "painter", "sha256": trained[1].sha256}
    assert (notes["run"], notes["pairs"], notes["step"], notes["recipe"]["rank"]) == ("duotones", 3, 20, 2)
    assert {entry["component"] for entry in json.loads((package / "parity.json").read_text())} >= {"unet"}
    assert str(package.parent.parent) not in "".join(file.read_text() for file in package.glob("*.json"))


def test_its_graphs_answer_as_the_averaged_weights_do(
    package: Path, trained: tuple[Run, Any, Trained, dict[str, torch.Tensor]]
) -> None:
    _, base, parts, averages = trained
    kept = {name: value.clone() for name, value in parts.state().items()}
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, len(base.tokenizer), (1, 32), generator=generator)
    sample = torch.randn(1, 8, 8, 12, generator=generator)

    def answer() -> tuple[Any, Any]:
        with torch.no_grad():
            text = base.text_encoder(ids)[0]
            return text.numpy(), base.unet(sample, torch.tensor(321.5), encoder_hidden_states=text).sample.numpy()

    before = answer()
    parts.load_state(averages)
    wanted = answer()
    parts.load_state(kept)
    sessions = [
        onnxruntime.InferenceSession(package / name / "model.onnx", providers=["CPUExecutionProvider"])
        for name in ("text_encoder", "unet")
    ]
    text = sessions[0].run(None, {"input_ids": ids.numpy()})[0]
    feeds = {"sample": sample.numpy(), "timestep": np.array(321.5, np.float32), "encoder_hidden_states": text}
    found = (text, sessions[1].run(None, feeds)[0])
    for mine, theirs, old in zip(found, wanted, before, strict=True):
        near = float(np.abs(mine - theirs).max() / np.abs(theirs).max())
        assert near < 5e-3 < float(np.abs(mine - old).max() / np.abs(theirs).max())


def test_it_installs_and_edits(package: Path, tmp_path: Path) -> None:
    installed = ModelStore(tmp_path / "models", tmp_path / "none").add(package)
    assert installed.name == "duotones" and (installed.folder / "training.json").is_file()
    report = read_report(installed.folder)
    assert report is not None and report.notes == ("It was trained from painter with 3 pairs.",)
    assert report.worst is not None and report.worst < 1e-3
    picture = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    request = EditRequest(picture, "make it ours", 2, 3.0, 1.5, "euler", 64, seeds=(1,))
    events = list(Engine.open(installed, "cpu").edit(request, CancelToken()))
    (variant,) = [event for event in events if isinstance(event, Variant)]
    assert variant.image.shape == picture.shape and not (variant.image == picture).all()


def test_the_merged_folder_is_the_trained_model(
    trained: tuple[Run, Any, Trained, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    _, base, _, averages = trained
    write_merged(base, averages, tmp_path / "merged")
    found, given = load_pipeline(tmp_path / "merged"), load_pipeline(base.folder_or_file)
    layer = "mid_block.attentions.0.proj_in"
    delta = averages[f"unet.{layer}.lora_B.weight"].flatten(1) @ averages[f"unet.{layer}.lora_A.weight"].flatten(1)
    one, other = (pipeline.unet.get_submodule(layer).weight.flatten(1) for pipeline in (found, given))
    torch.testing.assert_close(one, other + delta)
    name = "text_model.final_layer_norm.weight"
    assert torch.equal(found.text_encoder.get_parameter(name), averages[f"text_encoder.{name}"])
    assert torch.equal(found.vae.decoder.conv_in.weight, given.vae.decoder.conv_in.weight)
    assert found.tokenizer("make it night").input_ids == given.tokenizer("make it night").input_ids
    with pytest.raises(TrainError, match=r"no such unet\.nothing"):
        write_merged(base, {"unet.nothing": torch.zeros(1)}, tmp_path / "other")
    half = {name: value for name, value in averages.items() if name != f"unet.{layer}.lora_B.weight"}
    with pytest.raises(TrainError, match="does not fit"):
        write_merged(base, half, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_what_cannot_be_packaged_is_refused_in_a_sentence(
    package: Path, trained: tuple[Run, Any, Trained, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained[0]
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    empty, lost = Run(tmp_path / "empty"), Run(tmp_path / "lost")
    empty.write_sheet(run.sheet())
    lost.write_sheet(replace(run.sheet(), base_name="painter-2", base_path=str(tmp_path / "gone")))
    save_step(lost, 5, {}, {})
    cases: dict[tuple[str, ...], tuple[int, str]] = {
        (str(tmp_path / "nothing"),): (3, "no training"),
        (str(empty.folder),): (3, "saved nothing yet"),
        (str(lost.folder),): (4, "is not at"),
        (str(run.folder), "--checkpoint", "7"): (2, "choose one of 10, 20"),
        (str(run.folder), "--name", "a/b"): (2, "cannot be named"),
        (str(run.folder), "-o", str(tmp_path / "taken")): (5, "not empty"),
        (str(run.folder), "-o", str(tmp_path / "a" / "b")): (5, "does not exist"),
    }
    for words, (code, text) in cases.items():
        assert packaging.main(words) == code, words
        told = capsys.readouterr().err
        assert text in told and told.count("\n") == 1, told


def test_a_base_that_changed_is_noticed(trained: tuple[Run, Any, Trained, Any], tmp_path: Path) -> None:
    run, other = trained[0], Run(tmp_path / "other")
    other.write_sheet(replace(run.sheet(), base_sha256="0" * 64))
    wishes = PackageWishes(other.folder, run.checkpoint_folder(20), other.package, "x", "MIT")
    with pytest.raises(TrainError, match="no longer the model"):
        package_run(wishes, lambda *_: None, CancelToken())
    assert not other.package.exists()


def test_wishes_survive_the_way_to_the_other_process(tmp_path: Path) -> None:
    wishes = PackageWishes(tmp_path / "é", tmp_path / "c", tmp_path / "t", "n", "l", True)
    assert package_wishes_of(json.dumps(wishes.as_json())) == wishes


def test_the_end_of_input_cancels_and_leaves_what_was_there(
    package: Path, trained: tuple[Run, Any, Trained, Any]
) -> None:
    run, before = trained[0], sorted(package.parent.rglob("*"))
    with start(run.folder, "--checkpoint", 10) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        assert json.loads(process.stdout.readline())["stage"] == "load"
        process.stdin.close()
        assert process.wait(30) == 130 and process.stderr.read() == "The packaging was cancelled.\n"
    assert sorted(package.parent.rglob("*")) == before
    verify_package(open_package(package))
