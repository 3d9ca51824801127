"""Reads and writes ONNX files so that every runtime of the last years loads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import onnx

_ONNX: Any = onnx  # its type annotations are incomplete
IR_VERSION = 8


def read_structure(file: Path) -> onnx.ModelProto:
    """The model in `file` without the weights that lie in another file."""
    return cast("onnx.ModelProto", _ONNX.load(str(file), load_external_data=False))


def write_graph(model: onnx.ModelProto, file: Path, ir_version: int = IR_VERSION) -> None:
    """Writes `model` to `file`, with the weights that it holds itself; those in another file are there already."""
    model.ir_version = ir_version
    model.doc_string = ""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model.SerializeToString())


def float_timestep(model: onnx.ModelProto) -> bool:
    """Makes an integer `timestep` input of `model` float32, in place; True where there was one.

    Some exporters give int64, which cuts the samplers' fractional timesteps. What follows the input in a UNet (reshape,
    expand, cast to float) takes any type, so the declared type is all there is to change.
    """
    changed = False
    for value in model.graph.input:
        kind = value.type.tensor_type
        if value.name == "timestep" and kind.elem_type in (onnx.TensorProto.INT64, onnx.TensorProto.INT32):
            kind.elem_type = onnx.TensorProto.FLOAT
            del model.graph.value_info[:]  # they name the old type
            changed = True
    return changed
