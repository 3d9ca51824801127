"""Operations counted from graphs, against torch's own counting and against numbers done by hand."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference import flops
from inference.errors import PackageError

Shape = tuple[int, ...]


def model(nodes: list[Any], inputs: dict[str, list[Any]], weights: dict[str, Any]) -> bytes:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", ports, [out], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()


def counted(data: bytes, **shapes: Shape) -> int:
    return flops.count(data, lambda name, told: shapes[name])


def test_a_convolution() -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["out"], strides=[2, 2], pads=[1, 1, 1, 1], group=2)]
    data = model(nodes, {"x": ["n", 4, "h", "w"]}, {"w": np.zeros((6, 2, 3, 3), np.float32)})
    assert counted(data, x=(3, 4, 9, 9)) == 2 * (3 * 6 * 5 * 5) * (2 * 3 * 3)


def test_a_convolution_that_enlarges() -> None:
    nodes = [
        helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2]),
        helper.make_node("Conv", ["y", "v"], ["out"]),
    ]
    weights = {"w": np.zeros((4, 3, 2, 2), np.float32), "v": np.zeros((1, 3, 1, 1), np.float32)}
    data = model(nodes, {"x": [1, 4, 5, 5]}, weights)
    assert counted(data, x=(1, 4, 5, 5)) == 2 * (4 * 5 * 5) * (3 * 2 * 2) + 2 * (10 * 10) * 3


def test_matrix_products() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("Flatten", ["y"], ["flat"]),
        helper.make_node("Gemm", ["flat", "v"], ["z"], transB=1),
        helper.make_node("Einsum", ["z", "u"], ["out"], equation="ij, jk -> ik"),
    ]
    weights = {"w": np.zeros((7, 5)), "v": np.zeros((2, 15)), "u": np.zeros((2, 9))}
    data = model(nodes, {"x": ["n", 3, 7]}, {name: value.astype(np.float32) for name, value in weights.items()})
    assert counted(data, x=(4, 3, 7)) == 2 * (4 * 3 * 5) * 7 + 2 * (4 * 2) * 15 + 2 * (4 * 2 * 9)


def test_shapes_are_followed_through_arithmetic_on_shapes() -> None:
    """x (n, c, h, w) -> (n, h w, c) -> twice as high -> MatMul, its shapes computed in the graph."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis0"], ["n1"]),
        helper.make_node("Slice", ["shape", "one1", "two1"], ["c1"]),
        helper.make_node("Constant", [], ["minus"], value=numpy_helper.from_array(np.array([-1], np.int64))),
        helper.make_node("Concat", ["n1", "c1", "minus"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("Div", ["c1", "two1"], ["half"]),
        helper.make_node("Concat", ["half", "half"], ["sizes"], axis=0),
        helper.make_node("Split", ["tokens", "sizes"], ["a", "b"], axis=2),
        helper.make_node("MatMul", ["a", "w"], ["out"]),
    ]
    weights = {
        "zero": np.int64(0),
        "axis0": np.array([0]),
        "one1": np.array([1]),
        "two1": np.array([2]),
        "w": np.zeros((3, 8), np.float32),
    }
    data = model(nodes, {"x": ["n", 6, "h", "w"]}, weights)
    assert counted(data, x=(2, 6, 4, 5)) == 2 * (2 * 20 * 8) * 3


def test_what_is_no_graph_and_what_does_not_fit_is_refused() -> None:
    with pytest.raises(PackageError):
        counted(b"no graph at all")
    data = model(
        [helper.make_node("MatMul", ["x", "w"], ["out"])], {"x": ["n", 3]}, {"w": np.zeros((4, 5), np.float32)}
    )
    with pytest.raises(PackageError, match="could not be counted"):
        counted(data, x=(2, 3))


def test_the_bundled_unet_counts_as_torch_counts_its_likes() -> None:
    """The bundled model's UNet, made anew from its configuration, with what torch sees of its operators."""
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    from torch.utils.flop_counter import FlopCounterMode

    folder = Path(__file__).parents[2] / "resources/models/starter/unet"
    unet = diffusers.UNet2DConditionModel.from_config(diffusers.UNet2DConditionModel.load_config(folder)).eval()
    text = torch.zeros(1, 32, unet.config.cross_attention_dim)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unet(torch.zeros(1, 8, 16, 16), torch.tensor(1.0), text, added_cond_kwargs={"text_embeds": text})
    graph = (folder / "model.onnx").read_bytes()
    shapes = {4: (1, 8, 16, 16), 3: tuple(text.shape), 0: ()}
    mine = flops.count(graph, lambda name, told: shapes[len(told)])
    assert mine == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_small_numbers_are_read_however_they_are_stored() -> None:
    listed = helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 6])
    packed = helper.make_tensor("factor", TensorProto.FLOAT, [1], [2.0])
    nodes = [
        helper.make_node("Constant", [], ["s"], value=listed),
        helper.make_node("Constant", [], ["f"], value=packed),
        helper.make_node("Mul", ["x", "f"], ["y"]),
        helper.make_node("Reshape", ["y", "s"], ["z"]),
        helper.make_node("MatMul", ["z", "w"], ["out"]),
    ]
    data = model(nodes, {"x": ["n", 3]}, {"w": np.zeros((6, 1), np.float32)})
    assert counted(data, x=(4, 3)) == 2 * 2 * 6


@pytest.mark.slow
def test_the_full_size_model_takes_what_the_method_says() -> None:
    """0.80 TFLOP a sample at 512 pixels."""
    folder = os.environ.get("PALIMPSEST_FULL_SIZE")
    if not folder:
        pytest.skip("PALIMPSEST_FULL_SIZE names no full-size package")
    graph = (Path(folder) / "unet/model.onnx").read_bytes()
    shapes = {4: (1, 8, 64, 64), 3: (1, 77, 768), 0: (), 1: (1,)}
    assert flops.count(graph, lambda name, told: shapes[len(told)]) / 1e12 == pytest.approx(0.80, abs=0.01)
