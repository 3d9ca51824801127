"""Writing pieces of ONNX graphs as bytes, without the `onnx` package.

A repeated field of a message may be continued anywhere, so that a graph grows by appending to its bytes. Field numbers:
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.protobuf import message, number, text

FLOAT, INT64, FLOAT16 = 1, 7, 10

# Numbers of the fields that are written here.
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 1, 5, 11, 12
_ATTRIBUTE_INT, _ATTRIBUTE_INTS = 2, 7  # values of AttributeProto.type

_TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}

Dimension = int | str
Attribute = int | Sequence[int]


def node(operator: str, inputs: Iterable[str], outputs: Iterable[str], **attributes: Attribute) -> bytes:
    """A node of the default domain as a field of its graph, named after its first output."""
    outputs = tuple(outputs)
    fields = [*(text(1, name) for name in inputs), *(text(2, name) for name in outputs)]
    fields += [text(3, outputs[0]), text(4, operator)]
    fields += [message(5, _attribute(name, value)) for name, value in attributes.items()]
    return message(GRAPH_NODE, b"".join(fields))


def constant(name: str, values: NDArray[np.float32] | NDArray[np.int64]) -> bytes:
    """An initializer as a field of its graph."""
    fields = [number(1, size) for size in values.shape]
    fields += [number(2, _TYPES[values.dtype]), text(8, name), message(9, values.tobytes())]
    return message(GRAPH_INITIALIZER, b"".join(fields))


def port(field: int, name: str, kind: int, shape: Sequence[Dimension]) -> bytes:
    """An input or output (`field`) of a graph; a dimension is a size or a name, "" for neither."""
    sizes = b"".join(message(1, _dimension(size)) for size in shape)
    return message(field, text(1, name) + message(2, message(1, number(1, kind) + message(2, sizes))))


def ports(field: int, shapes: Mapping[str, Sequence[Dimension]]) -> bytes:
    """Several float32 inputs or outputs."""
    return b"".join(port(field, name, FLOAT, shape) for name, shape in shapes.items())


def _dimension(size: Dimension) -> bytes:
    if isinstance(size, int):
        return number(1, size)
    return text(2, size) if size else b""


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return text(1, name) + number(3, value) + number(20, _ATTRIBUTE_INT)
    return text(1, name) + b"".join(number(8, each) for each in value) + number(20, _ATTRIBUTE_INTS)
