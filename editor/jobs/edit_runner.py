"""Edits in the engine's child process, with their events on the thread of the window."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from editor.edits.runner import EditHandle, EditListener, EngineStatus
from editor.jobs.background import Post
from inference.client import EngineClient
from inference.errors import EngineDied, EngineError
from inference.types import CancelToken, EditRequest, Event

UNEXPECTED = "Unexpected"

IDLE_SECONDS = 600.0


class EditEngine(Protocol):
    """An engine in this process, its client, or a stand-in."""

    def edit(self, request: EditRequest, cancel: CancelToken) -> Iterator[Event]: ...


class _Edit:
    """One edit on its way; the handle that its owner has."""

    def __init__(self, package: str, request: EditRequest, listener: EditListener) -> None:
        self.package, self.request = package, request
        self.token = CancelToken()
        self._listener: EditListener | None = listener

    def cancel(self) -> None:
        # A stopper may wait for a pipe: not on the thread of the window.
        threading.Thread(target=self.token.cancel, daemon=True).start()

    def event(self, event: Event) -> None:
        """On the thread of the window, as the two below; what comes after the end is dropped."""
        if self._listener is not None and not self.token.cancelled:
            self._listener.on_event(event)

    def done(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.on_done()

    def failed(self, error: Exception) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.on_error(*described(error))


def described(error: Exception) -> tuple[str, str]:
    """(sentence, kind) of an error, as a listener gets it."""
    if isinstance(error, EngineError):
        return str(error), type(error).__name__
    return f"The edit failed unexpectedly ({type(error).__name__}: {error}).", UNEXPECTED


class ProcessEditRunner:
    """One engine process at a time, kept for the next edit with the same package; edits run one after the other.

    find: the folder of a package by its name; may raise EngineError. Make it on the thread of the window.
    memory_limit: bytes that an edit may take; None for what is free. idle: seconds without an edit after which the
    process ends, and its memory is free; the next edit starts it again. 0: it stays.
    """

    def __init__(
        self,
        find: Callable[[str], Path],
        provider: str = "auto",
        memory_limit: int | None = None,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self._find, self._provider, self._limit, self._idle = find, provider, memory_limit, idle
        self._post = Post()
        self._status = EngineStatus()
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._client: EngineClient | None = None
        self._folder: Path | None = None
        self._package = ""
        self._edits: set[_Edit] = set()
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The engine's process, while there is one."""
        client = self._client
        return None if client is None else client.pid

    def status(self) -> EngineStatus:
        return self._status

    def start(self, package_name: str, request: EditRequest, listener: EditListener) -> EditHandle:
        edit = _Edit(package_name, request, listener)
        self._edits.add(edit)
        self._put(lambda: self._run(edit))
        return edit

    def prewarm(self, package_name: str) -> None:
        """Start the process and have it load the model's networks, so that the first edit finds them ready."""
        self._put(lambda: self._prewarm(package_name))

    def close(self, seconds: float = 5.0) -> None:
        """Cancel everything, end the process and the thread. Nothing is delivered afterwards."""
        self._closing = True
        for edit in tuple(self._edits):
            edit.token.cancel()
        thread, self._thread = self._thread, None
        if thread is not None:
            self._work.put(None)
            thread.join(seconds)
        self._drop()

    def _put(self, work: Callable[[], None]) -> None:
        if self._closing:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="edits", daemon=True)
            self._thread.start()
        self._work.put(work)

    # What follows runs on the thread of the edits.

    def _loop(self) -> None:
        while True:
            running = self._client is not None and self._client.pid is not None
            try:
                work = self._work.get(timeout=self._idle if self._idle and running else None)
            except queue.Empty:
                self._rest()
                continue
            if work is None:
                return
            work()

    def _rest(self) -> None:
        """Nothing was to do for long: end the process."""
        if self._client is not None:
            self._client.close()
            self._tell(self._package, "resting")

    def _run(self, edit: _Edit) -> None:
        try:
            edit.token.raise_if_cancelled()
            client = self._client_for(edit.package)
            self._tell(edit.package, "starting" if client.pid is None else "busy")
            for event in client.edit(edit.request, edit.token):
                self._tell(edit.package, "busy")
                self._to_window(lambda event=event: edit.event(event))
        except Exception as error:
            self._ended(edit, error)
        else:
            self._ended(edit, None)

    def _ended(self, edit: _Edit, error: Exception | None) -> None:
        self._edits.discard(edit)
        running = self._client is not None and self._client.pid is not None
        self._tell(edit.package, "died" if isinstance(error, EngineDied) else "ready" if running else "")
        self._to_window(edit.done if error is None else lambda: edit.failed(error))

    def _prewarm(self, package: str) -> None:
        try:
            client = self._client_for(package)
            self._tell(package, "starting")
            client.prepare()
            self._tell(package, "ready")
        except EngineError as error:
            self._tell(package, "died" if isinstance(error, EngineDied) else "")

    def _client_for(self, package: str) -> EngineClient:
        folder = self._find(package)
        if self._client is None or folder != self._folder:
            self._drop()
            self._client, self._folder = EngineClient(folder, self._provider, self._limit), folder
        self._package = package
        return self._client

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _tell(self, package: str, state: str) -> None:
        client = self._client
        provider = (client.provider if client is not None else None) or ""
        reasons = client.passed_over if client is not None else ()
        self._to_window(lambda: self._show(package, state, provider, reasons))

    def _show(self, package: str, state: str, provider: str, reasons: tuple[tuple[str, str], ...]) -> None:
        self._status.model, self._status.provider, self._status.reasons = package, provider, reasons
        self._status.state = state

    def _to_window(self, call: Callable[[], None]) -> None:
        self._post(lambda: None if self._closing else call())


class InlineEditRunner:
    """Runs an edit to its end within `start`, on the calling thread: for tests.

    paced: waits for `step()` instead, one event each, so that a test can look and cancel in between.
    """

    def __init__(self, engine: EditEngine, *, paced: bool = False) -> None:
        self._engine, self._paced = engine, paced
        self._status = EngineStatus()
        self._waiting: list[tuple[_Edit, Iterator[Event]]] = []

    def status(self) -> EngineStatus:
        return self._status

    def start(self, package_name: str, request: EditRequest, listener: EditListener) -> EditHandle:
        edit = _Edit(package_name, request, listener)
        self._status.model, self._status.provider, self._status.state = package_name, "cpu", "busy"
        self._waiting.append((edit, self._engine.edit(request, edit.token)))
        while not self._paced and self.step():
            pass
        return _Now(edit)

    def prewarm(self, package_name: str) -> None:
        self._status.model, self._status.provider, self._status.state = package_name, "cpu", "ready"

    def close(self) -> None:
        self._waiting.clear()

    def step(self) -> bool:
        """One event of the edit at work; False when there is none."""
        if not self._waiting:
            return False
        edit, events = self._waiting[0]
        try:
            edit.token.raise_if_cancelled()
            edit.event(next(events))
        except StopIteration:
            self._end(edit.done, "ready")
        except Exception as error:
            failure = error
            self._end(lambda: edit.failed(failure), "died" if isinstance(error, EngineDied) else "ready")
        return True

    def _end(self, tell: Callable[[], None], state: str) -> None:
        self._waiting.pop(0)
        self._status.state = state
        tell()


class _Now:
    def __init__(self, edit: _Edit) -> None:
        self._edit = edit

    def cancel(self) -> None:
        self._edit.token.cancel()
