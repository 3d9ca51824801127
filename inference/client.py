"""The engine in a child process, used like the engine itself.

A child that dies, however it dies, gives one `EngineDied`; the next request starts a fresh one.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from inference import wire
from inference.child import Child
from inference.errors import Cancelled, EngineDied, EngineError
from inference.types import CancelToken, EditRequest, Event

# How often a wait looks at the child's health.
_POLL_SECONDS = 0.2
# How long a child may take to end by itself.
_END_SECONDS = 2.0


class EngineClient:
    """`edit` has the contract of `Engine.edit` and gives bit-identical results. One edit at a time.

    silence: seconds without a sign of life (one comes every second) after which the child counts as hung and is killed.
    grace: seconds that a cancelled child has to stop before it is killed.
    """

    def __init__(
        self,
        package_folder: Path,
        provider: str = "auto",
        memory_limit: int | None = None,
        *,
        silence: float = 60.0,
        grace: float = 15.0,
    ) -> None:
        limit = [] if memory_limit is None else ["--memory-limit", str(memory_limit)]
        self._arguments = [str(package_folder.absolute()), "--provider", provider, *limit]
        self.silence, self.grace = silence, grace
        self._child: Child | None = None
        self._jobs = itertools.count(1)
        self._busy = threading.Lock()
        self.provider: str | None = None
        self.passed_over: tuple[tuple[str, str], ...] = ()
        self.diagnosis = ""

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is a child."""
        return self._child.pid if self._child else None

    def edit(self, request: EditRequest, cancel: CancelToken, *, previews: bool = True) -> Iterator[Event]:
        """As `Engine.edit`; raises also `EngineDied`. Leaving the iterator early cancels the edit.

        `provider` and `passed_over` tell what the child chose as soon as the first event is there; `diagnosis` is the
        end of what a child that ended wrote to its standard error.
        """
        with self._at_work():
            cancel.raise_if_cancelled()
            yield from self._with_pixels(request, cancel, previews)

    def prepare(self, cancel: CancelToken | None = None) -> None:
        """Start the child and let it begin to load the models, so that the first edit finds them ready.

        Returns when a provider is chosen; the loading goes on in the child. Raises as `edit`.
        """
        self._do("prefetch", cancel or CancelToken())

    def make_ready(self, cancel: CancelToken) -> None:
        """As `Engine.make_ready`; raises as `edit`. A child that was cancelled may still be at it: `close` ends it."""
        self._do("make_ready", cancel)

    def close(self) -> None:
        """End the child. A later request would start a fresh one."""
        self._drop(_END_SECONDS)

    def _do(self, what: str, cancel: CancelToken) -> None:
        with self._at_work():
            job, child = next(self._jobs), self._running_child()
            child.send({"do": what, "job": job})
            take_back = cancel.on_cancel(lambda: child.send({"do": "cancel", "job": job}))
            try:
                for answer in self._answers(child, job, cancel):
                    if answer["is"] == "error":
                        raise wire.error_from(answer)
            finally:
                take_back()

    @contextmanager
    def _at_work(self) -> Generator[None, None, None]:
        if not self._busy.acquire(blocking=False):
            raise EngineError("The engine is at work on another edit: wait for it to end, or cancel it.")
        try:
            yield
        finally:
            self._busy.release()

    def _with_pixels(self, request: EditRequest, cancel: CancelToken, previews: bool) -> Iterator[Event]:
        pixels = wire.PixelFile.create(request)
        try:
            job = next(self._jobs)
            message = {"do": "edit", "job": job, "file": str(pixels.path), "previews": previews}
            child = self._running_child()
            child.send({**message, "request": wire.header(request)})
            take_back = cancel.on_cancel(lambda: child.send({"do": "cancel", "job": job}))
            try:
                yield from self._events(child, job, cancel, pixels)
            finally:
                take_back()
        finally:
            pixels.delete()

    def _running_child(self) -> Child:
        if self._child is not None and not self._child.running:
            self._drop()
        if self._child is None:
            self._child = Child("inference.worker", self._arguments)
        return self._child

    def _events(self, child: Child, job: int, cancel: CancelToken, pixels: wire.PixelFile) -> Iterator[Event]:
        finished = False
        try:
            for answer in self._answers(child, job, cancel):
                finished = answer["is"] in ("done", "error")
                if answer["is"] == "error":
                    raise wire.error_from(answer)
                event = wire.event_from(answer, pixels)
                if event is not None:
                    yield event
        finally:
            if not finished:
                self._stop(child, job)

    def _answers(self, child: Child, job: int, cancel: CancelToken) -> Iterator[wire.Message]:
        """The messages of `job` up to its last one. Those of an unknown job are dropped."""
        cancelled_at: float | None = None
        while True:
            answer = child.next_message(_POLL_SECONDS)
            if answer is None:
                self._check_health(child, cancelled_at)
            elif answer["is"] == "ended":
                raise self._died(child)
            elif answer["is"] == "ready":
                self.provider = answer["provider"]
                self.passed_over = tuple((name, reason) for name, reason in answer["passed_over"])
            elif answer["job"] in (job, None):
                if answer["job"] is None:  # it could not start, and ends
                    self._drop(_END_SECONDS)
                yield answer
                if answer["is"] in ("done", "error"):
                    return
            if cancelled_at is None and cancel.cancelled:
                cancelled_at = time.monotonic()

    def _check_health(self, child: Child, cancelled_at: float | None) -> None:
        if cancelled_at is not None and time.monotonic() - cancelled_at > self.grace:
            self._drop()
            raise Cancelled
        if child.silent_seconds > self.silence:
            self._drop()
            raise EngineDied(
                "The engine stopped answering and was ended: run the edit again, and if it happens again, smaller."
            )

    def _died(self, child: Child) -> EngineDied:
        how = child.how_it_ended()
        self._drop()
        return EngineDied(
            f"The engine's process ended while it was working ({how}): run the edit again, smaller if it repeats."
        )

    def _stop(self, child: Child, job: int) -> None:
        """Bring a child to rest whose job was left early; nothing to do where it is gone already."""
        if child is not self._child:
            return
        child.send({"do": "cancel", "job": job})
        deadline = time.monotonic() + self.grace
        while time.monotonic() < deadline:
            answer = child.next_message(_POLL_SECONDS) or {"is": "nothing"}
            if answer["is"] in ("done", "error") and answer["job"] == job:
                return
            if answer["is"] == "ended":
                break
        self._drop()

    def _drop(self, seconds: float = 0.0) -> None:
        if self._child is not None:
            self.diagnosis = self._child.end(seconds)
        self._child = None
