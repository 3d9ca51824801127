"""Work that takes longer than a frame, as the edits see it; `editor.jobs.background` runs it in threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """What a piece of work gets: it tells how far it is, and asks whether it is still wanted."""

    def __call__(self, fraction: float) -> None: ...

    @property
    def cancelled(self) -> bool: ...


class Job(Protocol):
    def cancel(self) -> None:
        """Nothing of the work's result is delivered any more; the work ends when it next asks."""
        ...


class Background(Protocol):
    def run(
        self,
        work: Callable[[Progress], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        progress: Callable[[float], None] | None = None,
    ) -> Job:
        """Run `work` aside; `done`, `failed` and `progress` are called on the thread of the window."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> Job:
        """Call `call` on the thread of the window after so long."""
        ...


class _Flag:
    def __init__(self, told: Callable[[float], None] | None = None) -> None:
        self._told = told
        self._cancelled = False

    def __call__(self, fraction: float) -> None:
        if self._told is not None and not self._cancelled:
            self._told(fraction)

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        self._cancelled = True


class InlineBackground:
    """Everything at once, on the calling thread: for tests and the command line. `later` waits for `run_pending`."""

    def __init__(self) -> None:
        self._pending: list[tuple[_Flag, Callable[[], None]]] = []

    def run(
        self,
        work: Callable[[Progress], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        progress: Callable[[float], None] | None = None,
    ) -> Job:
        flag = _Flag(progress)
        try:
            result = work(flag)
        except Exception as error:
            failed(error)
        else:
            done(result)
        return flag

    def later(self, seconds: float, call: Callable[[], None]) -> Job:
        flag = _Flag()
        self._pending.append((flag, call))
        return flag

    def run_pending(self) -> None:
        """What `later` was asked for, in order."""
        pending, self._pending = self._pending, []
        for flag, call in pending:
            if not flag.cancelled:
                call()
