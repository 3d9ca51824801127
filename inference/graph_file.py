"""What an ONNX file says about itself, read without a runtime and without touching its weights.

Only the fields needed here are decoded (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3); everything else is
skipped by its length, so that a file of gigabytes takes milliseconds.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from inference.errors import PackageError

Dimension = int | str

_ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 10: 2, 11: 8, 16: 2}
_PRECISIONS = {1: "fp32", 2: "int8", 3: "int8", 10: "fp16", 11: "fp64", 16: "bf16"}

# Which field of which message holds which message: the ways that lead to nodes and to tensors.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; a dimension that is not fixed is its name, or "" where it has none."""

    name: str
    shape: tuple[Dimension, ...]


@dataclass(frozen=True)
class GraphFile:
    """inputs leave out weights that old exporters list as inputs too. external_data: the paths, as written in the file.

    operators: every operator anywhere in it. precision: the type of most of its weights ("fp32", "fp16", ...).
    """

    path: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: frozenset[str]
    external_data: frozenset[str]
    precision: str


def read_graph(path: Path) -> GraphFile:
    """Raises `PackageError` where the file cannot be read or is no ONNX model."""
    try:
        with path.open("rb") as file:
            # Not closed by hand: the frames of an exception may still hold views of it, and closing would then raise.
            return _read(path, memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except OSError as error:
        raise PackageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, IndexError, KeyError, OverflowError, RecursionError):
        raise PackageError(f"{path} is not an ONNX model, or it is cut short; get the package again.") from None


@dataclass
class _Findings:
    operators: set[str] = field(default_factory=set[str])
    external: set[str] = field(default_factory=set[str])
    bytes_of_type: dict[int, int] = field(default_factory=dict[int, int])


def _read(path: Path, data: memoryview) -> GraphFile:
    findings = _Findings()
    _walk(data, "model", findings)
    graphs = [value for number, value in _messages(data) if number == 7]
    if len(graphs) != 1:
        raise ValueError("no graph")
    weights = {_tensor_name(value) for number, value in _messages(graphs[0]) if number == 5}
    inputs = (_port(value) for number, value in _messages(graphs[0]) if number == 11)
    outputs = (_port(value) for number, value in _messages(graphs[0]) if number == 12)
    most = max(findings.bytes_of_type, key=lambda kind: findings.bytes_of_type[kind], default=1)
    return GraphFile(
        path=path,
        inputs=tuple(port for port in inputs if port.name not in weights),
        outputs=tuple(outputs),
        operators=frozenset(findings.operators),
        external_data=frozenset(findings.external),
        precision=_PRECISIONS.get(most, "mixed"),
    )


def _walk(data: memoryview, kind: str, findings: _Findings) -> None:
    children = _CHILDREN[kind]
    for number, value in _messages(data):
        if kind == "node" and number == 4:
            findings.operators.add(_text(value))
        child = children.get(number)
        if child == "tensor":
            _tensor(value, findings)
        elif child is not None:
            _walk(value, child, findings)


def _tensor(data: memoryview, findings: _Findings) -> None:
    kind, dimensions = 0, list[int]()
    for number, value in _fields(data):
        if number == 1:
            dimensions += [value] if isinstance(value, int) else _packed(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 13 and isinstance(value, memoryview):
            entry = dict(_messages(value))
            if _text(entry[1]) == "location":
                findings.external.add(_text(entry[2]))
    if kind in _ELEMENT_BYTES:
        size = math.prod(dimensions) * _ELEMENT_BYTES[kind]
        findings.bytes_of_type[kind] = findings.bytes_of_type.get(kind, 0) + size


def _tensor_name(data: memoryview) -> str:
    return next((_text(value) for number, value in _messages(data) if number == 8), "")


def _port(data: memoryview) -> Port:
    """ValueInfoProto: name 1, type 2; its tensor_type 1 has the shape 2, which has the dimensions 1."""
    name, shape = "", list[Dimension]()
    for number, value in _messages(data):
        if number == 1:
            name = _text(value)
        for dimension in _below(value, 1, 2, 1) if number == 2 else ():
            shape.append(_dimension(dimension))
    return Port(name, tuple(shape))


def _below(data: memoryview, *path: int) -> Iterator[memoryview]:
    """The messages at the end of a path of field numbers."""
    if not path:
        yield data
        return
    for number, value in _messages(data):
        if number == path[0]:
            yield from _below(value, *path[1:])


def _dimension(data: memoryview) -> Dimension:
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            return value
        if number == 2 and isinstance(value, memoryview):
            return _text(value)
    return ""


def _text(data: memoryview) -> str:
    return str(data, "utf-8")


def _messages(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields with a length: messages, strings and packed numbers."""
    for number, value in _fields(data):
        if isinstance(value, memoryview):
            yield number, value


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of every field of one protobuf message; fixed-width numbers are skipped."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
        elif wire == 2:
            length, position = _varint(data, position)
            end = position + length
            if end > len(data):
                raise ValueError("cut short")
            yield number, data[position:end]
            position = end
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            raise ValueError("no protobuf")


def _packed(data: memoryview) -> list[int]:
    position, numbers = 0, list[int]()
    while position < len(data):
        number, position = _varint(data, position)
        numbers.append(number)
    return numbers


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, position
        shift += 7
        if shift > 63:
            raise ValueError("no protobuf")
