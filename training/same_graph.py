"""Two ONNX graphs side by side: their weights in the order of use, and whether they are the same but for names."""

from __future__ import annotations

from collections.abc import Iterator

import onnx


def weights_in_order(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """The initializers of `model` in the order in which its operators first use them.

    One that is stored as float16 behind a Cast goes by the name of what the Cast makes.
    """
    tensors, casts = {tensor.name: tensor for tensor in model.graph.initializer}, _casts(model)
    found: dict[str, onnx.TensorProto] = {}
    for node in _operators(model):
        for name in node.input:
            tensor = tensors.get(casts.get(name, name))
            if tensor is not None:
                found.setdefault(name, tensor)
    return found


def renaming(one: onnx.ModelProto, other: onnx.ModelProto) -> dict[str, str] | None:
    """The name in `other` of each value in `one`, where the two are the same but for these names.

    Both then have the same operators in the same order, wired alike, with the same shapes of initializers, whose values
    are not compared. Inputs and outputs of the graphs keep their names. None where they differ.
    """
    names = {value.name: value.name for value in one.graph.input}
    shapes, others = _shapes(one), _shapes(other)
    first, second = list(_operators(one)), list(_operators(other))
    if len(first) != len(second):
        return None
    for left, right in zip(first, second, strict=True):
        if not _alike(left, right):
            return None
        for mine, theirs in zip(left.input, right.input, strict=True):
            if mine not in names and shapes.get(mine) != others.get(theirs):
                return None
            if names.setdefault(mine, theirs) != theirs:
                return None
        names.update(zip(left.output, right.output, strict=True))
    outputs = [names.get(value.name) for value in one.graph.output]
    return names if outputs == [value.name for value in other.graph.output] else None


def _casts(model: onnx.ModelProto) -> dict[str, str]:
    """What each Cast makes that stands behind an initializer: the name of that."""
    known = {tensor.name for tensor in model.graph.initializer}
    return {node.output[0]: node.input[0] for node in model.graph.node if _is_storage(node, known)}


def _operators(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Without the Casts that only unpack stored weights."""
    known = {tensor.name for tensor in model.graph.initializer}
    return (node for node in model.graph.node if not _is_storage(node, known))


def _is_storage(node: onnx.NodeProto, known: set[str]) -> bool:
    return node.op_type == "Cast" and node.input[0] in known


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    found = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    return found | {made: found[stored] for made, stored in _casts(model).items()}


def _alike(one: onnx.NodeProto, other: onnx.NodeProto) -> bool:
    same = (one.op_type, one.domain, len(one.input), len(one.output))
    if same != (other.op_type, other.domain, len(other.input), len(other.output)):
        return False
    return _attributes(one) == _attributes(other)


def _attributes(node: onnx.NodeProto) -> list[tuple[str, bytes]]:
    """Without the names that constants have of their own."""
    found: list[tuple[str, bytes]] = []
    for attribute in node.attribute:
        copy = onnx.AttributeProto()
        copy.CopyFrom(attribute)
        copy.doc_string = ""
        if copy.HasField("t"):
            copy.t.name = ""
        found.append((copy.name, copy.SerializeToString()))
    return sorted(found)
