"""Reading a graph that was composed in memory, whose weights lie in files beside the package's own graph.

OpenVINO finds such files only from the current folder. So the graph is read with its large weights as inputs, which
constants over the mapped files then take the place of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.onnx_write import FLOAT, FLOAT16, GRAPH_INITIALIZER, GRAPH_INPUT, MODEL_GRAPH, port
from inference.openvino_runtime import Core, OpenVino, OvModel
from inference.package_files import inside
from inference.protobuf import Field, fields, message, numbers
from inference.shared_weights import Stored, external_entry

_LARGE = 4096  # values; what is smaller may be a shape, which has to be known while a graph is read
_KINDS = {FLOAT: np.dtype(np.float32), FLOAT16: np.dtype(np.float16)}
_DIMS, _KIND, _NAME, _RAW, _EXTERNAL, _PLACE = 1, 2, 8, 9, 13, 14  # fields of TensorProto


def read_composed(core: Core, library: OpenVino, data: bytes, folder: Path) -> tuple[OvModel, list[NDArray[Any]]]:
    """The model of a graph in memory whose weights are in files of `folder`, and the weights.

    The model does not keep the weights alive: that is for the caller to do, for as long as it is in use.
    Raises `PackageError` for a file outside of the folder, OSError and ValueError for one that is missing or too short,
    and what OpenVINO raises.
    """
    apart = _Apart(folder)
    model = core.read_model(apart.without(data))
    weights: list[NDArray[Any]] = []
    given = {parameter.get_friendly_name(): parameter for parameter in model.get_parameters()}
    for weight in apart.large:
        # Private, for OpenVINO takes no arrays that cannot be written.
        weights.append(np.memmap(weight.file, weight.dtype, "c", weight.offset, weight.shape))
        constant = library.op.Constant(library.Tensor(weights[-1], shared_memory=True), shared_memory=True)
        constant.set_friendly_name(weight.name)
        for user in given[weight.name].output(0).get_target_inputs():
            user.replace_source_output(constant.output(0))
        model.remove_parameter(given[weight.name])
    model.validate_nodes_and_infer_types()
    return model, weights


@dataclass
class _Apart:
    """large: the weights that were made inputs."""

    folder: Path
    large: list[Stored] = field(default_factory=list[Stored])

    def without(self, data: bytes) -> bytes:
        """The graph with its small weights inside and its large ones as inputs."""
        return b"".join(
            self._graph(each) if each.number == MODEL_GRAPH else each.raw for each in fields(memoryview(data))
        )

    def _graph(self, graph: Field) -> bytes:
        parts = (self._weight(each) if each.number == GRAPH_INITIALIZER else each.raw for each in fields(graph.body))
        return message(MODEL_GRAPH, *parts)

    def _weight(self, weight: Field) -> bytes | memoryview:
        parts = list(fields(weight.body))
        entries = dict(external_entry(part) for part in parts if part.number == _EXTERNAL)
        if "location" not in entries:
            return weight.raw
        file, offset = inside(self.folder, entries["location"]), int(entries.get("offset", 0))
        shape = tuple(size for part in parts if part.number == _DIMS for size in numbers(part))
        kind = next(part.value for part in parts if part.number == _KIND)
        name = next(part.text for part in parts if part.number == _NAME)
        if isinstance(kind, int) and kind in _KINDS and math.prod(shape) >= _LARGE:
            self.large.append(Stored(name, _KINDS[kind], shape, file, offset))
            return port(GRAPH_INPUT, name, kind, shape)
        raw = _bytes(file, offset, int(entries["length"]))
        kept = [part.raw for part in parts if part.number not in (_EXTERNAL, _PLACE)]
        return message(GRAPH_INITIALIZER, *kept, message(_RAW, raw))


def _bytes(file: Path, offset: int, length: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(offset)
        found = opened.read(length)
    if len(found) != length:
        raise ValueError(f"{file.name} is too short")
    return found
