"""Checkpoints are there whole or not at all, and old ones go only once the new one stands. (A released script deletes
first.)"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.training.tiny_training import start
from training import checkpointing
from training.checkpointing import Checkpoint, load_checkpoint, newest_loadable, save_checkpoint
from training.runs import Run
from training.train_errors import TrainTargetError

SAVING = """
import sys, torch
from pathlib import Path
from training.checkpointing import Checkpoint, save_checkpoint
from training.runs import Run
step = 0
while True:
    step += 1
    weights = {f"layer{n}.weight": torch.full((64, 1024), float(step)) for n in range(8)}
    save_checkpoint(Run(Path(sys.argv[1])), Checkpoint(step, weights, weights, weights))
    print(step, flush=True)
"""


def _checkpoint(step: int) -> Checkpoint:
    values = {"unet.a": torch.full((3,), float(step))}
    moments = {"0.exp_avg": torch.ones(3), "0.step": torch.tensor(float(step))}
    return Checkpoint(
        step, values, {"unet.a": -values["unet.a"]}, moments, {"0.count": 3}, {"scale": 2.0}, 4, 1.5, {"base": "x"}
    )


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    folder = save_checkpoint(Run(tmp_path), _checkpoint(12))
    loaded = load_checkpoint(folder)
    assert folder.name == "step-000012" and loaded.step == 12 and loaded.micro == 4 and loaded.seconds == 1.5
    assert loaded.weights["unet.a"].tolist() == [12] * 3 and loaded.ema["unet.a"].tolist() == [-12] * 3
    assert loaded.optimizer["0.step"].item() == 12 and loaded.numbers == {"0.count": 3}
    assert loaded.scaler == {"scale": 2.0} and loaded.belongs == {"base": "x"}


def test_the_two_newest_stay(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for step in (1, 2, 3, 10):
        save_checkpoint(run, _checkpoint(step))
    assert [step for step, _ in run.checkpoints()] == [10, 3]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-000003", "step-000010"]


def test_old_ones_stay_until_the_new_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path)
    for step in (1, 2):
        save_checkpoint(run, _checkpoint(step))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpointing, "write_json", full)
    with pytest.raises(TrainTargetError, match="No space left"):
        save_checkpoint(run, _checkpoint(3))
    assert [step for step, _ in run.checkpoints()] == [2, 1]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


@pytest.mark.parametrize("file", ["weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path, file: str) -> None:
    run = Run(tmp_path)
    for step in (1, 2):
        save_checkpoint(run, _checkpoint(step))
    damaged = run.checkpoint_folder(2) / file
    damaged.write_bytes(damaged.read_bytes()[:20])
    checkpoint, notes = newest_loadable(run)
    assert checkpoint is not None and checkpoint.step == 1
    assert len(notes) == 1 and "step-000002 is damaged" in notes[0]


def test_without_any_there_is_none(tmp_path: Path) -> None:
    assert newest_loadable(Run(tmp_path)) == (None, ())


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed otherwise there")
def test_a_kill_during_a_save_leaves_one_that_can_be_loaded(tmp_path: Path) -> None:
    process = start(["-c", SAVING, str(tmp_path)])
    assert process.stdout is not None
    try:
        for _ in range(3):
            assert process.stdout.readline().strip().isdigit()
        killed = 0
        while not list((tmp_path / "checkpoints").glob(".step-*.part/*")):  # in the middle of a save
            time.sleep(0.0005)
            killed += 1
            assert killed < 20_000
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    checkpoint, notes = newest_loadable(Run(tmp_path))
    assert checkpoint is not None and not notes and checkpoint.step >= 3
    assert all((tensor == checkpoint.step).all() for tensor in (*checkpoint.weights.values(), *checkpoint.ema.values()))
    save_checkpoint(Run(tmp_path), _checkpoint(checkpoint.step + 1))
    assert not list((tmp_path / "checkpoints").glob(".step-*.part"))
