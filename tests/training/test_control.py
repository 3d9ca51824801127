"""Lines of input and signals steer a training, and what it says is lines too."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from training.control import Control, is_pipe
from training.events import as_lines, on_terminal


def test_lines_pause_resume_and_stop() -> None:
    control = Control()
    lines = ("pause\n", "??", "resume", "pause", "stop\n", "resume")
    for line, paused, stopping in zip(lines, (1, 1, 0, 1, 0, 0), (0, 0, 0, 0, 1, 1), strict=True):
        control.obey(line)
        assert (control.paused, control.stopping) == (paused, stopping)
    assert not control.interrupted


def _until(done: Any) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_end_of_the_input_stops() -> None:
    out, into = os.pipe()
    control = Control()
    with os.fdopen(out, "rb") as stream:
        control.follow(stream)
        os.write(into, b"pause\n")
        _until(lambda: control.paused)
        os.close(into)
        _until(lambda: control.stopping)


def test_a_process_ends_while_its_input_is_still_open() -> None:
    words = "from training.control import standard_control; import time; standard_control(True); time.sleep(0.2)"
    out, into = os.pipe()
    try:
        assert subprocess.run([sys.executable, "-c", words], stdin=out, timeout=60, check=False).returncode == 0
    finally:
        os.close(out)
        os.close(into)


def test_waiting_ends_with_the_pause_or_the_time() -> None:
    control = Control()
    control.wait(10)
    control.pause()
    started = time.monotonic()
    control.wait(0.05)
    assert 0.04 < time.monotonic() - started < 5
    threading.Timer(0.05, control.resume).start()
    control.wait(10)
    assert not control.paused and time.monotonic() - started < 9


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_the_first_signal_stops_and_the_second_ends_at_once() -> None:
    control, before = Control(), signal.getsignal(signal.SIGINT)
    with control.signals():
        os.kill(os.getpid(), signal.SIGINT)
        _until(lambda: control.stopping)
        assert control.interrupted
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
    assert signal.getsignal(signal.SIGINT) is before


def test_only_a_pipe_has_somebody_at_its_other_end() -> None:
    out, into = os.pipe()
    with os.fdopen(out) as reader, os.fdopen(into, "w"), Path(os.devnull).open() as nothing:
        assert is_pipe(reader) and not is_pipe(nothing) and not is_pipe(None) and not is_pipe(io.StringIO())


def test_events_are_lines_of_json() -> None:
    stream = io.StringIO()
    say = as_lines(stream)
    say({"event": "note", "text": "ä\nb"})
    say({"event": "stopped", "step": 3})
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "note", "text": "ä\nb"}, {"event": "stopped", "step": 3},
    ]  # fmt: skip


def test_a_reader_that_has_gone_is_no_fault() -> None:
    out, into = os.pipe()
    stream = os.fdopen(into, "w")
    say = as_lines(stream)
    os.close(out)
    for _ in range(3):
        say({"event": "step"})
    stream.close()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


STEP = {"event": "step", "step": 5, "steps": 10, "loss": 0.25, "seconds_left": 61.0}
ENDING = {"event": "done", "run": "/runs/gold", "step": 10, "seconds": 3.0}


def test_a_terminal_shows_a_bar_and_lines() -> None:
    stream = _Terminal()
    say = on_terminal(stream)
    for event in (
        {"event": "stage", "stage": "loading", "fraction": 0.5},
        STEP,
        {"event": "note", "text": "Mind."},
        ENDING,
    ):
        say(event)
    assert (
        "Mind." in stream.getvalue()
        and "Done after 10 steps" in stream.getvalue()
        and "/runs/gold" in stream.getvalue()
    )


def test_elsewhere_only_what_lasts_is_shown() -> None:
    stream = io.StringIO()
    say = on_terminal(stream)
    for event in (
        {"event": "stage", "stage": "loading", "fraction": 0.5},
        STEP,
        {"event": "note", "text": "Mind."},
        ENDING,
    ):
        say(event)
    assert stream.getvalue().splitlines()[0] == "Mind." and "5/10" not in stream.getvalue()


def test_elsewhere_a_checkpoint_says_how_far_it_is() -> None:
    stream = io.StringIO()
    say = on_terminal(stream)
    say(STEP)
    say({"event": "checkpoint", "step": 5, "path": "/runs/gold/5"})
    assert stream.getvalue() == "5/10  loss 0.2500  0:01:01 left  Saved /runs/gold/5\n"
