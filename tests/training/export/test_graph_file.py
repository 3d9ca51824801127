"""ONNX files as every runtime of the last years reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from training.export.graph_file import IR_VERSION, float_timestep, read_structure, write_graph

WEIGHT = np.arange(5000, dtype=np.float32)


def scaled(kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """y = weight * float(timestep), with the steps between that a UNet has."""
    graph = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["timestep", "axis"], ["row"]),
            helper.make_node("Cast", ["row"], ["time"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["weight", "time"], ["y"]),
        ],
        "scaled",
        [helper.make_tensor_value_info("timestep", kind, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [5000])],
        [numpy_helper.from_array(WEIGHT, "weight"), numpy_helper.from_array(np.array([0]), "axis")],
        value_info=[helper.make_tensor_value_info("row", kind, [1])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10, doc_string="/home/me")


def run(file: Path, timestep: float) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(None, {"timestep": np.array(timestep, np.float32)})[0]


def test_a_graph_is_written_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "unet" / "model.onnx"
    write_graph(scaled(), file)
    assert (run(file, 0.5) == WEIGHT * 0.5).all()
    again = onnx.load(str(file))
    assert again.ir_version == IR_VERSION and again.doc_string == ""
    assert (numpy_helper.to_array(again.graph.initializer[0]) == WEIGHT).all()


def test_the_structure_is_read_without_the_file_of_weights(tmp_path: Path) -> None:
    onnx.save_model(scaled(), str(tmp_path / "model.onnx"), save_as_external_data=True, location="model.onnx_data")
    (tmp_path / "model.onnx_data").unlink()
    assert read_structure(tmp_path / "model.onnx").graph.initializer[0].name == "weight"


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT])
def test_an_integer_timestep_becomes_a_float(tmp_path: Path, kind: int) -> None:
    model = scaled(kind)
    assert float_timestep(model) == (kind != TensorProto.FLOAT)
    write_graph(model, tmp_path / "model.onnx")
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
    np.testing.assert_allclose(run(tmp_path / "model.onnx", 946.42), WEIGHT * np.float32(946.42))
