"""The nodes of an ONNX graph file, and graphs made of some of them, by bytes alone: weights are neither read nor copied
where they lie in a file of their own.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from inference import protobuf
from inference.errors import PackageError
from inference.onnx_write import FLOAT, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_NODE, GRAPH_OUTPUT, MODEL_GRAPH
from inference.protobuf import Field, fields

_VALUE_INFO, _QUANTIZATION = 13, 14  # fields of a graph
_WEIGHT_NAME = 8  # a field of a tensor


@dataclass(frozen=True, eq=False)
class Node:
    """raw: the field of the graph that holds it. inputs: "" for one that is left out."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    raw: memoryview

    @cached_property
    def attributes(self) -> Mapping[str, memoryview]:
        """The attributes by name, each the bytes of its message."""
        (node,) = fields(self.raw)
        messages = (field.body for field in fields(node.body) if field.number == 5)
        return {_name(message, 1): message for message in messages}

    @cached_property
    def uses(self) -> frozenset[str]:
        """All names that it reads, also those of graphs inside it."""
        inner = (name for attribute in self.attributes.values() for name in _used_inside(attribute))
        return frozenset((*self.inputs, *inner)) - {""}

    def renamed(self, before: str, after: str) -> Node:
        """The same with another name for a tensor that it reads or makes."""
        if before not in (*self.inputs, *self.outputs):
            return self
        (node,) = fields(self.raw)
        new = protobuf.message(GRAPH_NODE, *(_renamed(field, before, after) for field in fields(node.body)))
        return _node(next(fields(memoryview(new))))

    def whole(self, attribute: str, default: int = 0) -> int:
        """An attribute that is one whole number, which may be negative."""
        found = self.attributes.get(attribute)
        values = [] if found is None else [field.value for field in fields(found) if field.number == 3]
        value = values[-1] if values else default
        if not isinstance(value, int):
            raise ValueError("no whole number")
        return value - (1 << 64) if value >= 1 << 63 else value


@dataclass(frozen=True, eq=False)
class Weight:
    """A tensor of the file: its element type and shape."""

    element: int
    shape: tuple[int, ...]
    raw: memoryview


@dataclass(frozen=True, eq=False)
class Nodes:
    """A graph file taken apart. inputs and outputs: the fields of the graph by name; inputs leave out weights."""

    nodes: tuple[Node, ...]
    weights: Mapping[str, Weight]
    inputs: Mapping[str, memoryview]
    outputs: Mapping[str, memoryview]
    _model: tuple[Field, ...]
    _graph: tuple[Field, ...]

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """The node that makes each tensor."""
        return {name: node for node in self.nodes for name in node.outputs}

    def needed(self, wanted: Iterable[str], given: Iterable[str] = ()) -> tuple[Node, ...]:
        """The nodes that `wanted` tensors take, where the `given` ones are there already; in the file's order."""
        found, have, open_names = set[int](), set(given), list(wanted)
        while open_names:
            name = open_names.pop()
            node = self.producers.get(name)
            if name in have or node is None or id(node) in found:
                continue
            found.add(id(node))
            open_names += node.uses
        return tuple(node for node in self.nodes if id(node) in found)

    def model(self, nodes: Sequence[Node], more: bytes = b"") -> bytes:
        """The file with these nodes in place of its own, and with the weights that they use.

        more: further inputs and outputs, as fields of the graph. Those of the file stay.
        """
        used = {name for node in nodes for name in node.uses} | set(self.outputs)
        made = {name for node in nodes for name in node.outputs}
        kept = (field.raw for field in self._graph if _kept(field, used, made, self.weights))
        body = (*(node.raw for node in nodes), *kept, more)
        others = (field.raw for field in self._model if field.number != MODEL_GRAPH)
        return b"".join((*others, protobuf.message(MODEL_GRAPH, *body)))


