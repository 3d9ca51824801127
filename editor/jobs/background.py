"""Work in threads, with its results back on the thread of the window."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, QTimer, Signal, Slot

from editor.edits.background import InlineBackground, Job, Progress

__all__ = ["Background", "InlineBackground", "Job", "Progress"]

T = TypeVar("T")
Call = Callable[[], None]


class Post(QObject):
    """Calls functions on the thread that made it, from whatever thread they are posted."""

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._posted.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def __call__(self, call: Call) -> None:
        self._posted.emit(call)

    @Slot(object)
    def _call(self, call: Call) -> None:
        call()


class _Job:
    """One piece of work; also what it gets for telling its progress."""

    def __init__(
        self,
        post: Post,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        progress: Callable[[float], None] | None,
    ) -> None:
        self._post, self._done, self._failed, self._progress = post, done, failed, progress
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        self._cancelled = True

    def __call__(self, fraction: float) -> None:
        progress = self._progress
        if progress is not None:
            self._post(lambda: self._deliver(progress, fraction))

    def work(self, work: Callable[[Progress], Any]) -> None:
        """On the thread of the pool."""
        if self._cancelled:
            return
        try:
            result = work(self)
        except Exception as error:
            failure = error
            self._post(lambda: self._deliver(self._failed, failure))
        else:
            self._post(lambda: self._deliver(self._done, result))

    def _deliver(self, receiver: Callable[[Any], None], value: Any) -> None:
        if not self._cancelled:
            receiver(value)


class _Run(QRunnable):
    def __init__(self, call: Call) -> None:
        super().__init__()
        self._work = call

    def run(self) -> None:
        self._work()


class Background:
    """Make it on the thread of the window; `close` waits for what still runs."""

    def __init__(self, threads: int = 2) -> None:
        self._post = Post()
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(threads)
        self._jobs: weakref.WeakSet[_Job] = weakref.WeakSet()

    def run(
        self,
        work: Callable[[Progress], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        progress: Callable[[float], None] | None = None,
    ) -> Job:
        """Run `work` in a thread; `done`, `failed` and `progress` come on this one, and never after `cancel`."""
        job = _Job(self._post, done, failed, progress)
        self._jobs.add(job)
        self._pool.start(_Run(lambda: job.work(work)))
        return job

    def later(self, seconds: float, call: Call) -> Job:
        """Call `call` on this thread after so long, unless it was cancelled."""
        job = _Job(self._post, lambda value: call(), lambda error: None, None)
        self._jobs.add(job)
        QTimer.singleShot(round(seconds * 1000), self._post, lambda: None if job.cancelled else call())
        return job

    def close(self, seconds: float = 10.0) -> bool:
        """Cancel everything and wait for the threads; False where one did not end in time."""
        for job in list(self._jobs):
            job.cancel()
        self._pool.clear()
        return self._pool.waitForDone(round(seconds * 1000))
