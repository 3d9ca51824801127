"""One ONNX graph on ONNX Runtime, with typed inputs, a way to stop it, and errors in words.

Weights may be stored as float16 behind Cast nodes to float32: the runtime folds those while it loads, so that the graph
is computed in float32 from the first run on.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from types import TracebackType

import numpy as np

from inference.errors import Cancelled, EngineError, PackageError, ProviderError
from inference.network import Array, Graph, Loading, Network, Tensor, as_wanted
from inference.ort_binding import OrtBinding
from inference.prepared import prepared_session
from inference.provider import Provider
from inference.runtime import (
    SILENT,
    InferenceSession,
    NodeArg,
    RunOptions,
    SessionOptions,
    give_memory_back,
    in_our_words,
    runtime,
)
from inference.shared_weights import SharedWeights
from inference.types import CancelToken

__all__ = ["OnnxModel", "Tensor", "load"]

_DTYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


_CPU = "CPUExecutionProvider"
# What a run took is given back after it, and not kept for the next one: the autoencoder takes a gigabyte for one run in
# an edit. After every step that would cost 5 to 10 % of a small model's time; after the last one it costs nothing.
_GIVE_BACK = "memory.enable_memory_arena_shrinkage", "cpu:0"
# Where the weights of a graph lie that is given as bytes.
_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"


def load(provider: Provider, graph: Graph, loading: Loading | None = None) -> Network:
    """The graph on that provider, by whatever library it uses.

    Raises `PackageError` for a file that is missing, damaged or no graph, `ProviderError` where the provider cannot run
    it, `EngineMemoryError` where it does not fit.
    """
    loading = loading or Loading()
    if provider.load is not None:
        return provider.load(provider, graph, loading)
    return OnnxModel(
        graph.path,
        provider,
        threads=loading.threads,
        memory_limit=loading.memory_limit,
        dimensions=loading.dimensions,
        data=graph.data,
        replay=loading.replay,
        weights=loading.weights,
    )


class OnnxModel:
    """A loaded graph. It may be run from any thread; `close` (or leaving the `with` block) frees its memory.

    data: the graph itself where it is not the file's; see `Graph`. The others are those of `Loading`.
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
        data: bytes | None = None,
        replay: bool = False,
        weights: SharedWeights | None = None,
    ) -> None:
        self._path, self.provider = Path(path), provider
        self._loading = Loading(threads, memory_limit, dimensions or {}, replay and provider.can_replay, weights)
        self._session: InferenceSession | None = self._open(data)
        self._turn = Lock() if provider.exclusive else nullcontext()
        self._inputs = tuple(self._tensor(arg) for arg in self._session.get_inputs())
        self._outputs = tuple(self._tensor(arg) for arg in self._session.get_outputs())

    @property
    def path(self) -> Path:
        return self._path

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self._inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self._outputs

    def __enter__(self) -> OnnxModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def run(self, feeds: Mapping[str, Array], cancel: CancelToken | None = None) -> list[Array]:
        """As `Network.run`."""
        session = self._open_session()
        inputs = {tensor.name: as_wanted(feeds[tensor.name], tensor.dtype) for tensor in self.inputs}
        with self._running(cancel, last=True) as options:
            return session.run(None, inputs, options)

    def bind(self) -> OrtBinding:
        """As `Network.bind`."""
        device = self.provider.device
        return OrtBinding(
            self._open_session(), self._inputs, self._outputs, self._running, device, self._loading.replay
        )

    def close(self) -> None:
        """Free the graph; a run in another thread ends first. The model cannot be run afterwards."""
        self._session = None
        give_memory_back()

    def _open_session(self) -> InferenceSession:
        if self._session is None:
            raise RuntimeError(f"{self.path} is closed")
        return self._session

    @contextmanager
    def _running(self, cancel: CancelToken | None, last: bool) -> Generator[RunOptions, None, None]:
        """Options for one run, which `cancel` stops; what goes wrong in it is raised in our words. last: as for runs
        of a `Binding`."""
        cancel = cancel or CancelToken()
        cancel.raise_if_cancelled()
        # New for each run: options that have stopped a run stop the next one too.
        options = runtime().RunOptions()
        options.log_severity_level = SILENT
        if last and self.provider.ort_name == _CPU:
            options.add_run_config_entry(*_GIVE_BACK)
        forget = cancel.on_cancel(lambda: setattr(options, "terminate", True))
        try:
            with self._turn:
                cancel.raise_if_cancelled()
                yield options
        except EngineError:
            raise
        except Exception as error:
            if cancel.cancelled:
                raise Cancelled from None
            raise self._in_our_words(error) from error
        finally:
            forget()

    def _open(self, data: bytes | None) -> InferenceSession:
        reason = self.provider.available()
        if reason is not None:
            raise ProviderError(reason)
        session = self._prepared(data) or self._start(data or str(self.path), self._options())
        give_memory_back()
        if session.get_providers()[0] != self.provider.ort_name:
            raise ProviderError(
                f"{self.provider.name} is installed but does not start on this machine: "
                "its driver or one of its libraries is missing or too old."
            )
        return session

    def _prepared(self, data: bytes | None) -> InferenceSession | None:
        if not self.provider.prepares:
            return None
        return prepared_session(Graph(self.path, data), self._loading.dimensions, self._options, self._start)

    def _start(self, source: str | bytes, options: SessionOptions) -> InferenceSession:
        if isinstance(source, bytes):
            options.add_session_config_entry(_WEIGHTS_FOLDER, str(self.path.parent))
        loading = self._loading
        wanted = (self.provider.ort_name, self.provider.provider_options(loading.memory_limit, loading.replay))
        try:
            # Without `enable_fallback=0` the runtime prints to stdout and goes on with another provider.
            return runtime().InferenceSession(source, sess_options=options, providers=[wanted], enable_fallback=0)
        except Exception as error:
            raise self._in_our_words(error) from error

    def _options(self) -> SessionOptions:
        options = self.provider.session_options(self._loading.threads)
        for name, value in self._loading.dimensions.items():
            options.add_free_dimension_override_by_name(name, value)
        if self._loading.weights is not None:
            for name, weight in self._loading.weights.values().items():
                options.add_initializer(name, weight)
        return options

    def _tensor(self, arg: NodeArg) -> Tensor:
        if arg.type not in _DTYPES:
            raise PackageError(f"{self.path} has {arg.name!r} of the type {arg.type}, which no model here uses.")
        return Tensor(arg.name, tuple(arg.shape), np.dtype(_DTYPES[arg.type]))

    def _in_our_words(self, error: Exception) -> EngineError:
        return in_our_words(error, self.path, self.provider.name)
