"""One ONNX graph on OpenVINO: x86 and ARM processors, and Intel's GPUs.

A processor that multiplies in bfloat16 does so (products are summed in float32), a GPU computes in float16, every other
device in float32; and so does each where the provider was asked for float32.
https://docs.openvino.ai/2026/openvino-workflow/running-inference/optimize-inference/precision-control.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType

import numpy as np

from inference import openvino_weights
from inference.errors import Cancelled, EngineError, PackageError, ProviderError
from inference.graph_file import Dimension, GraphFile, parse_graph, read_graph
from inference.network import Array, Graph, Held, Loading, Tensor, as_wanted
from inference.openvino_graph import read_composed
from inference.openvino_runtime import (
    CompiledModel,
    Core,
    InferRequest,
    OvModel,
    Port,
    damaged,
    openvino,
    unusable,
)
from inference.openvino_time import ExactTime, take_out
from inference.openvino_weights import WideWeights
from inference.provider import Provider
from inference.runtime import cores, give_memory_back
from inference.types import CancelToken

_KINDS = frozenset({"f32", "f16", "f64", "i64", "i32", "boolean"})


def load(provider: Provider, graph: Graph, loading: Loading) -> OpenVinoNetwork:
    """As `Provider.load`."""
    return OpenVinoNetwork(graph, provider, loading)


class OpenVinoNetwork:
    """A loaded graph, as `Network`. One run is computed at a time; others wait for it.

    device: "CPU" or "GPU". precision: what it computes in: "f32", "bf16" or "f16".
    Raises `PackageError` for a file that is missing, damaged or no graph, `ProviderError` where OpenVINO cannot run it,
    `EngineMemoryError` where it does not fit.
    """

    def __init__(self, graph: Graph, provider: Provider, loading: Loading) -> None:
        self._path, self.provider = Path(graph.path), provider
        reason = provider.available()
        if reason is not None:
            raise ProviderError(reason)
        file = read_graph(graph.path) if graph.data is None else parse_graph(graph.path, memoryview(graph.data))
        self._library = openvino()
        core = self._library.Core()
        self.device = "GPU" if any(name.startswith("GPU") for name in core.available_devices) else "CPU"
        self.precision = _precision(core, self.device, provider.float32)
        # What the compiled model reads and does not keep alive itself.
        self._weights: WideWeights | None = None
        self._time: ExactTime | None = None
        self._mapped: Sequence[Array] = ()
        self._compiled: CompiledModel | None = self._open(core, graph, file, loading)
        self._turn, self._own, self._warm = Lock(), self._compiled.create_infer_request(), False
        self._inputs = tuple(
            self._tensor(self._input(port.name), port.name, _fixed(port.shape, loading)) for port in file.inputs
        )
        outputs = zip(self._compiled.outputs, file.outputs, strict=True)
        self._outputs = tuple(self._tensor(port, named.name, named.shape) for port, named in outputs)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self._inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self._outputs

    def __enter__(self) -> OpenVinoNetwork:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def run(self, feeds: Mapping[str, Array], cancel: CancelToken | None = None) -> list[Array]:
        """As `Network.run`. What it needs besides the weights is given back afterwards."""
        inputs = {tensor.name: as_wanted(feeds[tensor.name], tensor.dtype) for tensor in self.inputs}
        with self._turn:
            results = self._run(self._own, inputs, cancel or CancelToken())
            self._release()
        return results

    def bind(self) -> OpenVinoBinding:
        """As `Network.bind`; what its runs need is kept for the next one."""
        return OpenVinoBinding(self)

    def close(self) -> None:
        """As `Network.close`."""
        with self._turn:
            self._compiled = self._own = self._weights = self._time = None
            self._mapped = ()
        give_memory_back()

    def request(self) -> InferRequest:
        """A new one, for `run_request`."""
        return self._opened().create_infer_request()

    def run_request(
        self, request: InferRequest, inputs: Mapping[str, Array], cancel: CancelToken, last: bool
    ) -> list[Array]:
        """One run with arrays of the types that the graph wants, as `Binding.run`. Raises as `Network.run`."""
        with self._turn:
            results = self._run(request, inputs, cancel)
            if last:
                self._release()
            return results

    def _run(self, request: InferRequest | None, inputs: Mapping[str, Array], cancel: CancelToken) -> list[Array]:
        compiled = self._opened()
        assert request is not None  # it goes where `compiled` goes
        cancel.raise_if_cancelled()
        try:
            feeds = inputs if self._time is None else self._time.feeds(self._library, inputs)
            for name, array in feeds.items():
                request.set_tensor(compiled.input(name), self._library.Tensor(_writeable(array), shared_memory=True))
        except Exception as error:
            raise damaged(self.path, error) from error
        with self._forgetting():
            self._compute(request, cancel)
        return [np.array(request.get_tensor(port).data) for port in compiled.outputs]

    def _compute(self, request: InferRequest, cancel: CancelToken) -> None:
        forget = None
        try:
            request.start_async()
            # Not before: a request that does not run yet is not stopped by it.
            forget = cancel.on_cancel(request.cancel)
            request.wait()
        except Exception as error:
            if cancel.cancelled:
                raise Cancelled from None
            raise unusable(self.path, error) from error
        finally:
            if forget is not None:
                forget()

    def _forgetting(self) -> AbstractContextManager[None]:
        """Where shapes are not fixed, the first run is what reads the weights."""
        warm, self._warm = self._warm, True
        return nullcontext() if self._weights is None or warm else self._weights.forgetting()

    def _release(self) -> None:
        if self.device == "CPU":
            self._opened().release_memory()
            give_memory_back()

    def _input(self, name: str) -> Port:
        taken = self._time is not None and name in self._time.taken
        return self._time.small.input(name) if taken and self._time is not None else self._opened().input(name)

    def _opened(self) -> CompiledModel:
        if self._compiled is None:
            raise RuntimeError(f"{self.path} is closed")
        return self._compiled

    def _open(self, core: Core, graph: Graph, file: GraphFile, loading: Loading) -> CompiledModel:
        if self.device == "CPU":
            self._weights = self._wide(core, file)
        model = self._read(core, graph, file)
        try:
            if self._weights is not None:
                self._weights.put_into(model, self._library)
            model.reshape({port.name: _sizes(port.shape, loading) for port in file.inputs})
            self._time = None if self.precision == "f32" else take_out(core, self._library, model, self.device)
        except Exception as error:
            raise damaged(self.path, error) from error
        return self._compile(core, model, loading)

    def _wide(self, core: Core, file: GraphFile) -> WideWeights | None:
        try:
            return openvino_weights.wide_weights(core, self.path, sorted(file.external_data))
        except Exception as error:
            raise damaged(self.path, error) from error

    def _read(self, core: Core, graph: Graph, file: GraphFile) -> OvModel:
        try:
            if graph.data is None:
                return core.read_model(str(self.path))
            if not file.external_data:
                return core.read_model(graph.data)
            model, self._mapped = read_composed(core, self._library, graph.data, self.path.parent)
            return model
        except EngineError:
            raise
        except Exception as error:
            raise damaged(self.path, error) from error

    def _compile(self, core: Core, model: OvModel, loading: Loading) -> CompiledModel:
        config: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self.precision}
        threads = loading.threads or cores()
        if self.device == "CPU" and threads:
            config["INFERENCE_NUM_THREADS"] = threads
        try:
            with nullcontext() if self._weights is None else self._weights.forgetting():
                return core.compile_model(model, self.device, config)
        except Exception as error:
            raise unusable(self.path, error) from error
        finally:
            give_memory_back()

    def _tensor(self, port: Port, name: str, shape: Sequence[Dimension | None]) -> Tensor:
        kind, found = port.get_element_type(), port.get_partial_shape()
        if kind.get_type_name() not in _KINDS:
            raise PackageError(
                f"{self.path} has {name!r} of the type {kind.get_type_name()}, which no model here uses."
            )
        sizes = found.to_shape() if found.is_static else (size or None for size in shape)
        return Tensor(name, tuple(sizes), np.dtype(kind.to_dtype()))


@dataclass(frozen=True, eq=False)
class OpenVinoHeld:
    """An output, which OpenVINO leaves in this process's memory."""

    value: Array

    def numpy(self) -> Array:
        return self.value.copy()


