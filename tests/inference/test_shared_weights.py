from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import OrtValue

from inference.errors import PackageError
from inference.providers.cpu import PROVIDER as CPU
from inference.session import OnnxModel
from inference.shared_weights import SharedWeights, stored_weights

SIDE = 64


def product(folder: Path, side: int = SIDE, location: str = "model.onnx_data") -> Path:
    """y = x weight, with the weight in a file of its own behind another one."""
    random = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(random.normal(0, 1, (1, side)).astype(np.float16), "other"),
        numpy_helper.from_array(random.normal(0, 1, (side, side)).astype(np.float32), "weight"),
    ]
    nodes = [
        helper.make_node("Cast", ["other"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "weight"], ["first"]),
        helper.make_node("Add", ["first", "wide"], ["y"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", side])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", side])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save_model(model, str(folder / "model.onnx"), save_as_external_data=True, location=location, size_threshold=99)
    return folder / "model.onnx"


def test_weights_are_found_where_the_file_says(tmp_path: Path) -> None:
    path = product(tmp_path)
    found = {weight.name: weight.read() for weight in stored_weights(path)}
    wanted = {weight.name: numpy_helper.to_array(weight) for weight in onnx.load(path).graph.initializer}
    assert found.keys() == wanted.keys()
    for name, weight in wanted.items():
        assert found[name].dtype == weight.dtype
        np.testing.assert_array_equal(found[name], weight)


def test_sessions_with_shared_weights_give_the_same_numbers(tmp_path: Path) -> None:
    path = product(tmp_path)
    shared = SharedWeights(path, "cpu")
    x = np.random.default_rng(1).normal(0, 1, (2, SIDE)).astype(np.float32)
    with (
        OnnxModel(path, CPU) as plain,
        OnnxModel(path, CPU, weights=shared, dimensions={"n": 2}) as two,
        OnnxModel(path, CPU, weights=shared, dimensions={"n": 1}) as one,
    ):
        wanted = plain.run({"x": x})[0]
        np.testing.assert_array_equal(two.run({"x": x})[0], wanted)
        np.testing.assert_allclose(one.run({"x": x[:1]})[0], wanted[:1], rtol=1e-5, atol=1e-5)


def test_it_is_the_shared_weights_that_are_used(tmp_path: Path) -> None:
    path = product(tmp_path)
    zeros = OrtValue.ortvalue_from_numpy(np.zeros((SIDE, SIDE), np.float32), "cpu", 0)
    shared = SharedWeights(path, "cpu", {"weight": zeros})
    x = np.ones((1, SIDE), np.float32)
    with OnnxModel(path, replace(CPU), weights=shared) as model:
        other = numpy_helper.to_array(next(w for w in onnx.load(path).graph.initializer if w.name == "other"))
        np.testing.assert_allclose(model.run({"x": x})[0], other.astype(np.float32))


def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = product(tmp_path / "in")
    data = path.read_bytes().replace(b"model.onnx_data", b"../odel.onnx_da")
    path.write_bytes(data)
    with pytest.raises(PackageError, match="outside"):
        list(stored_weights(path))
