"""The whole loop on a tiny model: what it writes, what it learns, what it does when memory is short."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.training.tiny_training import SETTINGS, base_in, fill_store, golden, losses, picture, train
from training import devices, samples, train_work
from training.checkpointing import load_checkpoint
from training.control import Control
from training.examples import Batch, Examples
from training.loss import weighted_loss
from training.pairs.pair import RawPair
from training.pairs.store import PairStore
from training.runs import Run
from training.train import Training

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _one_sample(monkeypatch: Patch) -> None:
    """Edits of more pictures would take most of the time."""
    monkeypatch.setattr(samples, "MOST", 1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_in(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    fill_store(folder)
    return folder


@pytest.fixture(scope="module")
def run(base: Path, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "golden"
    assert train(folder, base, store) == 0
    return folder


@pytest.fixture
def events(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_run_stands_alone(run: Path, base: Path, store: Path) -> None:
    sheet, state = Run(run).sheet(), Run(run).state()
    assert sheet.name == "golden" and sheet.base_path == str(base) and sheet.store == str(store) and sheet.steps == 6
    assert len(sheet.train) + len(sheet.held_out) == 5 and sheet.instructions[0] == "make it golden"
    assert state is not None and (state.step, state.status) == (6, "done") and state.seconds > 0
    assert [event["step"] for event in Run(run).log()] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in Run(run).checkpoints()] == [6, 3]
    held_out = Run(run).held_out()
    assert tuple(item.id for item in held_out) == sheet.held_out and held_out
    stored = {pair.id: pair for pair in PairStore(store).pairs()}
    for item in held_out:
        pictures, expected = item.read(), PairStore(store).pictures(stored[item.id])
        assert np.array_equal(pictures.source, expected.source) and np.array_equal(pictures.target, expected.target)


def test_samples_are_made_before_the_first_step_and_after_the_last(run: Path) -> None:
    folders = sorted(path.name for path in (run / "samples").glob("step-*"))
    assert folders == ["step-000000", "step-000006"]
    before, after = (cv2.imread(str(run / "samples" / folder / "00.png")) for folder in folders)
    source = cv2.imread(str(run / "samples" / "pairs" / "00-source.png"))
    assert before.shape == after.shape == source.shape and not np.array_equal(before, after)


def test_the_average_moved_and_lags_behind(run: Path, base: Path) -> None:
    checkpoint = load_checkpoint(Run(run).checkpoint_folder(6))
    name = "unet.conv_out.weight"
    start = load_file(base / "unet" / "diffusion_pytorch_model.safetensors")["conv_out.weight"]
    distance = [float((part[name] - start).abs().max()) for part in (checkpoint.ema, checkpoint.weights)]
    assert distance[0] > 0 and distance[1] > 0 and not torch.equal(checkpoint.ema[name], checkpoint.weights[name])
    file = load_file(Run(run).checkpoint_folder(6) / "ema.safetensors")
    assert torch.equal(file[f"ema.{name}"], checkpoint.ema[name])


def test_events_tell_all_that_happens(base: Path, store: Path, tmp_path: Path, events: Callable[[], Any]) -> None:
    assert train(tmp_path / "run", base, store, "--events", "--steps", "2", "--set=save_every=1") == 0
    told = events()
    kinds = [event["event"] for event in told]
    assert kinds[0] == "stage" and kinds[-1] == "done" and kinds.count("step") == 2 and kinds.count("checkpoint") == 2
    assert {event["stage"] for event in told if event["event"] == "stage"} == {
        "loading", "caching", "probing", "training", "sampling", "saving",
    }  # fmt: skip
    step = next(event for event in told if event["event"] == "step")
    assert set(step) == {
        "event", "step", "steps", "loss", "lr", "seconds_per_step", "seconds_left", "memory_bytes",
    }  # fmt: skip
    shown = [event for event in told if event["event"] == "samples"]
    assert [event["step"] for event in shown] == [0, 2]
    image = shown[0]["images"][0]
    assert set(image) == {"id", "path", "source", "target", "instruction"}
    assert all(Path(image[part]).is_file() for part in ("path", "source", "target"))
    assert told[-1] == {"event": "done", "run": str(tmp_path / "run"), "step": 2, "seconds": told[-1]["seconds"]}


def test_one_pair_is_learnt_by_heart(base: Path, tmp_path: Path) -> None:
    source = picture(0)
    PairStore(tmp_path / "one").add(RawPair("make it golden", source, golden(source)))
    settings = ("size=32", "batch=4", "steps=80", "lr=4e-3", "replay=0", "dropout=0", "flip=0", "first_step_share=0",
                "sample_every=80", "save_every=80", "ema_decay=0.9", "train_text=false")  # fmt: skip
    assert train(tmp_path / "run", base, tmp_path / "one", settings=settings) == 0
    found = losses(tmp_path / "run")
    assert np.mean(found[-15:]) < 0.7 * np.mean(found[:15])
    folders = sorted((tmp_path / "run" / "samples").glob("step-*"))
    first, last = (cv2.imread(str(folder / "00.png")).astype(float) for folder in folders)
    assert np.abs(last - first).mean() > 3


def test_what_is_replayed_and_what_has_lost_its_text_is_taught_the_bases_own_answers(
    base: Path, store: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    errors: list[torch.Tensor] = []
    kept: list[torch.Tensor] = []

    def watched(predicted: Any, wanted: Any, *more: Any) -> Any:
        errors.append((predicted - wanted).detach().abs().amax(dim=(1, 2, 3)))
        return weighted_loss(predicted, wanted, *more)

    def dealt(self: Examples, index: Any) -> Batch:
        batch = deal(self, index)
        assert batch.kept is not None
        kept.append(batch.kept)
        return batch

    deal = Examples.batch
    monkeypatch.setattr("training.train.weighted_loss", watched)
    monkeypatch.setattr(Examples, "batch", dealt)
    settings = (*SETTINGS, "keep=true", "replay=0.4", "dropout=0.1", "batch=12", "steps=2", "lr=1e-2")
    assert train(tmp_path / "run", base, store, settings=settings) == 0
    assert 0 < int(kept[0].sum()) < 12
    assert float(errors[0][kept[0]].max()) == 0  # nothing is learnt yet: the base says what the base says, to the bit
    assert float(errors[0][~kept[0]].min()) > 1e-2
    assert float(errors[1][kept[1]].max()) > 1e-5  # what the network has learnt, the base has not


def test_gradients_are_clipped(base: Path, store: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    clipped: list[float] = []

    def spied(self: Training) -> Any:
        loss = gradients(self)
        step = self.optimizer.optimizer.step

        def stepped(*args: Any, **kwargs: Any) -> Any:
            grads = [p.grad.norm() for p in self.material.parameters.values() if p.grad is not None]
            clipped.append(float(torch.linalg.vector_norm(torch.stack(grads))))
            self.optimizer.optimizer.step = step
            return step(*args, **kwargs)

        self.optimizer.optimizer.step = stepped
        return loss

    gradients = Training._gradients
    monkeypatch.setattr(Training, "_gradients", spied)
    assert train(tmp_path / "run", base, store, "--steps", "2", "--set=clip=0.01") == 0
    assert clipped == pytest.approx([0.01, 0.01], rel=1e-3)
    clipped.clear()
    assert train(tmp_path / "free", base, store, "--steps", "2", "--set=clip=0") == 0
    assert min(clipped) > 0.1


def _short_of_memory(monkeypatch: Patch, most: int, *, from_step: int = 0) -> None:
    """No more than `most` pictures fit at a time, from some step on."""
    loss = Training._loss

    def tight(self: Training, batch: Any) -> Any:
        if len(batch.noise) > most and self.step >= from_step:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return loss(self, batch)

    monkeypatch.setattr(Training, "_loss", tight)


def test_out_of_memory_halves_the_batch_and_goes_on_with_the_same_result(
    base: Path, store: Path, run: Path, tmp_path: Path, monkeypatch: Patch, events: Callable[[], Any]
) -> None:
    _short_of_memory(monkeypatch, 1, from_step=2)
    assert train(tmp_path / "run", base, store, "--events") == 0
    notes = [event["text"] for event in events() if event["event"] == "note" and "not enough memory" in event["text"]]
    assert len(notes) == 2 and "2 are taken" in notes[0] and "1 are taken" in notes[1]
    assert losses(tmp_path / "run") == pytest.approx(losses(run), abs=1e-5)
    assert load_checkpoint(Run(tmp_path / "run").checkpoint_folder(6)).micro == 1


def test_where_not_one_picture_fits_it_says_so(
    base: Path, store: Path, tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    _short_of_memory(monkeypatch, 0)
    assert train(tmp_path / "run", base, store) == 4
    errors = capsys.readouterr().err.strip().splitlines()
    assert "not enough memory for one picture" in errors[-1] and not any("Traceback" in line for line in errors)
    state = Run(tmp_path / "run").state()
    assert state is not None and state.status == "failed"


def test_a_processor_is_asked_beforehand(
    base: Path, store: Path, tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train_work, "available_memory", lambda: 1 << 20)
    assert train(tmp_path / "run", base, store) == 4
    assert "1 MB are free" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_probe_changes_nothing(base: Path, store: Path, run: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    tried: list[int] = []
    fits = Training._fits

    def probed(self: Training) -> None:
        for micro in (self.recipe.batch, 1):
            tried.append(micro)
            assert fits(self, micro)

    monkeypatch.setattr(Training, "_probe", probed)
    assert train(tmp_path / "run", base, store) == 0
    assert tried == [4, 1] and losses(tmp_path / "run") == losses(run)


def test_a_probe_finds_what_fits(base: Path, store: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    _short_of_memory(monkeypatch, 2)
    found: list[tuple[bool, bool]] = []

    def probed(self: Training) -> None:
        found.append((self._fits(4), self._fits(2)))

    monkeypatch.setattr(Training, "_probe", probed)
    assert train(tmp_path / "run", base, store, "--steps", "1") == 0
    assert found == [(False, True)]


def test_which_errors_mean_that_memory_ran_out() -> None:
    lacking = "[enforce fail at alloc_cpu.cpp:119] . DefaultCPUAllocator: can't allocate memory: you tried to"
    assert devices.is_out_of_memory(torch.OutOfMemoryError()) and devices.is_out_of_memory(MemoryError())
    assert devices.is_out_of_memory(RuntimeError(lacking)) and not devices.is_out_of_memory(RuntimeError("shape"))


@pytest.fixture
def steered(monkeypatch: Patch) -> Iterator[Control]:
    """The control of the next training."""
    control = Control()
    monkeypatch.setattr(train_work, "standard_control", lambda _events: control)
    yield control


def _after(monkeypatch: Patch, step: int, act: Callable[[], object]) -> None:
    report = Training._report

    def reported(self: Training, loss: float, seconds: float) -> None:
        report(self, loss, seconds)
        if self.step == step:
            act()

    monkeypatch.setattr(Training, "_report", reported)


def test_stopped_it_saves_and_ends_well(
    base: Path, store: Path, tmp_path: Path, monkeypatch: Patch, steered: Control, events: Callable[[], Any]
) -> None:
    _after(monkeypatch, 2, steered.stop)
    assert train(tmp_path / "run", base, store, "--events") == 0
    assert events()[-1] == {"event": "stopped", "step": 2}
    state = Run(tmp_path / "run").state()
    assert state is not None and (state.step, state.status) == (2, "stopped")
    assert [step for step, _ in Run(tmp_path / "run").checkpoints()] == [2]


def test_interrupted_it_saves_and_says_so(
    base: Path, store: Path, tmp_path: Path, monkeypatch: Patch, steered: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    _after(monkeypatch, 2, steered.interrupt)
    assert train(tmp_path / "run", base, store) == 130
    assert capsys.readouterr().err.strip().splitlines()[-1] == "The training was interrupted; go on with --resume."
    assert [step for step, _ in Run(tmp_path / "run").checkpoints()] == [2]


def test_paused_it_waits_and_goes_on(
    base: Path, store: Path, tmp_path: Path, monkeypatch: Patch, steered: Control, events: Callable[[], Any]
) -> None:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            steered.resume()

    _after(monkeypatch, 1, steered.pause)
    monkeypatch.setattr(steered, "wait", wait)
    assert train(tmp_path / "run", base, store, "--events", "--steps", "2") == 0
    kinds = [event["event"] for event in events() if event["event"] in ("step", "paused", "resumed")]
    assert kinds == ["step", "paused", "resumed", "step"] and len(waited) == 2


def test_half_precision_learns_as_well(
    base: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("size=64", "batch=2", "steps=2", "method=lora", "rank=4", "precision=fp16", "train_text=false",
                "gradient_checkpointing=true", "eight_bit_adam=true", "sample_every=9")  # fmt: skip
    assert train(tmp_path / "run", base, store, settings=settings) == 0
    assert all(0 < loss < 10 for loss in losses(tmp_path / "run"))
    said = capsys.readouterr().err
    assert "in place of fp16" in said and "32 bits in place of 8" in said
    weights = load_checkpoint(Run(tmp_path / "run").checkpoint_folder(2)).weights
    assert all(tensor.dtype == torch.float32 for tensor in weights.values()) and any(t.any() for t in weights.values())
