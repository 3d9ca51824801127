"""One ONNX graph on one provider, with typed inputs, a way to stop it, and errors in words.

Weights may be stored as float16 behind Cast nodes to float32: the runtime folds those while it loads, so that the graph
is computed in float32 from the first run on.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import Cancelled, EngineError, PackageError, ProviderError
from inference.provider import Provider
from inference.runtime import SILENT, InferenceSession, NodeArg, give_memory_back, in_our_words, runtime
from inference.types import CancelToken

Array = NDArray[Any]

_DTYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph; a dimension that is not fixed is its name, or None."""

    name: str
    shape: tuple[int | str | None, ...]
    dtype: np.dtype[Any]


class OnnxModel:
    """A loaded graph. It may be run from any thread; `close` (or leaving the `with` block) frees its memory.

    threads: 0 for one per physical core. memory_limit: bytes on the device, None for the provider's own limit.
    dimensions: values for the graph's named dimensions, for providers that are faster when all are fixed.
    Raises `PackageError` for a file that is missing, damaged or no graph, `ProviderError` where the provider cannot run
    it (the runtime would fall back to the processor in silence), `EngineMemoryError` where it does not fit.
    """

    def __init__(
        self,
        path: Path,
        provider: Provider,
        *,
        threads: int = 0,
        memory_limit: int | None = None,
        dimensions: Mapping[str, int] | None = None,
    ) -> None:
        self.path, self.provider = Path(path), provider
        self._session: InferenceSession | None = self._open(threads, memory_limit, dimensions or {})
        self._turn = Lock() if provider.exclusive else nullcontext()
        self.inputs = tuple(self._tensor(arg) for arg in self._session.get_inputs())
        self.outputs = tuple(self._tensor(arg) for arg in self._session.get_outputs())

    def __enter__(self) -> OnnxModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def run(self, feeds: Mapping[str, Array], cancel: CancelToken | None = None) -> list[Array]:
        """The outputs in the graph's order, for one array per input; arrays are cast to the types that the graph wants.

        Raises `Cancelled` once the running operator is done, `EngineMemoryError`, `ProviderError`, `PackageError`.
        """
        if self._session is None:
            raise RuntimeError(f"{self.path} is closed")
        inputs = {tensor.name: _as(feeds[tensor.name], tensor.dtype) for tensor in self.inputs}
        with self._turn:
            return self._run(self._session, inputs, cancel or CancelToken())

    def close(self) -> None:
        """Free the graph; a run in another thread ends first. The model cannot be run afterwards."""
        self._session = None
        give_memory_back()

    def _run(self, session: InferenceSession, inputs: Mapping[str, Array], cancel: CancelToken) -> list[Array]:
        cancel.raise_if_cancelled()
        # New for each run: options that have stopped a run stop the next one too.
        options = runtime().RunOptions()
        options.log_severity_level = SILENT
        forget = cancel.on_cancel(lambda: setattr(options, "terminate", True))
        try:
            return session.run(None, inputs, options)
        except Exception as error:
            if cancel.cancelled:
                raise Cancelled from None
            raise self._in_our_words(error) from error
        finally:
            forget()

    def _open(self, threads: int, memory_limit: int | None, dimensions: Mapping[str, int]) -> InferenceSession:
        reason = self.provider.available()
        if reason is not None:
            raise ProviderError(reason)
        options = self.provider.session_options(threads)
        for name, value in dimensions.items():
            options.add_free_dimension_override_by_name(name, value)
        wanted = (self.provider.ort_name, self.provider.provider_options(memory_limit))
        try:
            # Without `enable_fallback=0` the runtime prints to stdout and goes on with another provider.
            session = runtime().InferenceSession(
                str(self.path), sess_options=options, providers=[wanted], enable_fallback=0
            )
        except Exception as error:
            raise self._in_our_words(error) from error
        give_memory_back()
        if session.get_providers()[0] != self.provider.ort_name:
            raise ProviderError(
                f"{self.provider.name} is installed but does not start on this machine: "
                "its driver or one of its libraries is missing or too old."
            )
        return session

    def _tensor(self, arg: NodeArg) -> Tensor:
        if arg.type not in _DTYPES:
            raise PackageError(f"{self.path} has {arg.name!r} of the type {arg.type}, which no model here uses.")
        return Tensor(arg.name, tuple(arg.shape), np.dtype(_DTYPES[arg.type]))

    def _in_our_words(self, error: Exception) -> EngineError:
        return in_our_words(error, self.path, self.provider.name)


def _as(array: Array, dtype: np.dtype[Any]) -> Array:
    """Contiguous and of that type; a fraction goes to the nearest whole number where the graph wants whole ones."""
    if dtype.kind == "i" and array.dtype.kind == "f":
        array = np.rint(array)
    # Not ascontiguousarray, which turns a scalar into a vector.
    return np.asarray(array, dtype=dtype, order="C")
