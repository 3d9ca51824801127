"""The engine's process: `python -P -m inference.worker PACKAGE [--provider NAME] [--memory-limit BYTES]`.

Started and spoken to by `inference.client`; the messages are those of `inference.wire`. It ends with its input, also
while it computes, so that it never outlives its parent; a driver's fault or an arena that grew costs no document.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from inference import wire
from inference.errors import EngineError
from inference.offline import stay_offline
from inference.types import CancelToken

if TYPE_CHECKING:
    from inference.engine import Engine

HEARTBEAT_SECONDS = 1.0
_JOBS = ("edit", "prefetch", "make_ready")


class Worker:
    """Does one edit after the other; one thread listens for requests and cancels, another tells that it is alive."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._writing = threading.Lock()
        self._jobs: queue.Queue[wire.Message] = queue.Queue()
        self._tokens: dict[int, CancelToken] = {}
        self._file: Path | None = None
        self._provider = ""

    def run(self, package: Path, provider: str, memory_limit: int | None) -> None:
        """Until the input ends. A failed start is told and ends the process."""
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        try:
            engine = _open(package, provider, memory_limit)
        except Exception as error:
            self._fail(None, error)
            return
        self._tell_provider(engine)
        while True:
            self._work(engine, self._jobs.get())

    def _work(self, engine: Engine, message: wire.Message) -> None:
        job = int(message["job"])
        try:
            self._do(engine, message, self._tokens[job])
            self._send({"is": "done", "job": job})
        except Exception as error:
            self._fail(job, error)
        finally:
            self._tokens.pop(job)

    def _do(self, engine: Engine, message: wire.Message, cancel: CancelToken) -> None:
        if message["do"] == "prefetch":
            engine.prefetch()
        elif message["do"] == "make_ready":
            engine.make_ready(cancel)
        else:
            self._edit(engine, message, cancel)

    def _edit(self, engine: Engine, message: wire.Message, cancel: CancelToken) -> None:
        self._file = Path(message["file"])
        try:
            self._events(engine, message, cancel)
        finally:
            self._file = None

    def _events(self, engine: Engine, message: wire.Message, cancel: CancelToken) -> None:
        pixels = wire.PixelFile(Path(message["file"]), message["request"])
        try:
            request = wire.request_from(message["request"], pixels)
            for event in engine.edit(request, cancel, previews=bool(message["previews"])):
                self._tell_provider(engine)
                self._send({**wire.event_message(event, pixels), "job": message["job"]})
        finally:
            pixels.close()

    def _tell_provider(self, engine: Engine) -> None:
        """What the engine runs on, at first and whenever it is another."""
        if engine.chosen.provider.name != self._provider:
            self._provider = engine.chosen.provider.name
            self._send({"is": "ready", "provider": self._provider, "passed_over": engine.chosen.passed_over})

    def _fail(self, job: int | None, error: Exception) -> None:
        if not isinstance(error, EngineError):
            traceback.print_exception(error)
        self._send({**wire.error_message(error), "job": job})

    def _listen(self) -> None:
        """Take messages until the input ends; then end the process at once, whatever it is computing."""
        for line in self._source:
            message = wire.read(line)
            if message is not None:
                self._take(message)
        self._leave()

    def _take(self, message: wire.Message) -> None:
        job = int(message["job"])
        if message["do"] in _JOBS:
            self._tokens[job] = CancelToken()
            self._jobs.put(message)
        elif message["do"] == "cancel" and job in self._tokens:
            self._tokens[job].cancel()

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(HEARTBEAT_SECONDS):
            self._send({"is": "alive"})

    def _send(self, message: dict[str, object]) -> None:
        with self._writing:
            try:
                wire.write(self._sink, message)
            except OSError:  # nobody is left to hear it
                self._leave()

    def _leave(self) -> None:
        """End the process from whatever thread; the parent that would have deleted the pixels is gone."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        os._exit(0)


def _open(package: Path, provider: str, memory_limit: int | None) -> Engine:
    # Imported here, where heartbeats already go out: ONNX Runtime and a provider's libraries may take seconds.
    from inference.engine import Engine
    from inference.package import open_package

    return Engine.open(open_package(package), provider, memory_limit)


def _private_output() -> BinaryIO:
    """Standard output for messages alone: what a library prints goes to standard error instead."""
    private = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return private


def main() -> None:
    parser = argparse.ArgumentParser(prog="inference.worker")
    parser.add_argument("package", type=Path)
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--memory-limit", type=int)
    arguments = parser.parse_args()
    stay_offline()
    # Control-C reaches every process of a terminal; the parent decides what it means and sends a cancel.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = Worker(sys.stdin.buffer, _private_output())
    worker.run(arguments.package, arguments.provider, arguments.memory_limit)


if __name__ == "__main__":
    main()
