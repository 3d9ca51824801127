"""Where to cut a UNet so that a step can use the deep features of the step before (DeepCache, arXiv 2312.00858).

A UNet takes the outputs of its way down again on its way up: a Concat joins each to the hidden state that comes from
below. At the Concat, the hidden state is all that the deep part adds: with it given, what is left to compute is the
outermost layers. The cuts are found by structure (a Concat where one input comes from the other), so names do not
matter, and fused graphs are cut too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inference import onnx_write
from inference.onnx_nodes import Node, Nodes, element_of, read_nodes, shape_of
from inference.onnx_write import FLOAT, GRAPH_INPUT, GRAPH_OUTPUT

DEEP = "deep"
"""The name of the features as an output of the whole graph and as an input of the shallow one."""

DEPTH = 2
"""Where to cut. Of a step of the full-size model (OpenVINO, bf16, 512 px, 3 branches) the shallow graph takes 9 % at
depth 1, 27 % at 2 and 43 % at 3. Edits of the bundled model with the whole network in every third step at depth 2 took
less time than with every second at depth 1, and differed from the exact ones by 5 dB less."""

_PASSED = frozenset({"Identity", "Cast", "Transpose"})
_ELEMENTWISE = frozenset({"Identity", "Cast", "Add", "Sub", "Mul", "Div"})
_CONVOLUTIONS = frozenset({"Conv", "FusedConv", "NhwcConv"})
_UPSAMPLING = frozenset({"Resize", "Upsample", "ConvTranspose"})
_DATA_SECOND = frozenset({"Where", "CastLike", "DequantizeLinear"})  # the input whose type counts is not the first


@dataclass(frozen=True)
class Cut:
    """tensor: the deep features, (N, channels, h, w), or (N, h, w, channels) where the graph is laid out so.

    element: their type as ONNX counts types (1 float32, 10 float16). channels: None where the file does not tell.
    shape: as an input or output says it, with names for what is not fixed.
    """

    tensor: str
    element: int
    channels: int | None
    shape: tuple[int | str, ...]


def cut(data: bytes | memoryview, depth: int = DEPTH) -> Cut | None:
    """The cut of a UNet's graph at its `depth`-th Concat from the end, or at the first; None where it has none.

    Depth 1 joins the output of conv_in. Deeper costs more and changes less. Raises `PackageError` for damaged bytes.
    """
    graph = read_nodes(data)
    joins = list(_joins(graph))
    if not joins:
        return None
    join, deep = joins[-min(depth, len(joins))]
    return Cut(deep, _element(graph, deep), _channels(graph, deep), _shape(graph, join, deep))


def with_deep_output(data: bytes | memoryview, cut: Cut) -> bytes:
    """The whole graph with the deep features as one more output, `DEEP`."""
    graph = read_nodes(data)
    port = onnx_write.port(GRAPH_OUTPUT, DEEP, cut.element, cut.shape)
    return graph.model([node.renamed(cut.tensor, DEEP) for node in graph.nodes], port)


def shallow(data: bytes | memoryview, cut: Cut) -> bytes:
    """Only what is needed from the cut on. Its inputs are those of the whole graph, used or not, and `DEEP`."""
    graph = read_nodes(data)
    needed = graph.needed(graph.outputs, [cut.tensor])
    port = onnx_write.port(GRAPH_INPUT, DEEP, cut.element, cut.shape)
    return graph.model([node.renamed(cut.tensor, DEEP) for node in needed], port)


def _joins(graph: Nodes) -> Iterator[tuple[Node, str]]:
    """(the Concat, its deep input), in the order in which they are computed."""
    sources = _sources(graph)
    for node in graph.nodes:
        if node.op != "Concat" or len(node.inputs) != 2:
            continue
        for deep, skip in (node.inputs, node.inputs[::-1]):
            start, end = _origin(graph, skip), _origin(graph, deep)
            if start is not None and end is not None and start != end and sources[id(graph.nodes[end])] >> start & 1:
                yield node, deep


def _sources(graph: Nodes) -> dict[int, int]:
    """For each node the set of nodes that it depends on and that see the first input of rank 4, as bits by place."""
    place = {id(node): number for number, node in enumerate(graph.nodes)}
    pictures = {name for name, port in graph.inputs.items() if len(shape_of(port)) == 4}
    result: dict[int, int] = {}
    for node in graph.nodes:
        bits, sees = 0, bool(pictures & node.uses)
        for name in node.uses:
            maker = graph.producers.get(name)
            if maker is not None and result.get(id(maker)):
                bits |= result[id(maker)]
                sees = True
        result[id(node)] = bits | 1 << place[id(node)] if sees else 0
    return result


def _origin(graph: Nodes, name: str) -> int | None:
    """The place of the node that made a tensor, before it was cast or laid out otherwise."""
    node = graph.producers.get(name)
    while node is not None and node.op in _PASSED and node.inputs[0] in graph.producers:
        node = graph.producers[node.inputs[0]]
    return None if node is None else graph.nodes.index(node)


def _element(graph: Nodes, name: str) -> int:
    """The type of a tensor: that of what it is computed from, up to the nearest cast, weight or input."""
    node = graph.producers.get(name)
    while node is not None:
        if node.op == "Cast":
            return node.whole("to", FLOAT)
        name = node.inputs[1 if node.op in _DATA_SECOND else 0]
        if name in graph.weights:
            return graph.weights[name].element
        node = graph.producers.get(name)
    return element_of(graph.inputs[name]) if name in graph.inputs else FLOAT


def _channels(graph: Nodes, name: str) -> int | None:
    """What the convolution gives that made a tensor, or to whose answer the others were added."""
    node = graph.producers.get(name)
    if node is None:
        return None
    if node.op in _CONVOLUTIONS:
        return next(iter(_weight_shape(graph, node.inputs[1])), None)
    parts = (_channels(graph, each) for each in node.inputs) if node.op in _ELEMENTWISE else ()
    return next((part for part in parts if part is not None), None)


def _weight_shape(graph: Nodes, name: str) -> tuple[int, ...]:
    """The shape of a weight, also where that is stored in another type."""
    while (node := graph.producers.get(name)) is not None and node.op in ("Cast", "Identity"):
        name = node.inputs[0]
    return graph.weights[name].shape if name in graph.weights else ()


def _shape(graph: Nodes, join: Node, deep: str) -> tuple[int | str, ...]:
    """As large as the picture that goes in, unless it grows again on the way up."""
    shapes = [shape_of(port) for port in graph.inputs.values()]
    picture = next((shape for shape in shapes if len(shape) == 4), ("", "", "", ""))
    grows = any(node.op in _UPSAMPLING for node in graph.needed(graph.outputs, [deep]))
    height, width = ("", "") if grows else picture[2:]
    sides = (picture[0] or "deep_batch", height or "deep_height", width or "deep_width")
    channels = _channels(graph, deep) or "deep_channels"
    last = join.whole("axis", 1) in (3, -1)
    return (*sides, channels) if last else (sides[0], channels, *sides[1:])
