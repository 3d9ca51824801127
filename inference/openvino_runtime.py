"""The border to OpenVINO: a typed view of what is used, imported when first needed, and its errors in our words."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from inference.errors import EngineError, EngineMemoryError, PackageError, ProviderError
from inference.runtime import one_line

Array = NDArray[Any]

INSTALL = "install it with `pip install palimpsest[openvino]`"

# What `import openvino` loads only to tell its maker of the import (it asks no one, and keeps an identity in the home
# folder), and the converter of other formats, which does the telling and takes as long to load as all the rest.
_UNWANTED = ("openvino_telemetry", "openvino.tools.ovc")
_PLACES = (
    "Exception from ",
    "failed at ",
    "While validating",
    "FrontEnd API failed",
    "wasn't fully converted",
    "with a message:",
    "Summary:",
)
_UNKNOWN_OPERATOR = "No conversion rule found"
_OUT_OF_MEMORY = ("bad_alloc", "out of memory", "failed to allocate", "cannot allocate memory", "out_of_resources")


class Type(Protocol):
    def to_dtype(self) -> np.dtype[Any]: ...
    def get_type_name(self) -> str: ...


class PartialShape(Protocol):
    is_static: bool

    def to_shape(self) -> Sequence[int]: ...


class Port(Protocol):
    """An input or output of a model."""

    def get_partial_shape(self) -> PartialShape: ...
    def get_element_type(self) -> Type: ...


class Output(Protocol):
    """What a node computes."""

    def get_node(self) -> Node: ...
    def get_target_inputs(self) -> Iterable[Input]: ...
    def get_element_type(self) -> Type: ...
    def get_partial_shape(self) -> PartialShape: ...
    def set_names(self, names: set[str]) -> None: ...


class Input(Protocol):
    """Where a node takes what another computes."""

    def get_node(self) -> Node: ...
    def get_index(self) -> int: ...
    def replace_source_output(self, output: Output) -> None: ...


class Node(Protocol):
    data: Array
    """The values of a constant, in the model's own memory."""

    def get_type_name(self) -> str: ...
    def get_name(self) -> str: ...
    def get_friendly_name(self) -> str: ...
    def set_friendly_name(self, name: str) -> None: ...
    def get_attributes(self) -> Mapping[str, Any]: ...
    def set_attribute(self, name: str, value: Any) -> None: ...
    def get_output_shape(self, index: int) -> Sequence[int]: ...
    def get_output_element_type(self, index: int) -> Type: ...
    def input_value(self, index: int) -> Output: ...
    def input_values(self) -> Sequence[Output]: ...
    def output(self, index: int) -> Output: ...


class OvTensor(Protocol):
    data: Array


class OvModel(Protocol):
    def reshape(self, shapes: Mapping[str, Sequence[int]]) -> None: ...
    def validate_nodes_and_infer_types(self) -> None: ...
    def get_parameters(self) -> Sequence[Node]: ...
    def add_parameters(self, parameters: Sequence[Node]) -> None: ...
    def remove_parameter(self, parameter: Node) -> None: ...
    def get_ordered_ops(self) -> Sequence[Node]: ...


class InferRequest(Protocol):
    def set_tensor(self, port: Port, tensor: OvTensor) -> None: ...
    def get_tensor(self, port: Port) -> OvTensor: ...
    def start_async(self) -> None: ...
    def wait(self) -> None: ...
    def cancel(self) -> None: ...


class CompiledModel(Protocol):
    outputs: Sequence[Port]

    def input(self, name: str) -> Port: ...
    def get_property(self, name: str) -> Any: ...
    def create_infer_request(self) -> InferRequest: ...
    def release_memory(self) -> None: ...


class Core(Protocol):
    available_devices: Sequence[str]

    def get_property(self, device: str, name: str) -> Any: ...
    def read_model(self, model: str | bytes) -> OvModel: ...
    def compile_model(self, model: OvModel, device: str, config: Mapping[str, object]) -> CompiledModel: ...


class Operators(Protocol):
    def Constant(self, tensor: OvTensor, shared_memory: bool) -> Node: ...
    def Parameter(self, kind: Type, shape: PartialShape) -> Node: ...


class OpenVino(Protocol):
    """The module `openvino`."""

    op: Operators

    def Core(self) -> Core: ...
    def Model(self, results: Sequence[Output], parameters: Sequence[Node]) -> OvModel: ...
    def Tensor(self, array: Array, shared_memory: bool) -> OvTensor: ...


def missing() -> str | None:
    """Why OpenVINO cannot be used, as a sentence, or None where it is installed; it is not imported for that."""
    try:
        found = importlib.util.find_spec("openvino") is not None
    except (ImportError, ValueError):
        found = False
    return None if found else f"OpenVINO is not installed: {INSTALL}."


def openvino() -> OpenVino:
    """OpenVINO without its telemetry. Raises `ProviderError` where it is not installed, or does not load."""
    for name in _UNWANTED:
        # None is what Python takes for a module that is not there; whoever has imported it already keeps it.
        sys.modules.setdefault(name, cast(Any, None))
    try:
        return cast("OpenVino", importlib.import_module("openvino"))
    except (ImportError, OSError) as error:
        raise ProviderError(f"OpenVINO cannot be loaded ({one_line(error)}): {INSTALL}.") from error


def memory_ran_out(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(mark in str(error).lower() for mark in _OUT_OF_MEMORY)


def no_memory(path: Path) -> EngineMemoryError:
    return EngineMemoryError(
        f"There is not enough memory to run {path.parent.name} on openvino; "
        "choose a smaller size, or close other programs."
    )


def damaged(path: Path, error: Exception) -> EngineError:
    """What a failure to read a graph, or to run it on what it was given, means for the user."""
    if memory_ran_out(error):
        return no_memory(path)
    if _UNKNOWN_OPERATOR in str(error):
        return unusable(path, error)
    return PackageError(f"{path} cannot be used ({_reason(error)}); get the model package again.")


def unusable(path: Path, error: Exception) -> EngineError:
    """What a failure to compile or run a good graph means for the user."""
    if memory_ran_out(error):
        return no_memory(path)
    return ProviderError(f"{path} does not run on openvino ({_reason(error)}); choose another provider.")


def _reason(error: Exception) -> str:
    """The first line that says something: the places in OpenVINO's own source come before it."""
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not any(mark in line for mark in _PLACES)]
    return one_line("\n".join(telling or lines))
