"""What an execution provider is: a value of which each file in `inference/providers` makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from inference.runtime import SILENT, SessionOptions, cores, runtime

if TYPE_CHECKING:
    from inference.network import Graph, Loading, Network

Load = Callable[["Provider", "Graph", "Loading"], "Network"]


def _nothing_missing() -> str | None:
    return None


def _no_options(memory_limit: int | None) -> dict[str, str]:
    return {}


def _as_it_is(options: SessionOptions) -> None:
    return None


@dataclass(frozen=True)
class Provider:
    """One way to run graphs.

    name: ours ("cuda"). ort_name: ONNX Runtime's, "" for one that is not its. install: what to do where the installed
    runtime does not have it.
    missing: a quick look at what it needs besides (a driver), as a reason why not, or None.
    options: the provider's own, for a memory limit in bytes. tune: changes to the session's options.
    exclusive: only one run at a time. in_process: a self-test cannot take the process down with it.
    memory_limit: bytes for each session, where the provider can keep to it.
    load: how graphs are loaded that ONNX Runtime does not run; None for those that it does.
    float32: compute in float32 throughout, also where something faster is nearly as good: see `in_float32`; with the
    options of `exactly` besides.
    graphs: file stems of a network's graphs, the one that suits best first.
    device: where ONNX Runtime keeps values for it ("cpu", "cuda"). can_replay: it records a run and replays it,
    with the options of `replaying` besides.
    static: it wants every dimension fixed when a graph is loaded. device_memory: its memory is not the system's.
    shares_weights: ONNX Runtime can give it weights that lie on the device already.
    prepares: it makes something of a model's weights at the first load that later ones find in the user's cache.
    """

    name: str
    ort_name: str
    install: str
    missing: Callable[[], str | None] = _nothing_missing
    options: Callable[[int | None], dict[str, str]] = _no_options
    tune: Callable[[SessionOptions], None] = _as_it_is
    exclusive: bool = False
    in_process: bool = False
    memory_limit: int | None = None
    load: Load | None = None
    graphs: tuple[str, ...] = ("model",)
    device: str = "cpu"
    can_replay: bool = False
    replaying: Mapping[str, str] = field(default_factory=dict[str, str])
    static: bool = False
    device_memory: bool = False
    shares_weights: bool = False
    prepares: bool = False
    float32: bool = False
    exactly: Mapping[str, str] = field(default_factory=dict[str, str])

    def available(self) -> str | None:
        """None where it may work (only `self_test` shows that it does), else why not, as a sentence.

        Raises `ProviderError` where ONNX Runtime is needed and there is none at all.
        """
        if self.ort_name and self.ort_name not in runtime().get_available_providers():
            return f"The installed ONNX Runtime has no {self.ort_name}: {self.install}."
        return self.missing()

    def session_options(self, threads: int = 0) -> SessionOptions:
        """Fresh options. threads: 0 for one per physical core that this process may use."""
        module = runtime()
        options = module.SessionOptions()
        options.log_severity_level = SILENT
        options.intra_op_num_threads = threads or cores()
        options.inter_op_num_threads = 1
        options.execution_mode = module.ExecutionMode.ORT_SEQUENTIAL
        self.tune(options)
        return options

    def provider_options(self, memory_limit: int | None = None, replay: bool = False) -> dict[str, str]:
        """The provider's own options for one session.

        memory_limit: in bytes, None for the one it was chosen with. replay: the session is to record its runs.
        """
        options = dict(self.options(self.memory_limit if memory_limit is None else memory_limit))
        if self.float32:
            options.update(self.exactly)
        if replay and self.can_replay:
            options.update(self.replaying)
        return options

    def in_float32(self) -> Provider:
        """The same, computing in float32 throughout: for comparing, and where a model needs the range."""
        return replace(self, float32=True, graphs=tuple(stem for stem in self.graphs if stem != "fp16"))
