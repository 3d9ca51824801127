"""An engine that opens in the background while the photo is read."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from inference.engine import Engine
from inference.package import ModelPackage
from inference.types import CancelToken

_POLL_SECONDS = 0.1


class Opening:
    """The engine to come; None inside where no engine is wanted."""

    def __init__(self, future: Future[Engine] | None) -> None:
        self._future = future

    def result(self, cancel: CancelToken) -> Engine:
        """The engine, once it is open. Raises `Cancelled`, and `ProviderError` where none works."""
        if self._future is None:
            raise RuntimeError("no engine was asked for")
        while not self._future.done():
            cancel.raise_if_cancelled()
            wait([self._future], _POLL_SECONDS)
        return self._future.result()

    @property
    def provider(self) -> str:
        """The name of the provider that was chosen; "" where no engine was needed."""
        return "" if self._future is None else self._future.result().chosen.provider.name

    def chosen_json(self) -> dict[str, object]:
        """The provider's name, null where none was needed, and the reasons against those tried before it."""
        if self._future is None:
            return {"name": None, "passed_over": []}
        chosen = self._future.result().chosen
        passed_over = [{"name": name, "reason": reason} for name, reason in chosen.passed_over]
        return {"name": chosen.provider.name, "passed_over": passed_over}

    def close(self) -> None:
        if self._future is not None and self._future.exception() is None:
            self._future.result().close()


@contextmanager
def opening(
    package: ModelPackage, provider: str, *, wanted: bool, memory_limit: int | None = None
) -> Generator[Opening, None, None]:
    """Begin to open an engine for `package`, if one is wanted; it is closed at the end of the block.

    memory_limit: bytes, as for `Engine.open`.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="open") as pool:
        opened = Opening(pool.submit(_open, package, provider, memory_limit) if wanted else None)
        try:
            yield opened
        finally:
            opened.close()


def _open(package: ModelPackage, provider: str, memory_limit: int | None) -> Engine:
    engine = Engine.open(package, provider, memory_limit)
    engine.prefetch()
    return engine