class OpenVinoBinding:
    """As `Binding`."""

    def __init__(self, network: OpenVinoNetwork) -> None:
        self._network, self._request = network, network.request()
        self._kinds = {tensor.name: tensor.dtype for tensor in network.inputs}
        self._fed: dict[str, Array] = {}

    def feed(self, name: str, value: Array | Held) -> None:
        """As `Binding.feed`."""
        if isinstance(value, OpenVinoHeld):
            self._fed[name] = as_wanted(value.value, self._kinds[name])
        else:
            array = value if isinstance(value, np.ndarray) else value.numpy()
            self._fed[name] = as_wanted(array, self._kinds[name]).copy()

    def run(self, cancel: CancelToken | None = None, last: bool = False) -> dict[str, Held]:
        """As `Binding.run`; an output stays valid for as long as it is held."""
        results = self._network.run_request(self._request, self._fed, cancel or CancelToken(), last)
        names = (tensor.name for tensor in self._network.outputs)
        return {name: OpenVinoHeld(result) for name, result in zip(names, results, strict=True)}


def _precision(core: Core, device: str, float32: bool) -> str:
    if float32:
        return "f32"
    able = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
    wanted = "f16" if device == "GPU" else "bf16"
    return wanted if {"f16": "FP16", "bf16": "BF16"}[wanted] in able else "f32"


def _fixed(shape: Sequence[Dimension], loading: Loading) -> list[Dimension]:
    return [loading.dimensions.get(size, size) if isinstance(size, str) else size for size in shape]


def _sizes(shape: Sequence[Dimension], loading: Loading) -> list[int]:
    """What OpenVINO takes: -1 for a dimension that is left open."""
    return [size if isinstance(size, int) else -1 for size in _fixed(shape, loading)]


def _writeable(array: Array) -> Array:
    """OpenVINO takes no other arrays, though it does not write into them."""
    return array if array.flags.writeable else array.copy()
