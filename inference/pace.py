"""Time: what each stage took, and how long an edit will still take."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Stopwatch:
    """Seconds per stage, in the order in which the stages came."""

    def __init__(self, seconds: Mapping[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = dict(seconds or {})

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    @contextmanager
    def stage(self, name: str) -> Generator[None, None, None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)


class Pace:
    """Tells the time left from the steps and the ends of batches measured so far.

    costs: what each step of a batch costs, in any unit: steps may do more or less.
    """

    def __init__(self, costs: Sequence[float], batches: int) -> None:
        self._costs, self._batches = tuple(costs), batches
        self._steps: list[tuple[float, float]] = []  # (seconds, cost) of each
        self._end_seconds: float | None = None

    def step_took(self, seconds: float) -> None:
        self._steps.append((seconds, self._costs[len(self._steps) % len(self._costs)]))

    def end_took(self, seconds: float) -> None:
        """What came after the last step of a variant: decoding, applying, composing."""
        self._end_seconds = seconds

    def left(self, batch: int, step: int) -> float | None:
        """Seconds left after `step` steps of batch number `batch` (from 0), or None before it can be told.

        The first step also pays for memory that later ones reuse, so it alone tells nothing.
        """
        if len(self._steps) < min(2, len(self._costs) * self._batches):
            return None
        steady = self._steps[1:] or self._steps
        seconds, cost = (sum(values) for values in zip(*steady, strict=True))
        end = seconds / len(steady) if self._end_seconds is None else self._end_seconds
        later = self._batches - batch - 1
        return seconds / cost * (sum(self._costs[step:]) + sum(self._costs) * later) + end * (later + 1)


def timed(items: Iterator[Item]) -> Iterator[tuple[Item, float]]:
    """Each item with the seconds it took to come; what its user does in between is not counted."""
    while True:
        start = time.perf_counter()
        try:
            item = next(items)
        except StopIteration:
            return
        yield item, time.perf_counter() - start
