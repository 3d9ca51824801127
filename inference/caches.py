"""Small caches keyed by content, so that the same picture or instruction is encoded once across requests."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")


def content_key(*parts: str | int | NDArray[Any]) -> str:
    """The BLAKE2b hash of the parts: text, whole numbers and arrays (with their shape and dtype)."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape};".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(f"{type(part).__name__}:{part};".encode())
    return digest.hexdigest()


class LruCache(Generic[Value]):
    """Keeps the `capacity` values used last. For one thread at a time."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[str, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get_or_make(self, key: str, make: Callable[[], Value]) -> Value:
        """The value under `key`, made now if it is not there; what `make` raises leaves the cache as it was."""
        if key not in self._values:
            self._values[key] = make()
        self._values.move_to_end(key)
        while len(self._values) > self._capacity:
            self._values.popitem(last=False)
        return self._values[key]

    def clear(self) -> None:
        self._values.clear()
