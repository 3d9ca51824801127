"""A training that was stopped goes on as if it had not been; over ranks it is the same training too."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import torch

from tests.training.tiny_training import SETTINGS, arguments, base_in, fill_store, losses, picture, start, train
from training import samples
from training.checkpointing import load_checkpoint, save_checkpoint
from training.control import Control
from training.pairs.pair import RawPair
from training.pairs.store import PairStore
from training.runs import Run
from training.train import Training

Patch = pytest.MonkeyPatch
Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_in(tmp_path_factory.getbasetemp())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    fill_store(tmp_path / "pairs")
    return tmp_path / "pairs"


@pytest.fixture(autouse=True)
def _one_sample(monkeypatch: Patch) -> None:
    """Edits of more pictures would take most of the time."""
    monkeypatch.setattr(samples, "MOST", 1)


class Killed(BaseException):
    """The process ends without a word."""


def _kill_after(monkeypatch: Patch, step: int) -> None:
    report = Training._report

    def reported(self: Training, loss: float, seconds: float) -> None:
        report(self, loss, seconds)
        if self.step == step:
            raise Killed

    monkeypatch.setattr(Training, "_report", reported)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_three_steps_a_kill_and_three_more_are_six(
    base: Path, store: Path, tmp_path: Path, monkeypatch: Patch, method: str
) -> None:
    settings = (*SETTINGS, f"method={method}", "min_snr=5")
    assert train(tmp_path / "whole", base, store, settings=settings) == 0
    with monkeypatch.context() as patch, pytest.raises(Killed):
        _kill_after(patch, 5)  # two steps after the checkpoint
        train(tmp_path / "parts", base, store, settings=settings)
    assert [step for step, _ in Run(tmp_path / "parts").checkpoints()] == [3]
    torch.manual_seed(99)  # nothing depends on it
    assert train_on(tmp_path / "parts") == 0
    whole, parts = (load_checkpoint(Run(tmp_path / name).checkpoint_folder(6)) for name in ("whole", "parts"))
    for name in ("weights", "ema", "optimizer"):
        one, other = getattr(whole, name), getattr(parts, name)
        assert set(one) == set(other) and one and all(torch.equal(one[key], other[key]) for key in one), name
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")


def train_on(run: Path, *more: str) -> int:
    from training.train_command import main

    return main([str(run), "--resume", "--device", "cpu", *more])


def test_another_recipe_is_refused(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    assert train(tmp_path / "run", base, store, "--steps", "1") == 0
    for words in (["--set", "lr=5e-5"], ["--recipe", "12gb"], ["--steps", "9"], ["--pairs", "x"], ["--store", "y"]):
        capsys.readouterr()
        assert train_on(tmp_path / "run", *words) == 2
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) == 1 and ("began" in error[0]), words
    assert train_on(tmp_path / "run", "--set", "lr=1e-3", "--store", str(store), "--model", str(base)) == 0


def test_changed_pairs_are_refused_and_later_ones_have_no_part(
    base: Path, store: Path, tmp_path: Path, capsys: Said
) -> None:
    assert train(tmp_path / "run", base, store, "--steps", "1") == 0
    source = picture(50)
    PairStore(store).add(RawPair("make it dark", source, source // 3))
    assert train_on(tmp_path / "run") == 0
    first = Run(tmp_path / "run").sheet().train[0]
    PairStore(store).edit(first, enabled=False)
    capsys.readouterr()
    assert train_on(tmp_path / "run") == 3
    assert "1 of its pairs are gone or switched off" in capsys.readouterr().err


def test_checkpoints_of_another_training_are_refused(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    assert train(tmp_path / "run", base, store, "--steps", "1") == 0
    checkpoint = load_checkpoint(Run(tmp_path / "run").checkpoint_folder(1))
    object.__setattr__(checkpoint, "belongs", {**checkpoint.belongs, "base": "another"})
    save_checkpoint(Run(tmp_path / "run"), checkpoint)
    capsys.readouterr()
    assert train_on(tmp_path / "run") == 4
    assert "belong to another training" in capsys.readouterr().err


def test_another_base_is_refused(base: Path, store: Path, tmp_path: Path, capsys: Said) -> None:
    assert train(tmp_path / "run", base, store, "--steps", "1") == 0
    sheet = json.loads((tmp_path / "run" / "run.json").read_text())
    sheet["base"]["sha256"] = "0" * 64
    (tmp_path / "run" / "run.json").write_text(json.dumps(sheet))
    capsys.readouterr()
    assert train_on(tmp_path / "run") == 2
    assert "not the model any more" in capsys.readouterr().err


def test_a_stop_among_the_preparations_ends_them_and_the_training_can_be_resumed(
    base: Path, store: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    stopped = Control()
    stopped.stop()
    settings = (*SETTINGS, "steps=2")
    with monkeypatch.context() as patch:
        patch.setattr("training.train_work.standard_control", lambda events: stopped)
        patch.setattr(Training, "train", None)
        assert train(tmp_path / "run", base, store, settings=settings) == 0
    state = Run(tmp_path / "run").state()
    assert state is not None and (state.step, state.status) == (0, "stopped")
    assert train_on(tmp_path / "run") == 0 and train(tmp_path / "whole", base, store, settings=settings) == 0
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="Gloo needs another network interface there")
def test_two_ranks_are_one_rank_with_twice_the_accumulation(base: Path, store: Path, tmp_path: Path) -> None:
    settings = (*SETTINGS, "steps=3", "batch=2", "clip=0.5")
    words = arguments(tmp_path / "two", base, store, settings=settings)
    # --cpu would start one process, whatever --num_processes says; --device cpu keeps both on the processor.
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
              "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]  # fmt: skip
    process = start([*launch, "-m", "training", "train", *words])
    _, error = process.communicate(timeout=170)
    assert process.returncode == 0, error
    assert train(tmp_path / "one", base, store, settings=(*settings, "accumulation=2")) == 0
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    assert len(set(losses(tmp_path / "one"))) == 3
    weights = [load_checkpoint(Run(tmp_path / name).checkpoint_folder(3)).weights for name in ("one", "two")]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], rtol=0, atol=1e-4)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_as_a_process_it_is_steered_by_its_input(base: Path, store: Path, tmp_path: Path) -> None:
    words = arguments(
        tmp_path / "run", base, store, "--events", settings=(*SETTINGS, "steps=5000", "sample_every=9999")
    )
    process = start(["-P", "-m", "training", "train", *words])
    assert process.stdin is not None and process.stdout is not None
    kinds: list[str] = []
    for line in process.stdout:
        event = json.loads(line)
        kinds.append(event["event"])
        if kinds.count("step") == 2 and "paused" not in kinds:
            process.stdin.write("pause\n")
        elif event["event"] == "paused":
            process.stdin.write("resume\n")
        elif event["event"] == "resumed":
            process.stdin.close()  # whoever started it is gone
        if not process.stdin.closed:
            process.stdin.flush()
    assert process.wait(60) == 0 and kinds[-1] == "stopped" and kinds.index("paused") < kinds.index("resumed")
    process.stdout.close()
    assert process.stderr is not None and process.stderr.read() == ""
    process.stderr.close()
    state = Run(tmp_path / "run").state()
    assert state is not None and state.status == "stopped" and state.step == Run(tmp_path / "run").checkpoints()[0][0]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_ctrl_c_saves_and_ends_with_130(base: Path, store: Path, tmp_path: Path) -> None:
    import signal

    words = arguments(
        tmp_path / "run", base, store, "--events", settings=(*SETTINGS, "steps=5000", "sample_every=9999")
    )
    process = start(["-P", "-m", "training", "train", *words], stdin=None)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "step":
            process.send_signal(signal.SIGINT)
            break
    output, error = process.communicate(timeout=60)
    assert process.returncode == 130 and re.fullmatch(r"The training was interrupted; go on with --resume\.\n", error)
    assert Run(tmp_path / "run").checkpoints() and "stopped" not in output
