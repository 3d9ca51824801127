"""A module of this program as a process of its own, spoken to in the messages of `inference.wire`."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from inference import wire

# Where the packages of this program lie: a checkout or site-packages.
_ROOT = Path(__file__).resolve().parents[1]

_STDERR_BYTES = 20_000


def command(module: str, arguments: Sequence[str] = ()) -> list[str]:
    """The command line that runs `module`; -P keeps files in the working folder from being imported by accident."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """This process's environment, in which the child finds the same packages, also in a checkout."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def ending(code: int) -> str:
    """How a process ended, in words."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


class Child:
    """One started process. Its last message is always {"is": "ended"}, made here when its output ends."""

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        # A file and not a pipe: nobody has to read it while the child works, and a flood of lines cannot block it.
        self._stderr = cast(BinaryIO, tempfile.TemporaryFile(prefix="palimpsest-"))  # noqa: SIM115
        self._process = subprocess.Popen(
            command(module, arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment(),
            creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        )
        self._messages: queue.Queue[wire.Message] = queue.Queue()
        self._heard = time.monotonic()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def silent_seconds(self) -> float:
        """How long nothing has come from the child."""
        return time.monotonic() - self._heard

    def send(self, message: Mapping[str, object]) -> None:
        """From any thread. A child that is gone takes nothing; that it is gone comes as its last message."""
        with contextlib.suppress(OSError, ValueError):
            wire.write(cast(BinaryIO, self._process.stdin), message)

    def next_message(self, seconds: float) -> wire.Message | None:
        """The next message, or None when none came for so long."""
        try:
            return self._messages.get(timeout=seconds)
        except queue.Empty:
            return None

    def end(self, seconds: float) -> str:
        """Close the child's input, on which it ends; kill it where it has not ended after `seconds`.

        Returns the end of what it wrote to its standard error.
        """
        with contextlib.suppress(OSError):
            cast(BinaryIO, self._process.stdin).close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        cast(BinaryIO, self._process.stdout).close()
        with self._stderr as stderr:
            stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _STDERR_BYTES))
            return stderr.read().decode("utf-8", "replace")

    def how_it_ended(self) -> str:
        """In words, for a process that has ended: `signal SIGKILL` or `exit code 1`."""
        return ending(self._process.wait())

    def _read(self) -> None:
        for line in cast(BinaryIO, self._process.stdout):
            self._heard = time.monotonic()
            message = wire.read(line)
            if message is not None and message["is"] != "alive":
                self._messages.put(message)
        self._messages.put({"is": "ended"})
