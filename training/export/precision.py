"""How the weights of a graph are stored. Inputs, outputs and the maths stay float32 in every form.

`fp16` halves the file: each large weight is stored as float16 and a Cast to float32 stands behind it, which ONNX
Runtime folds away while it loads, so the optimised graph is the one of `fp32` and runs at its speed on a CPU. A form
that also computes in float16, for GPUs, is one more entry of `PRECISIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

SMALLEST_HALF = 256  # elements; below this a Cast node takes more room than the halved weight saves


@dataclass(frozen=True)
class Precision:
    """store: changes a traced float32 graph in place. tolerance: the largest difference from torch, as a share of the
    reference's largest magnitude, that rounding explains; above it the graph is wrong.
    """

    store: Callable[[onnx.ModelProto], None]
    tolerance: float


def keep(model: onnx.ModelProto) -> None:
    """float32 stays float32."""


def store_half(model: onnx.ModelProto) -> None:
    """Stores the large float32 weights of `model` as float16, in place. A weight beyond float16's range is kept."""
    graph = model.graph
    casts = [node for weight in graph.initializer if (node := _halve(weight)) is not None]
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])  # before every use: a graph is written in topological order


def _halve(weight: onnx.TensorProto) -> onnx.NodeProto | None:
    if weight.data_type != onnx.TensorProto.FLOAT or np.prod(weight.dims) < SMALLEST_HALF:
        return None
    with np.errstate(over="ignore"):
        half = numpy_helper.to_array(weight).astype(np.float16)
    if not np.isfinite(half).all():
        return None
    name = weight.name
    weight.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
    return helper.make_node("Cast", [weight.name], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT)


# float32 leaves about 1e-5 on a full-size UNet; float16 rounds each weight by up to 5e-4 of itself.
PRECISIONS: Mapping[str, Precision] = {"fp32": Precision(keep, 1e-3), "fp16": Precision(store_half, 5e-2)}
