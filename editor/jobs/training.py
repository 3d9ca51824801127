"""`python -m training COMMAND` as a process of its own: its events, its end in one sentence, its cancel. Without Qt."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, cast

from editor.core.errors import InputUnreadable, OutputNotWritable, UsageError
from inference import child
from inference.errors import Cancelled, PackageError
from inference.types import CancelToken

Message = Mapping[str, object]
Show = Callable[[Message], object]

POLL_SECONDS = 0.1
GRACE_SECONDS = 3.0
"""How long a cancelled process may take to end by itself."""
_STDERR_BYTES = 20_000


def command() -> list[str]:
    """What starts the training package; the words of a command follow."""
    return child.command("training")


@dataclass(frozen=True)
class Fault:
    """What is said of a process that ends without a word of its own: "WHAT ended unexpectedly (...); AFTER."."""

    what: str = "The import"
    after: str = "nothing was added"


class Control:
    """Lines for the input of a process, from any thread. Those that come before it has started wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._write: Callable[[str], None] | None = None
        self._end: Callable[[], None] | None = None
        self._closed = False

    def send(self, line: str) -> None:
        """A process that has ended takes nothing."""
        with self._lock:
            if self._write is None:
                self._waiting.append(line)
            else:
                self._write(line)

    def close(self) -> None:
        """There is nothing more to say."""
        with self._lock:
            self._closed = True
            if self._end is not None:
                self._end()

    def connect(self, write: Callable[[str], None], end: Callable[[], None]) -> None:
        """The process is there. end: closes its input."""
        with self._lock:
            self._write, self._end = write, end
            for line in self._waiting:
                write(line)
            self._waiting.clear()
            if self._closed:
                end()


def run(
    words: Sequence[str],
    show: Show,
    cancel: CancelToken,
    start: Sequence[str] | None = None,
    control: Control | None = None,
    fault: Fault | None = None,
) -> Message:
    """Run a command to its end; returns its last event, and `show` gets all of them, one by one.

    start: in place of `command()`. control: what is said to the process while it runs.
    On this thread, which waits. Raises `Cancelled`; an error in the process's own words, of the kind that its exit code
    says; and `PackageError` where it ends without a word.
    """
    cancel.raise_if_cancelled()
    # A file and not a pipe: nobody has to read it while the process works.
    with tempfile.TemporaryFile(prefix="palimpsest-") as stderr:
        process = _Process([*(start or command()), *words], stderr)
        if control is not None:
            control.connect(process.write, process.close_input)
        try:
            last = process.follow(show, cancel)
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.end()
        text = _end_of(stderr)
    cancel.raise_if_cancelled()
    if code == 0 and last is not None:
        return last
    raise _failure(code, text, fault or Fault())


class _Process:
    def __init__(self, words: Sequence[str], stderr: IO[bytes]) -> None:
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=child.environment(),
                # Control-C in a terminal is for us alone: the process is told in its own way, by its input's end.
                start_new_session=sys.platform != "win32",
                creationflags=_flags(),
            )
        except OSError as error:
            raise PackageError(f"{words[0]} cannot be started ({error.strerror or error}).") from error
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def follow(self, show: Show, cancel: CancelToken) -> Message | None:
        """Until its output ends; returns the last event."""
        last: Message | None = None
        asked = 0.0
        while True:
            if cancel.cancelled:
                asked = asked or self._ask_to_end()
                if time.monotonic() - asked > GRACE_SECONDS:
                    self.kill()
            try:
                line = self._lines.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if line is None:
                return last
            message = _parsed(line)
            if message is not None and not cancel.cancelled:
                last = message
                show(message)

    def write(self, line: str) -> None:
        """A line of its input."""
        with contextlib.suppress(OSError, ValueError):  # it may have ended
            stream = cast("IO[bytes]", self._process.stdin)
            stream.write(line.encode() + b"\n")
            stream.flush()

    def end(self) -> int:
        """Wait; returns the exit code."""
        code = self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                cast("IO[bytes]", stream).close()
        return code

    def kill(self) -> None:
        """At once, with the processes that it started itself."""
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def close_input(self) -> None:
        with contextlib.suppress(OSError):
            cast("IO[bytes]", self._process.stdin).close()

    def _ask_to_end(self) -> float:
        self.close_input()
        return time.monotonic()

    def _read(self) -> None:
        for line in cast("IO[bytes]", self._process.stdout):
            self._lines.put(line)
        self._lines.put(None)


def _end_of(stderr: IO[bytes]) -> str:
    stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _STDERR_BYTES))
    return stderr.read().decode("utf-8", "replace")


def _flags() -> int:
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP


def _parsed(line: bytes) -> Message | None:
    try:
        value: object = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _failure(code: int, text: str, fault: Fault) -> Exception:
    lines = [line for line in text.splitlines() if line.strip()]
    sentence = lines[-1].strip() if lines else ""
    # A traceback is no sentence for a user; its last line says at least what kind of fault it was. What a process says
    # before it is killed has nothing to do with that.
    trace = any(line.startswith("Traceback (most recent call last)") for line in lines)
    if not sentence or trace or code < 0:
        what = f": {sentence}" if trace else ""
        return PackageError(f"{fault.what} ended unexpectedly ({child.ending(code)}{what}); {fault.after}.")
    match code:
        case 2:
            return UsageError(sentence)
        case 3:
            return InputUnreadable(sentence)
        case 5:
            return OutputNotWritable(sentence)
        case 130:
            return Cancelled()
        case _:
            return PackageError(sentence)
