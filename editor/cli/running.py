"""An engine's events on the main thread while the engine works in another: signals and the terminal stay alive."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType

from inference.types import CancelToken, Event

# A wait without an end would keep Control-C from arriving on Windows.
_POLL_SECONDS = 0.2
# A finished variant is large: the engine waits rather than pile them up.
_WAITING_EVENTS = 2


@contextmanager
def interruptible() -> Generator[CancelToken, None, None]:
    """Turns Control-C and a polite kill into a cancel; a second one ends the program at once."""
    token = CancelToken()
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        # In a thread: this one may hold the token's lock at the moment.
        threading.Thread(target=token.cancel).start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield token
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_thread(events: Callable[[], Iterator[Event]], cancel: CancelToken) -> Iterator[Event]:
    """The items of `events()`, made in a thread.

    What it raises is raised here; leaving early cancels it and waits for its end.
    """
    arrived: queue.Queue[Event | BaseException | None] = queue.Queue(_WAITING_EVENTS)
    thread = threading.Thread(target=_produce, args=(events, arrived), name="engine")
    thread.start()
    finished = False
    try:
        while not finished:
            item = _next(arrived)
            finished = item is None or isinstance(item, BaseException)
            if isinstance(item, BaseException):
                raise item
            if item is not None:
                yield item
    finally:
        if not finished:
            cancel.cancel()
            _drain(arrived)
        thread.join()


def _produce(events: Callable[[], Iterator[Event]], arrived: queue.Queue[Event | BaseException | None]) -> None:
    try:
        for event in events():
            arrived.put(event)
        arrived.put(None)
    except BaseException as error:
        arrived.put(error)


def _drain(arrived: queue.Queue[Event | BaseException | None]) -> None:
    last = _next(arrived)
    while last is not None and not isinstance(last, BaseException):
        last = _next(arrived)


def _next(arrived: queue.Queue[Event | BaseException | None]) -> Event | BaseException | None:
    while True:
        try:
            return arrived.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
