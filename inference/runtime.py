"""The border to ONNX Runtime: a typed view of what is used, imported when first needed, and its errors in our words."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from inference.errors import EngineError, EngineMemoryError, PackageError, ProviderError
from inference.offline import stay_offline

# Fatal errors only. What goes wrong is raised, or seen in what a session says about itself.
SILENT = 4

_OUT_OF_MEMORY = (
    "bad_alloc",
    "failed to allocate memory",
    "out of memory",
    "is smaller than requested bytes",
    "status_alloc_failed",
    "8007000e",  # DirectML: E_OUTOFMEMORY
)
_DAMAGED = frozenset({"InvalidProtobuf", "InvalidGraph", "NoSuchFile", "NoModel", "InvalidArgument"})


class SessionOptions(Protocol):
    log_severity_level: int
    intra_op_num_threads: int
    inter_op_num_threads: int
    enable_mem_pattern: bool
    execution_mode: Any
    graph_optimization_level: Any
    optimized_model_filepath: str

    def add_session_config_entry(self, key: str, value: str) -> None: ...
    def add_free_dimension_override_by_name(self, name: str, value: int) -> None: ...
    def add_initializer(self, name: str, value: OrtValue) -> None: ...


class RunOptions(Protocol):
    log_severity_level: int
    terminate: bool

    def add_run_config_entry(self, key: str, value: str) -> None: ...


class OrtValue(Protocol):
    """A value where the runtime keeps it, and the class that makes one."""

    def numpy(self) -> NDArray[Any]: ...
    def shape(self) -> Sequence[int]: ...
    def data_ptr(self) -> int: ...
    def update_inplace(self, data: NDArray[Any]) -> None: ...
    def ortvalue_from_numpy(self, array: NDArray[Any], device: str, number: int) -> OrtValue: ...
    def ortvalue_from_shape_and_type(self, shape: Sequence[int], kind: Any, device: str, number: int) -> OrtValue: ...


class IoBinding(Protocol):
    def bind_ortvalue_input(self, name: str, value: OrtValue) -> None: ...
    def bind_ortvalue_output(self, name: str, value: OrtValue) -> None: ...
    def bind_output(self, name: str, device: str) -> None: ...
    def get_outputs(self) -> Sequence[OrtValue]: ...


class NodeArg(Protocol):
    name: str
    type: str
    shape: Sequence[int | str | None]


class InferenceSession(Protocol):
    def get_inputs(self) -> list[NodeArg]: ...
    def get_outputs(self) -> list[NodeArg]: ...
    def get_providers(self) -> list[str]: ...
    def run(
        self, output_names: None, input_feed: Mapping[str, NDArray[Any]], run_options: RunOptions
    ) -> list[NDArray[Any]]: ...
    def io_binding(self) -> IoBinding: ...
    def run_with_iobinding(self, binding: IoBinding, run_options: RunOptions) -> None: ...


class Runtime(Protocol):
    """The module `onnxruntime`."""

    __version__: str
    OrtValue: OrtValue

    class ExecutionMode(Protocol):
        ORT_SEQUENTIAL: Any

    class GraphOptimizationLevel(Protocol):
        ORT_DISABLE_ALL: Any
        ORT_ENABLE_EXTENDED: Any
        ORT_ENABLE_ALL: Any

    def SessionOptions(self) -> SessionOptions: ...
    def RunOptions(self) -> RunOptions: ...
    def InferenceSession(self, path_or_bytes: str | bytes, **options: object) -> InferenceSession: ...
    def get_available_providers(self) -> list[str]: ...
    def preload_dlls(self) -> None: ...
    def disable_telemetry_events(self) -> None: ...
    def set_default_logger_severity(self, severity: int) -> None: ...


def runtime() -> Runtime:
    """ONNX Runtime, silenced and offline. Raises `ProviderError` where none is installed, or one that does not load."""
    stay_offline()
    try:
        module = cast("Runtime", importlib.import_module("onnxruntime"))
        module.set_default_logger_severity(SILENT)
        module.disable_telemetry_events()  # on Windows, where the environment has no say
    except (ImportError, AttributeError) as error:
        raise ProviderError(
            f"ONNX Runtime cannot be loaded ({one_line(error)}); install one of palimpsest[cpu], [cuda], [directml]."
        ) from error
    return module


def in_our_words(error: Exception, path: Path, provider: str) -> EngineError:
    """What a failure of ONNX Runtime means for the user; its exception classes have no base of their own."""
    text = one_line(error)
    if isinstance(error, MemoryError) or any(mark in str(error).lower() for mark in _OUT_OF_MEMORY):
        return EngineMemoryError(
            f"There is not enough memory to run {path.parent.name} on {provider}; "
            "choose a smaller size, or close other programs."
        )
    if type(error).__name__ in _DAMAGED:
        return PackageError(f"{path} cannot be used ({text}); get the model package again.")
    return ProviderError(f"{path} does not run on {provider} ({text}); choose another provider.")


def one_line(error: object) -> str:
    """The first line of a message, without the runtime's prefix, short enough for one sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    if text.startswith("[ONNXRuntimeError]"):
        text = text.split(" : ", 3)[-1]
    return (text if len(text) <= 200 else f"{text[:197]}...").rstrip(".")


def give_memory_back() -> None:
    """Hand freed memory to the system, which glibc's malloc does not do by itself.

    Loading a graph makes several copies of its weights; without this a process keeps up to three times their size.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # other C libraries have no such call, and need none
            ctypes.CDLL(None).malloc_trim(0)


def cores() -> int:
    """Physical cores that this process may use, by its affinity and its container's quota; 0 where that cannot be told.

    Two threads of one core share its multipliers, so that a thread on each makes matrix products slower. And the
    runtime would count the whole machine's cores, of which a container may have few.
    """
    if not hasattr(os, "sched_getaffinity"):
        return 0
    siblings = {_siblings(number) for number in os.sched_getaffinity(0)}
    return max(1, min(len(siblings), _quota()))


def _siblings(number: int) -> str:
    try:
        return Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(number)


def _quota() -> int:
    """How many cores' worth of time the control group allows (cgroup v2); very many where it sets no limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return sys.maxsize
