"""What an execution provider is: a value of which each file in `inference/providers` makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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

    name: ours ("cuda"). ort_name: the runtime's. install: what to do where the installed runtime does not have it.
    missing: a quick look at what it needs besides (a driver), as a reason why not, or None.
    options: the provider's own, for a memory limit in bytes. tune: changes to the session's options.
    exclusive: only one run at a time. in_process: a self-test cannot take the process down with it.
    memory_limit: bytes for each session, where the provider can keep to it.
    load: how graphs are loaded that ONNX Runtime does not run; None for those that it does.
    graphs: file stems of a network's graphs, the one that suits best first.
    device: where ONNX Runtime keeps values for it ("cpu", "cuda"). can_replay: it records a run and replays it.
    static: it wants every dimension fixed when a graph is loaded. device_memory: its memory is not the system's.
    shares_weights: ONNX Runtime can give it weights that lie on the device already.
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
    static: bool = False
    device_memory: bool = False
    shares_weights: bool = False

    def available(self) -> str | None:
        """None where it may work (only `self_test` shows that it does), else why not, as a sentence.

        Raises `ProviderError` where there is no runtime at all.
        """
        if self.ort_name not in runtime().get_available_providers():
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

    def provider_options(self, memory_limit: int | None = None) -> dict[str, str]:
        """The provider's own options; memory_limit in bytes for one session, None for the one it was chosen with."""
        return self.options(self.memory_limit if memory_limit is None else memory_limit)
