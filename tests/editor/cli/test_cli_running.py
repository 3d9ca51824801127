"""The engine in a thread, signals as cancels."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from editor.cli.running import in_thread, interruptible
from inference.errors import Cancelled, ProviderError
from inference.types import CancelToken, Event, Progress, Variant


def events(count: int) -> Iterator[Event]:
    for step in range(count):
        yield Progress(0, threading.current_thread().name, step, count)


def test_events_come_in_order_from_another_thread() -> None:
    found = list(in_thread(lambda: events(9), CancelToken()))
    assert [event.step for event in found if isinstance(event, Progress)] == list(range(9))
    assert {event.stage for event in found if isinstance(event, Progress)} == {"engine"}


def test_an_error_is_raised_here() -> None:
    def failing() -> Iterator[Event]:
        yield from events(2)
        raise ProviderError("broken")

    seen = []
    with pytest.raises(ProviderError, match="broken"):
        for event in in_thread(failing, CancelToken()):
            seen.append(event)
    assert len(seen) == 2


def test_leaving_early_cancels_and_waits_for_the_thread() -> None:
    cancel = CancelToken()

    def until_cancelled() -> Iterator[Event]:
        while True:
            cancel.raise_if_cancelled()
            yield from events(1)

    with pytest.raises(ZeroDivisionError):
        for _ in in_thread(until_cancelled, cancel):
            raise ZeroDivisionError
    assert cancel.cancelled
    assert not any(thread.name == "engine" for thread in threading.enumerate())


def test_one_variant_is_made_while_another_is_handled_but_not_two() -> None:
    made: list[int] = []
    image = np.zeros((1, 1, 3), np.uint8)

    def variants() -> Iterator[Event]:
        for index in range(5):
            yield from events(3)
            made.append(index)
            yield Variant(index, 0, image, 0.0, 0.0, 0)

    handled = 0
    for event in in_thread(variants, CancelToken()):
        if isinstance(event, Variant):
            handled += 1
            deadline = time.monotonic() + 10
            while len(made) < min(handled + 1, 5) and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(0.02)
            assert len(made) == min(handled + 1, 5)


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_an_engine_at_work(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def at_work(cancel: CancelToken) -> Iterator[Event]:
        yield Progress(0, "denoise", 0, 1)
        stopped = threading.Event()
        cancel.on_cancel(stopped.set)
        assert stopped.wait(30)  # as a model call that is terminated
        cancel.raise_if_cancelled()

    with pytest.raises(Cancelled), interruptible() as cancel:
        for _ in in_thread(lambda: at_work(cancel), cancel):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
def test_a_second_signal_ends_the_program_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible() as cancel:
        os.kill(os.getpid(), signal.SIGINT)
        while not cancel.cancelled:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