def read_nodes(data: bytes | memoryview) -> Nodes:
    """Takes the bytes of a graph file apart. Raises `PackageError` where they are no ONNX model."""
    try:
        model = tuple(fields(memoryview(data)))
        (body,) = (field.body for field in model if field.number == MODEL_GRAPH)
        graph = tuple(fields(body))
        weights = dict(_weight(field) for field in graph if field.number == GRAPH_INITIALIZER)
        return Nodes(
            tuple(_node(field) for field in graph if field.number == GRAPH_NODE),
            weights,
            {name: field for name, field in _ports(graph, GRAPH_INPUT) if name not in weights},
            dict(_ports(graph, GRAPH_OUTPUT)),
            model,
            graph,
        )
    except (ValueError, IndexError):
        raise PackageError(
            "A graph of the model is no ONNX model, or it is cut short; get the package again."
        ) from None


def shape_of(port: memoryview) -> tuple[int | str, ...]:
    """The dimensions of an input or output, given its field; "" for one that has neither number nor name."""
    (info,) = fields(port)
    dimensions = _below(info.body, 2, 1, 2, 1)
    return tuple(next((_dimension(field) for field in fields(each)), "") for each in dimensions)


def element_of(port: memoryview) -> int:
    """The element type of an input or output, given its field."""
    (info,) = fields(port)
    found = (field.value for tensor in _below(info.body, 2, 1) for field in fields(tensor) if field.number == 1)
    return next((value for value in found if isinstance(value, int)), FLOAT)


def _kept(field: Field, used: set[str], made: set[str], weights: Mapping[str, Weight]) -> bool:
    if field.number == GRAPH_INITIALIZER:
        return _name(field.body, _WEIGHT_NAME) in used
    if field.number == GRAPH_INPUT:  # of old exporters also weights
        name = _name(field.body, 1)
        return name not in weights or name in used
    if field.number in (_VALUE_INFO, _QUANTIZATION):
        return _name(field.body, 1) in made
    return field.number != GRAPH_NODE


def _node(field: Field) -> Node:
    texts: dict[int, list[str]] = {1: [], 2: [], 3: [], 4: []}
    for part in fields(field.body):
        if part.number in texts:
            texts[part.number].append(part.text)
    return Node("".join(texts[4]), "".join(texts[3]), tuple(texts[1]), tuple(texts[2]), field.raw)


def _weight(field: Field) -> tuple[str, Weight]:
    name, element, shape = "", 0, list[int]()
    for part in fields(field.body):
        if part.number == 1:
            shape += protobuf.numbers(part)
        elif part.number == 2 and isinstance(part.value, int):
            element = part.value
        elif part.number == _WEIGHT_NAME:
            name = part.text
    return name, Weight(element, tuple(shape), field.raw)


def _ports(graph: Iterable[Field], number: int) -> Iterator[tuple[str, memoryview]]:
    return ((_name(field.body, 1), field.raw) for field in graph if field.number == number)


def _used_inside(attribute: memoryview) -> Iterator[str]:
    """What the nodes of an attribute's graphs read, also what they make themselves."""
    graphs = (field.body for field in fields(attribute) if field.number in (6, 11))
    for graph in graphs:
        for field in fields(graph):
            if field.number == GRAPH_NODE:
                yield from _node(field).uses
            elif field.number == GRAPH_OUTPUT:
                yield _name(field.body, 1)


def _renamed(field: Field, before: str, after: str) -> bytes | memoryview:
    """A field of a node; 1 and 2 are the names that it reads and makes."""
    return protobuf.text(field.number, after) if field.number in (1, 2) and field.text == before else field.raw


def _name(message: memoryview, number: int) -> str:
    return next((field.text for field in fields(message) if field.number == number), "")


def _below(data: memoryview, *path: int) -> Iterator[memoryview]:
    """The messages at the end of a path of field numbers."""
    if not path:
        yield data
        return
    for field in fields(data):
        if field.number == path[0]:
            yield from _below(field.body, *path[1:])


def _dimension(field: Field) -> int | str:
    return field.value if isinstance(field.value, int) else field.text
