"""Fuses attention into ONNX Runtime's MultiHeadAttention, whose memory does not grow with the square of the picture.

Queries, keys and values stay three tensors, so that the weights before them are not touched: a graph can be fused whose
weights lie elsewhere. Contrib operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

DOMAIN = "com.microsoft"


@dataclass
class Wires:
    """Who makes and who takes each value of a graph."""

    graph: onnx.GraphProto
    makers: dict[str, onnx.NodeProto] = field(default_factory=dict[str, onnx.NodeProto])
    takers: dict[str, list[onnx.NodeProto]] = field(default_factory=dict[str, list[onnx.NodeProto]])
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict[str, onnx.TensorProto])

    def __post_init__(self) -> None:
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        for node in self.graph.node:
            self.makers |= dict.fromkeys(node.output, node)
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.constants[node.output[0]] = node.attribute[0].t
            for name in node.input:
                self.takers.setdefault(name, []).append(node)

    def up(self, name: str, *operators: str) -> list[onnx.NodeProto]:
        """The chain of makers of `name`, each the maker of the one before's first input; empty where it differs."""
        chain: list[onnx.NodeProto] = []
        for operator in operators:
            node = self.makers.get(name)
            if node is None or node.op_type != operator:
                return []
            chain.append(node)
            name = node.input[0]
        return chain

    def down(self, node: onnx.NodeProto, *operators: str) -> list[onnx.NodeProto]:
        """The chain of only takers of `node`'s output; empty where it differs."""
        chain: list[onnx.NodeProto] = []
        for operator in operators:
            takers = self.takers.get(node.output[0], [])
            if len(takers) != 1 or takers[0].op_type != operator:
                return []
            node = takers[0]
            chain.append(node)
        return chain

    def number(self, name: str) -> int | None:
        """The constant of that name, where it is one whole number."""
        tensor = self.constants.get(name)
        if tensor is None or int(np.prod(tensor.dims)) != 1:
            return None
        return int(numpy_helper.to_array(tensor).reshape(-1)[0])


def fuse_attention(model: onnx.ModelProto) -> int:
    """Fuses every attention of `model` that PyTorch's scaled_dot_product_attention left, in place; returns how many.

    Attention with a mask is left as it is.
    """
    wires = Wires(model.graph)
    fused = [found for node in model.graph.node if node.op_type == "Softmax" and (found := _fused(node, wires))]
    if fused:
        _replace(model.graph, {name: node for names, node in fused for name in names})
        add_domain(model)
    return len(fused)


def add_domain(model: onnx.ModelProto) -> None:
    """Lets `model` use ONNX Runtime's own operators."""
    if all(entry.domain != DOMAIN for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))


def prune(graph: onnx.GraphProto) -> None:
    """Takes away the nodes and initializers of `graph` that lead to no output."""
    wanted = {value.name for value in graph.output}
    kept: list[onnx.NodeProto] = []
    for node in reversed(graph.node):  # a graph is written in topological order
        if wanted.intersection(node.output):
            wanted.update(_inputs(node))
            kept.append(node)
    tensors = [tensor for tensor in graph.initializer if tensor.name in wanted]
    _set(graph, reversed(kept))
    del graph.initializer[:]
    graph.initializer.extend(tensors)


def _inputs(node: onnx.NodeProto) -> set[str]:
    """What a node reads, its subgraphs included."""
    inner = (attribute.g for attribute in node.attribute if attribute.type == onnx.AttributeProto.GRAPH)
    return set(node.input).union(*(_inputs(child) for graph in inner for child in graph.node))


def _fused(softmax: onnx.NodeProto, wires: Wires) -> tuple[tuple[str, ...], onnx.NodeProto] | None:
    """The outputs of the last nodes of the attention around `softmax`, and the node that makes the last one instead."""
    scores = wires.up(softmax.input[0], "MatMul")
    after = wires.down(softmax, "MatMul", "Transpose", "Reshape")
    if not scores or not after or after[0].input[0] != softmax.output[0]:
        return None
    query = _scaled(scores[0].input[0], [0, 2, 1, 3], wires)
    key = _scaled(scores[0].input[1], [0, 2, 3, 1], wires)
    value = _split(after[0].input[1], [0, 2, 1, 3], wires)
    if query is None or key is None or value is None or _permutation(after[1]) != [0, 2, 1, 3]:
        return None
    heads = _heads(query, wires)
    if heads is None:
        return None
    # Behind it stands a Cast from float32 to float32, which would keep later fusions from seeing what follows.
    last = [after[2], *(node for node in wires.down(after[2], "Cast") if _target(node) == onnx.TensorProto.FLOAT)]
    node = helper.make_node(
        "MultiHeadAttention",
        [query.input[0], key.input[0], value.input[0]],
        [last[-1].output[0]],
        name=f"{softmax.name}.attention",
        domain=DOMAIN,
        num_heads=heads,
    )
    return tuple(node.output[0] for node in last), node


def _scaled(name: str, permutation: list[int], wires: Wires) -> onnx.NodeProto | None:
    """The Reshape into heads before a value that was multiplied by the root of 1 / sqrt(head size)."""
    product = wires.up(name, "Mul")
    if not product or not wires.up(product[0].input[1], "Sqrt"):
        return None
    return _split(product[0].input[0], permutation, wires)


def _split(name: str, permutation: list[int], wires: Wires) -> onnx.NodeProto | None:
    """The Reshape into heads before a transposed value."""
    chain = wires.up(name, "Transpose", "Reshape")
    return chain[1] if chain and _permutation(chain[0]) == permutation else None


def _heads(reshape: onnx.NodeProto, wires: Wires) -> int | None:
    shape = wires.up(reshape.input[1], "Concat")
    return wires.number(shape[0].input[2]) if shape and len(shape[0].input) == 4 else None


def _permutation(node: onnx.NodeProto) -> list[int]:
    found = [list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"]
    return found[0] if found else []


def _target(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "to"), 0)


def _replace(graph: onnx.GraphProto, fused: dict[str, onnx.NodeProto]) -> None:
    """Puts the node of `fused` in place of the one that makes its output, and drops those whose output is not its."""
    kept = (fused.get(node.output[0], node) for node in graph.node)
    _set(graph, [new for new, old in zip(kept, list(graph.node), strict=True) if new.output[0] == old.output[0]])
    prune(graph)


def _set(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    copies = list(nodes)
    del graph.node[:]
    graph.node.extend(copies)
