"""What a loaded graph is to the engine, whichever library computes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.types import CancelToken

if TYPE_CHECKING:
    from inference.shared_weights import SharedWeights

Array = NDArray[Any]


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph; a dimension that is not fixed is its name, or None."""

    name: str
    shape: tuple[int | str | None, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Graph:
    """path: the ONNX file; errors name it, and weights in files of their own are found from its folder.

    data: the serialized graph, where it was composed in memory and is not the file's own.
    """

    path: Path
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Loading:
    """How to load a graph.

    threads: 0 for one per physical core. memory_limit: bytes on the device, None for the provider's own limit.
    dimensions: values for the graph's named dimensions, for providers that are faster when all are fixed.
    replay: record the run once and replay it, where the provider can; then every binding keeps its shapes.
    weights: those of the graph that are on the device already, where the provider can share them.
    """

    threads: int = 0
    memory_limit: int | None = None
    dimensions: Mapping[str, int] = field(default_factory=dict[str, int])
    replay: bool = False
    weights: SharedWeights | None = None


class Held(Protocol):
    """An output that stays where it was computed until it is asked for."""

    def numpy(self) -> Array:
        """A copy in this process's memory."""
        ...


class Binding(Protocol):
    """Runs of one graph whose inputs stay where the graph is computed. For one thread at a time."""

    def feed(self, name: str, value: Array | Held) -> None:
        """Set an input until it is set again; arrays are cast to the type that the graph wants.

        A `Held` of this or another binding of the same provider is handed over without a copy through the host.
        """
        ...

    def run(self, cancel: CancelToken | None = None, last: bool = False) -> dict[str, Held]:
        """All outputs by name. One is valid until the second run after the one that made it.

        last: no other run follows soon, so that what this one needs is given back after it, where the system's memory
        is what it takes.
        Raises as `Network.run`.
        """
        ...


class Network(Protocol):
    """A loaded graph. It may be run from any thread; `close` frees its memory."""

    @property
    def path(self) -> Path: ...
    @property
    def inputs(self) -> tuple[Tensor, ...]: ...
    @property
    def outputs(self) -> tuple[Tensor, ...]: ...

    def run(self, feeds: Mapping[str, Array], cancel: CancelToken | None = None) -> list[Array]:
        """The outputs in the graph's order, for one array per input; arrays are cast to the types that the graph wants.

        Raises `Cancelled` once the running operator is done, `EngineMemoryError`, `ProviderError`, `PackageError`.
        """
        ...

    def bind(self) -> Binding: ...

    def close(self) -> None:
        """Free the graph; a run in another thread ends first. The network cannot be run afterwards."""
        ...


def as_wanted(array: Array, dtype: np.dtype[Any]) -> Array:
    """Contiguous and of that type; a fraction goes to the nearest whole number where a graph wants whole ones."""
    if dtype.kind == "i" and array.dtype.kind == "f":
        array = np.rint(array)
    # Not ascontiguousarray, which turns a scalar into a vector.
    return np.asarray(array, dtype=dtype, order="C")
