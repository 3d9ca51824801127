"""Commands that belong to `python -m training`, run as a process of their own: this one never imports torch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType

from inference import child

_SHELL_SIGNAL = 128
"""A shell adds a signal's number to this for the exit code of what it ended."""


def hand_over(name: str, words: Sequence[str]) -> int:
    """Run `python -m training NAME WORDS` with our input and output; returns its exit code.

    Control-C and a polite kill are the other process's to answer: it may have work to save, and we wait for it.
    """
    with _Signals().passed_on() as signals:
        process = subprocess.Popen(child.command("training", [name, *words]), env=child.environment())
        signals.begin(process)
        code = process.wait()
    return code if code >= 0 else _SHELL_SIGNAL - code


class _Signals:
    """Passes signals on to a process, once each: for a training a second Control-C means to leave without saving."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def begin(self, process: subprocess.Popen[bytes]) -> None:
        """The process to pass them to, those that came early too."""
        self._process = process
        for number in self._early:
            self._pass_on(number)

    @contextmanager
    def passed_on(self) -> Generator[_Signals, None, None]:
        """Inside this block no signal ends this process. In the main thread."""
        before = {number: signal.signal(number, self._came) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _came(self, number: int, frame: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        if self._process is not None and not (number == signal.SIGINT and _terminal_tells_all()):
            self._process.send_signal(number)


def _terminal_tells_all() -> bool:
    """True where Control-C in a terminal reaches the other process by itself, as it does all of the foreground."""
    if sys.platform == "win32":
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
