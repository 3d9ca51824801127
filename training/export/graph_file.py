"""Reads and writes ONNX files so that every runtime of the last years loads them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import onnx

_ONNX: Any = onnx  # its type annotations are incomplete
IR_VERSION = 8
EXTERNAL_ABOVE = 1_500_000_000  # bytes of weights; one protobuf message cannot pass 2 GiB


def read_graph(file: Path) -> onnx.ModelProto:
    """The model in `file` with all its weights in memory."""
    return cast("onnx.ModelProto", _ONNX.load(str(file)))


def write_graph(model: onnx.ModelProto, file: Path, external_above: int = EXTERNAL_ABOVE) -> None:
    """Writes `model` to `file`; weights of more than `external_above` bytes go to `file` + "_data" beside it."""
    model.ir_version = IR_VERSION
    model.doc_string = ""
    file.parent.mkdir(parents=True, exist_ok=True)
    if weight_bytes(model) > external_above:
        _ONNX.save_model(model, str(file), save_as_external_data=True, location=f"{file.name}_data")
    else:
        _ONNX.save_model(model, str(file))


def weight_bytes(model: onnx.ModelProto) -> int:
    """Bytes of all initializers, from their shapes: a message of more than 2 GiB cannot be asked for its size."""
    return sum(
        math.prod(weight.dims) * onnx.helper.tensor_dtype_to_np_dtype(weight.data_type).itemsize
        for weight in model.graph.initializer
    )


def float_timestep(model: onnx.ModelProto) -> None:
    """Makes an integer `timestep` input of `model` float32, in place.

    Some exporters give int64, which cuts the samplers' fractional timesteps. What follows the input in a UNet (reshape,
    expand, cast to float) takes any type, so the declared type is all there is to change.
    """
    for value in model.graph.input:
        kind = value.type.tensor_type
        if value.name == "timestep" and kind.elem_type in (onnx.TensorProto.INT64, onnx.TensorProto.INT32):
            kind.elem_type = onnx.TensorProto.FLOAT
            del model.graph.value_info[:]  # they name the old type
