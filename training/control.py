"""How a training is told to pause, to go on and to stop: lines on its input, and signals. Without PyTorch."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Generator
from typing import IO, Any, BinaryIO

_POLL = 0.1


class Stopped(Exception):
    """A stop was wanted while there was nothing to save yet."""


class Control:
    """What is wanted of the training now; it looks between two steps.

    stopping: it is to save and end. interrupted: it was stopped by Ctrl-C or SIGTERM, not asked in its own way.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = self._stopping = self._interrupted = False

    @property
    def paused(self) -> bool:
        return self._paused and not self._stopping

    @property
    def stopping(self) -> bool:
        return self._stopping

    @property
    def interrupted(self) -> bool:
        return self._interrupted

    def pause(self) -> None:
        self._set(paused=True)

    def resume(self) -> None:
        self._set(paused=False)

    def stop(self) -> None:
        self._set(stopping=True)

    def interrupt(self) -> None:
        self._interrupted = True
        self._stopping = True  # no lock: a signal may come while this thread holds it

    def check(self) -> None:
        """Raises `Stopped` where it is to end."""
        if self.stopping:
            raise Stopped

    def wait(self, seconds: float) -> None:
        """While paused, until that changes or so much time has passed."""
        until = time.monotonic() + seconds
        with self._changed:
            while self.paused and time.monotonic() < until:
                self._changed.wait(_POLL)

    def _set(self, *, paused: bool = False, stopping: bool = False) -> None:
        with self._changed:
            self._paused = paused
            self._stopping = self._stopping or stopping
            self._changed.notify_all()

    def obey(self, line: str) -> None:
        """One line of input: "pause", "resume" or "stop"; anything else is passed over."""
        match line.strip():
            case "pause":
                self.pause()
            case "resume":
                self.resume()
            case "stop":
                self.stop()
            case _:
                pass

    def follow(self, stream: BinaryIO) -> None:
        """Obeys the lines of `stream`, in a thread of its own; the end of it stops."""
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: BinaryIO) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                self.obey(line.decode("utf-8", "replace"))
        self.stop()

    @contextlib.contextmanager
    def signals(self) -> Generator[None]:
        """Inside this block the first Ctrl-C or SIGTERM stops between two steps; a second Ctrl-C ends at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def first(number: int, frame: object) -> None:
            self.interrupt()
            signal.signal(signal.SIGINT, signal.default_int_handler)

        before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def is_pipe(stream: IO[Any] | None) -> bool:
    """True where somebody holds the other end: a terminal's or an empty input's end says nothing."""
    try:
        mode = os.fstat(stream.fileno()).st_mode if stream is not None else 0
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def standard_control(events: bool) -> Control:
    """A control that follows standard input where a program drives this one.

    A descriptor without a buffer: Python cannot end while another thread waits in the buffer of `sys.stdin`.
    """
    control = Control()
    if events and is_pipe(sys.stdin):
        control.follow(os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0))
    return control
