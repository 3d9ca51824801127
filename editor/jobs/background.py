"""Work in threads, with its results back on the thread of the window."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, QTimerEvent, Signal, Slot

from editor.edits.background import InlineBackground, Job, Progress

__all__ = ["Background", "InlineBackground", "Job", "Progress"]

T = TypeVar("T")
Call = Callable[[], None]


class Post(QObject):
    """Calls functions on the thread that made it, from whatever thread they are posted."""

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[int, Call] = {}
        self._posted.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def __call__(self, call: Call) -> None:
        self._posted.emit(call)

    def later(self, seconds: float, call: Call) -> None:
        """Call `call` after so long; from the thread that made this only."""
        self._waiting[self.startTimer(round(seconds * 1000))] = call

    def timerEvent(self, event: QTimerEvent) -> None:
        self.killTimer(event.timerId())
        self._waiting.pop(event.timerId(), _nothing)()

    @Slot(object)
    def _call(self, call: Call) -> None:
        call()


def _nothing() -> None:
    """For a timer that is known no more."""


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


class Background:
    """Make it on the thread of the window; `close` waits for what still runs."""

    def __init__(self, threads: int = 2) -> None:
        self._post = Post()
        # Python's threads and not Qt's: their pool deletes what it has run while Python may still hold it.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="work")
        self._jobs: dict[Future[None], _Job] = {}
        self._closed = False

    def run(
        self,
        work: Callable[[Progress], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        progress: Callable[[float], None] | None = None,
    ) -> Job:
        """Run `work` in a thread; `done`, `failed` and `progress` come on this one, and never after `cancel`."""
        job = _Job(self._post, done, failed, progress)
        if self._closed:
            job.cancel()
            return job
        self._jobs = {future: other for future, other in self._jobs.items() if not future.done()}
        self._jobs[self._pool.submit(job.work, work)] = job
        return job

    def later(self, seconds: float, call: Call) -> Job:
        """Call `call` on this thread after so long, unless it was cancelled."""
        job = _Job(self._post, lambda value: call(), lambda error: None, None)
        self._post.later(seconds, lambda: None if job.cancelled or self._closed else call())
        return job

    def close(self, seconds: float = 10.0) -> bool:
        """Cancel everything and wait for the threads; False where one did not end in time."""
        self._closed = True
        for job in self._jobs.values():
            job.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not wait(self._jobs, seconds).not_done
