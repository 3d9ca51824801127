"""Writes the weights of a graph, one at a time: the large ones to a file beside it, the small ones into it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from io import BufferedWriter
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.export.errors import ExportError
from training.export.precision import SMALLEST_HALF
from training.export.skeleton import Origin, Skeleton
from training.export.weights import Floats, Weights

DATA_FILE = "model.onnx_data"
EXTERNAL_ABOVE = 50_000_000  # bytes of weights; the bundled model, far smaller, is one file for each graph
SMALLEST_OUTSIDE = 1024  # elements; below this a weight stays in the graph, as do all vectors
_PAGE = 4096  # ONNX Runtime maps what begins at a page

Advance = Callable[[int], None]
Stored = Mapping[str, TensorProto]
"""Initializers by the name that the graph has for them, with their values or the place where those lie."""


def store(
    skeleton: Skeleton, weights: Weights, folder: Path, *, halve: bool, external: bool, advance: Advance
) -> Stored:
    """Reads every weight of `skeleton`, and writes the large ones to `DATA_FILE` in `folder` where `external` is True.

    halve: as float16, unless a value is beyond its range. advance: hears of the bytes that were read; may raise.
    Raises `ExportError` where a weight is not a number, `OSError` where the disk refuses.
    """
    if not external:
        return _store(skeleton, weights, None, halve, advance)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / DATA_FILE).open("xb") as file:
        return _store(skeleton, weights, file, halve, advance)


def weight_bytes(skeleton: Skeleton, halve: bool) -> int:
    """About how many bytes the weights of `skeleton` take when they are stored."""
    return sum(math.prod(origin.shape) for origin in skeleton.origins.values()) * (2 if halve else 4)


def is_vector(shape: tuple[int, ...]) -> bool:
    """True for biases and scales: one long side at most. They stay in the graph, where fusions can see them."""
    return math.prod(shape) == max(shape, default=1)


def with_values(model: onnx.ModelProto, stored: Stored) -> onnx.ModelProto:
    """A copy of the float32 graph `model` with the weights in `stored`; behind those in float16 stands a Cast."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    casts: list[onnx.NodeProto] = []
    for tensor in copy.graph.initializer:
        if tensor.name in stored:
            name = tensor.name
            tensor.CopyFrom(stored[name])
            if tensor.data_type == TensorProto.FLOAT16:
                tensor.name = f"{name}.half"
                casts.append(helper.make_node("Cast", [tensor.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = list(copy.graph.node)
    del copy.graph.node[:]
    copy.graph.node.extend([*casts, *nodes])  # before every use: a graph is written in topological order
    return copy


def with_vectors(model: onnx.ModelProto, stored: Stored) -> onnx.ModelProto:
    """A copy of `model` with the values of its vectors as float32, rounded as they are stored; matrices stay empty."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        if tensor.name in stored and stored[tensor.name].raw_data:
            values = numpy_helper.to_array(stored[tensor.name])
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))
    return copy


def _store(skeleton: Skeleton, weights: Weights, file: BufferedWriter | None, halve: bool, advance: Advance) -> Stored:
    stored: dict[str, TensorProto] = {}
    for name, origin in skeleton.origins.items():
        values = _values(origin, weights)
        found = halved(values) if halve else values
        inside = file is None or is_vector(origin.shape) or values.size < SMALLEST_OUTSIDE
        stored[name] = numpy_helper.from_array(found, name) if inside or file is None else _outside(file, name, found)
        advance(values.nbytes)
    return stored


def _values(origin: Origin, weights: Weights) -> Floats:
    values = np.ascontiguousarray(origin.of(weights).read())
    if not np.isfinite(values).all():
        raise ExportError(f"The weight {origin.weight} is not a number everywhere: the model is damaged, get it again.")
    return values


def halved(values: Floats) -> NDArray[np.float16] | Floats:
    """As float16 where that is worth it and float16 can hold every value."""
    if values.size < SMALLEST_HALF:
        return values
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if bool(np.isfinite(half).all()) else values


def _outside(file: BufferedWriter, name: str, values: NDArray[np.float16] | Floats) -> TensorProto:
    file.write(bytes(-file.tell() % _PAGE))
    tensor = TensorProto(name=name, dims=values.shape, data_location=TensorProto.EXTERNAL)
    tensor.data_type = helper.np_dtype_to_tensor_dtype(values.dtype)
    place = {"location": DATA_FILE, "offset": str(file.tell()), "length": str(values.nbytes)}
    for key, value in place.items():
        tensor.external_data.add(key=key, value=value)
    file.write(values.data)
    return tensor
