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

from inference import protobuf
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
    """An input or output of a graph; a dimension that is not fixed is its name, or "" where it has none.

    kind: the number of its element type in ONNX (1 float32, 7 int64, 10 float16), 0 where it is not said.
    """

    name: str
    shape: tuple[Dimension, ...]
    kind: int = 0


@dataclass(frozen=True)
class GraphFile:
    """inputs leave out weights that old exporters list as inputs too. external_data: the paths, as written in the file.

    operators: every operator anywhere in it. precision: the type of most of its weights ("fp32", "fp16", ...).
    opset: the version of the default operators.
    """

    path: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: frozenset[str]
    external_data: frozenset[str]
    precision: str
    opset: int = 0


def read_graph(path: Path) -> GraphFile:
    """Raises `PackageError` where the file cannot be read or is no ONNX model."""
    return parse_graph(path, mapped(path))


def mapped(path: Path) -> memoryview:
    """The bytes of a file, none of them read yet. Raises `PackageError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            # Not closed by hand: views of it, also in the frames of an exception, need it for as long as they live.
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise PackageError(f"{path} cannot be read: {getattr(error, 'strerror', '') or error}.") from error


def parse_graph(path: Path, data: memoryview) -> GraphFile:
    """What the bytes of a model say; `path` names them in errors. Raises `PackageError` where they are none."""
    try:
        return _read(path, data)
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
        opset=_opset(data),
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
    for part in protobuf.fields(data):
        if part.number == 1:
            dimensions += protobuf.numbers(part)
        elif part.number == 2 and isinstance(part.value, int):
            kind = part.value
        elif part.number == 13:
            entry = dict(_messages(part.body))
            if _text(entry[1]) == "location":
                findings.external.add(_text(entry[2]))
    if kind in _ELEMENT_BYTES:
        size = math.prod(dimensions) * _ELEMENT_BYTES[kind]
        findings.bytes_of_type[kind] = findings.bytes_of_type.get(kind, 0) + size


def _opset(data: memoryview) -> int:
    """The version in the opset import (field 8) without a domain (1), which is ONNX's own."""
    for number, value in _messages(data):
        if number == 8 and not any(domain and number == 1 for number, domain in _messages(value)):
            return _whole(value, 2)
    return 0


def _tensor_name(data: memoryview) -> str:
    return next((_text(value) for number, value in _messages(data) if number == 8), "")


def _port(data: memoryview) -> Port:
    """ValueInfoProto: name 1, type 2; its tensor_type 1 has the element type 1 and the shape 2 with dimensions 1."""
    name, kind, shape = "", 0, list[Dimension]()
    for number, value in _messages(data):
        if number == 1:
            name = _text(value)
        elif number == 2:
            kind = next((_whole(tensor, 1) for tensor in _below(value, 1)), 0)
            shape += [_dimension(dimension) for dimension in _below(value, 1, 2, 1)]
    return Port(name, tuple(shape), kind)


def _whole(data: memoryview, field: int) -> int:
    """The number in a field, or 0."""
    found = (each.value for each in protobuf.fields(data) if each.number == field)
    return next((value for value in found if isinstance(value, int)), 0)


def _below(data: memoryview, *path: int) -> Iterator[memoryview]:
    """The messages at the end of a path of field numbers."""
    if not path:
        yield data
        return
    for number, value in _messages(data):
        if number == path[0]:
            yield from _below(value, *path[1:])


def _dimension(data: memoryview) -> Dimension:
    for part in protobuf.fields(data):
        if part.number in (1, 2):
            return part.value if isinstance(part.value, int) else part.text
    return ""


def _text(data: memoryview) -> str:
    return str(data, "utf-8")


def _messages(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields with a length: messages, strings and packed numbers."""
    for part in protobuf.fields(data):
        if isinstance(part.value, memoryview):
            yield part.number, part.value
