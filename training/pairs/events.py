"""What `palimpsest pairs` says while it works, and how it is told to stop. Without PyTorch."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import threading
import time
from collections.abc import Mapping

INTERVAL = 0.2
"""Seconds between two events of progress."""


class Stopped(Exception):
    """The work is to end: whoever started it closed its input."""


class Told:
    """Progress as JSON lines on standard output, as a line that moves on a terminal, or not at all.

    events: somebody reads JSON; where they hold the input open, its end, also by dying, means stop.
    """

    def __init__(self, events: bool) -> None:
        self._events = events
        self._stop = threading.Event()
        self._last = 0.0
        if events and _is_pipe():
            threading.Thread(target=self._follow_input, daemon=True).start()

    def progress(self, stage: str, fraction: float) -> None:
        """Raises `Stopped` where the work is to end."""
        if self._stop.is_set():
            raise Stopped
        now = time.monotonic()
        if now - self._last < INTERVAL and fraction < 1:
            return
        self._last = now
        if self._events:
            self.say({"event": "progress", "stage": stage, "fraction": round(fraction, 4)})
        elif sys.stderr.isatty():
            print(f"\r{stage} {fraction:4.0%}", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)

    def say(self, message: Mapping[str, object]) -> None:
        """One JSON object on a line."""
        print(json.dumps(dict(message)), flush=True)

    def _follow_input(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(sys.stdin.fileno(), 4096):
                continue
        self._stop.set()


def _is_pipe() -> bool:
    """True where somebody holds the other end of the input: a terminal's or an empty one's end says nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # there is no input at all
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
