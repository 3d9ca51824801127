"""The end of each variant, done beside the steps of the next ones where another device computes those."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager

from inference.types import Variant


class Finishing:
    """Variants being finished, handed out in the order in which they were begun."""

    def __init__(self, executor: Executor | None) -> None:
        self._executor = executor
        self._begun: list[Future[Variant]] = []

    def begin(self, work: Callable[[], Variant]) -> None:
        """Do it beside what comes next, or now where there is no executor."""
        if self._executor is not None:
            self._begun.append(self._executor.submit(work))
            return
        done = Future[Variant]()
        done.set_result(work())
        self._begun.append(done)

    def ready(self) -> Iterator[Variant]:
        while self._begun and self._begun[0].done():
            yield self._begun.pop(0).result()

    def rest(self) -> Iterator[Variant]:
        while self._begun:
            yield self._begun.pop(0).result()

    def stop(self) -> None:
        """Nothing goes on behind the back of whoever left early."""
        for future in self._begun:
            future.cancel()
        wait(self._begun)


@contextmanager
def finishing(executor: Executor | None) -> Generator[Finishing, None, None]:
    """executor: None to do everything in its turn. What was begun has ended when the block does."""
    finish = Finishing(executor)
    try:
        yield finish
    finally:
        finish.stop()
