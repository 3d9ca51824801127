"""A run's folder: what is written is read back, and damage is told in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.tiny_training import item
from training.recipes import RECIPES
from training.runs import Run, RunSheet, RunState
from training.train_errors import TrainInputError, TrainTargetError

SHEET = RunSheet(
    name="gold", base_name="starter", base_path="/models/starter", base_sha256="ab", recipe=RECIPES["12gb"],
    store="/pairs", train=("a", "b"), held_out=("c",), earlier=(), pairs_sha256="cd", instructions=("make it gold",),
    steps=300, device="cpu", created="2025-01-01T00:00:00+00:00", versions={"torch": "2.13.0"},
)  # fmt: skip


def test_a_sheet_comes_back(tmp_path: Path) -> None:
    Run(tmp_path).write_sheet(SHEET)
    assert Run(tmp_path).sheet() == SHEET and Run(tmp_path).exists
    values = json.loads((tmp_path / "run.json").read_text())
    assert values["format"] == 1 and values["base"] == {"name": "starter", "path": "/models/starter", "sha256": "ab"}
    assert values["seed"] == 0 and values["recipe"]["rank"] == 32


def test_a_state_comes_back(tmp_path: Path) -> None:
    assert Run(tmp_path).state() is None
    for state in (RunState(0, 9, "running"), RunState(9, 9, "done", 0.25, 12.5)):
        Run(tmp_path).write_state(state)
        assert Run(tmp_path).state() == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 2}', '{"format": "x"}'])
def test_a_damaged_sheet_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(TrainInputError) as caught:
        Run(tmp_path).sheet()
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainInputError, match="no training to read"):
        Run(tmp_path / "none").sheet()


def test_a_log_is_cut_where_a_training_goes_on(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert list(run.log()) == []
    for step in (1, 2, 3):
        run.add_to_log({"event": "step", "step": step, "loss": 1 / step})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"event": "st')
    assert [event["step"] for event in run.log()] == [1, 2, 3]
    run.cut_log(2)
    run.add_to_log({"event": "step", "step": 3})
    assert [event["step"] for event in run.log()] == [1, 2, 3]


def test_held_out_pairs_stand_alone(tmp_path: Path) -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[3, 5] = 255
    items = (item(1), item(2, "make it gold, please: é", mask))
    Run(tmp_path).write_held_out(items)
    back = Run(tmp_path).held_out()
    assert [(one.id, one.instruction, one.group) for one in back] == [(o.id, o.instruction, o.group) for o in items]
    for one, other in zip(back, items, strict=True):
        read, expected = one.read(), other.read()
        assert np.array_equal(read.source, expected.source) and np.array_equal(read.target, expected.target)
    assert back[0].read().mask is None and np.array_equal(back[1].read().mask, mask)


def test_a_picture_that_is_gone_is_told(tmp_path: Path) -> None:
    Run(tmp_path).write_held_out([item(1)])
    (tmp_path / "items" / "000-target.png").unlink()
    with pytest.raises(TrainInputError, match=r"000-target\.png cannot be read"):
        Run(tmp_path).held_out()[0].read()


def test_only_whole_checkpoints_count(tmp_path: Path) -> None:
    whole = tmp_path / "checkpoints" / "step-000020"
    whole.mkdir(parents=True)
    for name in ("weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"):
        (whole / name).touch()
    (tmp_path / "checkpoints" / "step-000030").mkdir()
    (tmp_path / "checkpoints" / ".step-000040.1.part").mkdir()
    assert Run(tmp_path).newest_checkpoint() == whole and Run(tmp_path).checkpoints() == ((20, whole),)
    assert Run(tmp_path / "none").newest_checkpoint() is None


def test_two_trainings_cannot_share_a_folder(tmp_path: Path) -> None:
    with Run(tmp_path / "run").lock(), pytest.raises(TimeoutError):
        Run(tmp_path / "run").lock().__enter__()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainTargetError, match="cannot be written"):
        Run(tmp_path / "file" / "run").lock()
    with pytest.raises(TrainTargetError, match="cannot be written"):
        Run(tmp_path / "file").write_sheet(SHEET)
