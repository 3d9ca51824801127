"""The nodes of a graph file, and graphs made of some of them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference.errors import PackageError
from inference.onnx_nodes import element_of, read_nodes, shape_of

FLOAT = TensorProto.FLOAT


def graph_with_a_branch() -> bytes:
    """y = If(flag, x + w, -x) * 2, and z = x * v, which y does not need."""
    value = helper.make_tensor_value_info
    then = helper.make_graph([helper.make_node("Add", ["x2", "w"], ["t"])], "then", [], [value("t", FLOAT, ["n"])])
    other = helper.make_graph([helper.make_node("Neg", ["x2"], ["e"])], "else", [], [value("e", FLOAT, ["n"])])
    nodes = [
        helper.make_node("Identity", ["x"], ["x2"], name="copy"),
        helper.make_node("If", ["flag"], ["chosen"], then_branch=then, else_branch=other),
        helper.make_node("Mul", ["x", "v"], ["z"]),
        helper.make_node("Mul", ["chosen", "two"], ["y"]),
    ]
    weights = {"w": [1.0, 2.0], "v": [5.0, 5.0], "two": [2.0]}
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("x", FLOAT, ["n"]), value("flag", TensorProto.BOOL, []), value("v", FLOAT, [2])],
        [value("y", FLOAT, ["n"]), value("z", FLOAT, [2])],
        [numpy_helper.from_array(np.array(numbers, np.float32), name) for name, numbers in weights.items()],
        value_info=[value("chosen", FLOAT, ["n"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def test_what_a_file_holds() -> None:
    graph = read_nodes(graph_with_a_branch())
    assert [node.op for node in graph.nodes] == ["Identity", "If", "Mul", "Mul"]
    assert graph.nodes[0].name == "copy"
    assert set(graph.inputs) == {"x", "flag"}  # v is listed as an input by its exporter, and is a weight
    assert {name: weight.shape for name, weight in graph.weights.items()} == {"w": (2,), "v": (2,), "two": (1,)}
    assert (shape_of(graph.inputs["x"]), shape_of(graph.inputs["flag"])) == (("n",), ())
    assert (element_of(graph.inputs["x"]), element_of(graph.inputs["flag"])) == (FLOAT, TensorProto.BOOL)


def test_a_node_needs_what_its_inner_graphs_read() -> None:
    graph = read_nodes(graph_with_a_branch())
    assert {"flag", "x2", "w"} <= graph.nodes[1].uses
    assert [node.outputs for node in graph.needed(["y"])] == [("x2",), ("chosen",), ("y",)]
    assert [node.outputs for node in graph.needed(["y"], ["chosen"])] == [("y",)]
    assert graph.needed(["x"]) == ()


def test_the_same_nodes_make_the_same_model() -> None:
    data = graph_with_a_branch()
    graph = read_nodes(data)
    again, before = onnx.load_from_string(graph.model(graph.nodes)), onnx.load_from_string(data)
    assert again == before
    onnx.checker.check_model(again, full_check=True)


def test_a_renamed_tensor_is_renamed_where_it_is_read_and_made() -> None:
    graph = read_nodes(graph_with_a_branch())
    nodes = [node.renamed("chosen", "kept") for node in graph.nodes]
    assert (nodes[1].outputs, nodes[3].inputs) == (("kept",), ("kept", "two"))
    assert nodes[0] is graph.nodes[0]
    model = graph.model(nodes)
    assert not onnx.load_from_string(model).graph.value_info
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    x = np.array([1, 2], np.float32)
    y, z = session.run(None, {"x": x, "flag": np.array(True)})
    np.testing.assert_array_equal(y, [4, 8])
    np.testing.assert_array_equal(z, [5, 10])


def test_attributes() -> None:
    node = helper.make_node("Softmax", ["x"], ["y"], axis=-1)
    graph = helper.make_graph([node], "graph", [], [])
    (found,) = read_nodes(helper.make_model(graph).SerializeToString()).nodes
    assert (found.whole("axis"), found.whole("to", 1)) == (-1, 1)


@pytest.mark.parametrize("data", [b"", b"\x00" * 9, b"no graph at all", graph_with_a_branch()[:-3]])
def test_damage_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(PackageError, match="no ONNX model, or it is cut short"):
        read_nodes(data)
