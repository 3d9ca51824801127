"""What the judging commands share: events, cancelling and exit codes."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from inference.errors import Cancelled, PackageError
from training.command_line import cancellation, count, exit_code, progress
from training.encoder_files import EncoderError
from training.export.errors import ExportTargetError
from training.pairs.pair import PairError
from training.train_errors import TrainInputError, TrainUsageError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Cancelled(), 130),
        (KeyboardInterrupt(), 130),
        (TrainUsageError("u"), 2),
        (PairError("p"), 3),
        (TrainInputError("i"), 3),
        (PackageError("m"), 4),
        (EncoderError("e"), 4),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 4),
        (ExportTargetError("t"), 5),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        raise error

    assert exit_code(work) == code
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1


def test_what_is_a_fault_of_the_program_is_no_sentence() -> None:
    def broken() -> None:
        raise ModuleNotFoundError("No module named 'training.nothing'", name="training.nothing")

    with pytest.raises(ModuleNotFoundError):
        exit_code(broken)
    with pytest.raises(ZeroDivisionError):
        exit_code(lambda: 1 / 0)
    assert exit_code(lambda: None) == 0


def test_progress_as_lines_leaves_out_small_steps(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(True) as show:
        for step in range(1001):
            show("judging", step / 1000)
        show("writing", 1.0)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0] == {"event": "progress", "stage": "judging", "fraction": 0.0}
    assert events[-1] == {"event": "progress", "stage": "writing", "fraction": 1.0}
    assert 150 < len(events) < 210


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        with progress(False) as show:
            show("judging: 3 of 4", 0.75)
            time.sleep(0.2)
        assert ("judging: 3 of 4" in stream.getvalue()) is shown


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sets_the_token_once_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with cancellation(False) as token:
        assert not token.cancelled
        signal.raise_signal(number)
        heard = threading.Event()
        token.on_cancel(heard.set)
        assert heard.wait(5) and token.cancelled
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_counts_are_whole_numbers_from_one() -> None:
    assert count("3") == 3
    with pytest.raises(argparse.ArgumentTypeError):
        count("0")
    with pytest.raises(ValueError, match="invalid literal"):
        count("a few")


def test_ctrl_c_while_the_libraries_are_read_is_one_sentence() -> None:
    words = (
        "import importlib, runpy, sys\n"
        "def read(name): raise KeyboardInterrupt\n"
        "importlib.import_module, sys.argv = read, ['training', 'train']\n"
        "runpy.run_module('training', run_name='__main__')"
    )
    ended = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (130, "It was interrupted before it began.\n")
