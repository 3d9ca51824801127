"""Storing weights as float16 changes nothing but the weights' rounding."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from training.export.precision import PRECISIONS, SMALLEST_HALF


def model_with(weight: np.ndarray) -> onnx.ModelProto:
    """y = x + weight."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "weight"], ["y"])],
        "add",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])],
        [numpy_helper.from_array(weight, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def stored(weight: np.ndarray, precision: str) -> tuple[onnx.ModelProto, int]:
    model = model_with(weight)
    PRECISIONS[precision].store(model)
    return model, model.graph.initializer[0].data_type


def test_a_large_weight_is_rounded_and_the_maths_stays_float32() -> None:
    weight = np.random.default_rng(0).normal(size=SMALLEST_HALF).astype(np.float32)
    model, kind = stored(weight, "fp16")
    assert kind == TensorProto.FLOAT16
    x = np.full(SMALLEST_HALF, 1e-5, np.float32)  # would vanish in float16
    assert (run(model, x) == x + weight.astype(np.float16).astype(np.float32)).all()


@pytest.mark.parametrize(
    "weight",
    [
        np.ones(SMALLEST_HALF - 1, np.float32),
        np.full(SMALLEST_HALF, 70_000, np.float32),
        np.full(SMALLEST_HALF, -np.inf, np.float32),
    ],
    ids=["small", "beyond float16", "infinite"],
)
def test_what_float16_cannot_hold_or_is_not_worth_it_stays(weight: np.ndarray) -> None:
    model, kind = stored(weight, "fp16")
    assert kind == TensorProto.FLOAT
    assert len(model.graph.node) == 1


def test_whole_numbers_are_left_alone() -> None:
    model = model_with(np.zeros(1, np.float32))
    model.graph.initializer.append(numpy_helper.from_array(np.arange(1000), "positions"))
    PRECISIONS["fp16"].store(model)
    assert model.graph.initializer[1].data_type == TensorProto.INT64


def test_fp32_changes_nothing() -> None:
    weight = np.ones(1000, np.float32)
    model, _ = stored(weight, "fp32")
    assert model == model_with(weight)
