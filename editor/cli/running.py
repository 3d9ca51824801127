"""An engine's events on the main thread while the engine works in another: signals and the terminal stay alive."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType

from inference.types import CancelToken, Event, Variant

# A wait without an end would keep Control-C from arriving on Windows.
_POLL_SECONDS = 0.2


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
    """The items of `events()`, made in a thread, which works on the next variant while this one is written.

    What it raises is raised here; leaving early cancels it and waits for its end.
    """
    channel = _Channel()
    thread = threading.Thread(target=channel.fill, args=(events,), name="engine")
    thread.start()
    try:
        yield from channel.items()
    finally:
        if not channel.ended:
            cancel.cancel()
            channel.drain()
        thread.join()


class _Channel:
    """Events from one thread to another, with one finished variant at most on its way: they are large."""

    def __init__(self) -> None:
        self.ended = False
        self._queue: queue.Queue[Event | BaseException | None] = queue.Queue()
        self._room = threading.Semaphore(1)

    def fill(self, events: Callable[[], Iterator[Event]]) -> None:
        try:
            for event in events():
                if isinstance(event, Variant):
                    self._room.acquire()
                self._queue.put(event)
            self._queue.put(None)
        except BaseException as error:
            self._queue.put(error)

    def items(self) -> Iterator[Event]:
        while (item := self._next()) is not None:
            if isinstance(item, BaseException):
                raise item
            try:
                yield item
            finally:
                if isinstance(item, Variant):
                    self._room.release()

    def drain(self) -> None:
        """Take what still comes, so that the other thread gets to its end."""
        while not self.ended:
            if isinstance(self._next(), Variant):
                self._room.release()

    def _next(self) -> Event | BaseException | None:
        while True:
            try:
                item = self._queue.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            self.ended = item is None or isinstance(item, BaseException)
            return item
