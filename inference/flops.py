"""How many floating-point operations a graph takes, counted node by node at given input shapes.

Convolutions, matrix products and attention made of them; the rest is small beside these. A multiplication with its
addition counts as two. The shapes inside come from running the graph's arithmetic on shapes: only the small tensors
that shapes are made of are computed, the others are known by their shape alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import protobuf
from inference.errors import PackageError
from inference.onnx_nodes import Node, read_nodes, shape_of
from inference.protobuf import fields

Array = NDArray[Any]
Shape = tuple[int, ...]

_SMALL = 4096
"""Tensors up to so many numbers are computed: shapes, and what is made of them."""
_DTYPES: Mapping[int, str] = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
_NUMBERS_OF: Mapping[int, tuple[int, str]] = {1: (4, "<f4"), 6: (5, ""), 7: (7, ""), 11: (10, "<f8")}


@dataclass(frozen=True)
class _Value:
    """A tensor's shape, and its numbers where they are few and known."""

    shape: Shape
    numbers: Array | None = None


Values = Sequence[_Value]


def count(data: bytes | memoryview, given: Callable[[str, tuple[int | str, ...]], Shape]) -> int:
    """The operations of one run. given: the shape for an input, by its name and the shape that the file tells.

    Raises `PackageError` where the bytes are no ONNX model, or the shapes do not fit it.
    """
    graph = read_nodes(data)
    known = {name: _Value(given(name, shape_of(port))) for name, port in graph.inputs.items()}
    known |= {name: _tensor(weight.raw, weight.shape, weight.element) for name, weight in graph.weights.items()}
    total = 0
    try:
        for node in graph.nodes:
            inputs = [known[name] if name else _Value(()) for name in node.inputs]
            outputs = _outputs(node, inputs)
            total += _operations(node, inputs, outputs)
            known |= zip(node.outputs, outputs, strict=False)
    except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError) as error:
        raise PackageError(
            f"The operations of a graph could not be counted ({type(error).__name__}: {error})."
        ) from error
    return total


def _operations(node: Node, inputs: Values, outputs: Values) -> int:
    match node.op:
        case "Conv":
            return 2 * math.prod(outputs[0].shape) * math.prod(inputs[1].shape[1:])
        case "ConvTranspose":
            return 2 * math.prod(inputs[0].shape) * math.prod(inputs[1].shape[1:])
        case "MatMul":
            return 2 * math.prod(outputs[0].shape) * inputs[0].shape[-1]
        case "Gemm":
            return 2 * math.prod(outputs[0].shape) * inputs[0].shape[0 if node.whole("transA") else 1]
        case "Einsum":
            return 2 * math.prod(_letters(node, inputs).values())
        case _:
            return 0


def _outputs(node: Node, inputs: Values) -> Values:
    if node.op in _ARITHMETIC:
        return (_arithmetic(node.op, inputs),)
    rule = _RULES.get(node.op)
    return rule(node, inputs) if rule else tuple(_Value(inputs[0].shape) for _ in node.outputs)


def _arithmetic(op: str, inputs: Values) -> _Value:
    """Numbers where all are known, else the shape that broadcasting gives."""
    arrays = [value.numbers for value in inputs if value.numbers is not None]
    if len(arrays) == len(inputs):
        made = np.asarray(_ARITHMETIC[op](*arrays))
        return _Value(made.shape, made)
    return _Value(np.broadcast_shapes(*(value.shape for value in inputs)))


def _divide(a: Array, b: Array) -> Array:
    return np.trunc(a / b).astype(a.dtype) if a.dtype.kind == "i" else a / b


_ARITHMETIC: Mapping[str, Callable[..., Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divide,
    "Mod": np.mod,
    "Pow": np.power,
    "Sqrt": np.sqrt,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Neg": np.negative,
    "Equal": np.equal,
    "Less": np.less,
    "Greater": np.greater,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Not": np.logical_not,
    "Min": np.minimum,
    "Max": np.maximum,
    "Where": np.where,
    "Identity": np.asarray,
}


def _constant(node: Node, inputs: Values) -> Values:
    for name, message in node.attributes.items():
        for field in fields(message):
            if name == "value" and field.number == 5:
                return (_tensor_of(field.body),)
    if "value_ints" in node.attributes:
        return (_known(np.array(_wholes(node, "value_ints"), np.int64)),)
    return (_known(np.array(node.whole("value_int"), np.int64)),)


def _shape(node: Node, inputs: Values) -> Values:
    end = node.whole("end") if "end" in node.attributes else None
    return (_known(np.array(inputs[0].shape[node.whole("start") : end], np.int64)),)


def _cast(node: Node, inputs: Values) -> Values:
    numbers, dtype = inputs[0].numbers, _DTYPES.get(node.whole("to"))
    return (_Value(inputs[0].shape, numbers.astype(dtype) if numbers is not None and dtype else None),)


def _gather(node: Node, inputs: Values) -> Values:
    (data, index), axis = inputs, node.whole("axis")
    if data.numbers is not None and index.numbers is not None:
        return (_known(np.take(data.numbers, index.numbers, axis)),)
    axis %= len(data.shape)
    return (_Value((*data.shape[:axis], *index.shape, *data.shape[axis + 1 :])),)


def _concat(node: Node, inputs: Values) -> Values:
    axis = node.whole("axis")
    arrays = [value.numbers for value in inputs if value.numbers is not None]
    if len(arrays) == len(inputs):
        return (_known(np.concatenate(arrays, axis)),)
    shape = list(inputs[0].shape)
    shape[axis] = sum(value.shape[axis] for value in inputs)
    return (_Value(tuple(shape)),)


def _unsqueeze(node: Node, inputs: Values) -> Values:
    axes = _list(node, inputs, 1, "axes")
    rank = len(inputs[0].shape) + len(axes)
    places, sides = {axis % rank for axis in axes}, iter(inputs[0].shape)
    return (_reshaped(inputs[0], tuple(1 if axis in places else next(sides) for axis in range(rank))),)


def _squeeze(node: Node, inputs: Values) -> Values:
    shape = inputs[0].shape
    axes = {axis % len(shape) for axis in _list(node, inputs, 1, "axes")} or {i for i, n in enumerate(shape) if n == 1}
    return (_reshaped(inputs[0], tuple(side for axis, side in enumerate(shape) if axis not in axes)),)


def _reshape(node: Node, inputs: Values) -> Values:
    wanted = [inputs[0].shape[axis] if side == 0 else side for axis, side in enumerate(_list(node, inputs, 1, ""))]
    if -1 in wanted:
        rest = math.prod(side for side in wanted if side != -1)
        wanted[wanted.index(-1)] = math.prod(inputs[0].shape) // rest
    return (_reshaped(inputs[0], tuple(wanted)),)


def _flatten(node: Node, inputs: Values) -> Values:
    axis = node.whole("axis", 1)
    shape = inputs[0].shape
    return (_reshaped(inputs[0], (math.prod(shape[:axis]), math.prod(shape[axis:]))),)


def _slice(node: Node, inputs: Values) -> Values:
    starts, ends = _list(node, inputs, 1, "starts"), _list(node, inputs, 2, "ends")
    axes = _list(node, inputs, 3, "axes") or list(range(len(starts)))
    steps = _list(node, inputs, 4, "") or [1] * len(starts)
    shape = inputs[0].shape
    taken = [slice(None)] * len(shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        taken[axis] = slice(start, None if step < 0 and end < -shape[axis] else end, step)
    if inputs[0].numbers is not None:
        return (_known(inputs[0].numbers[tuple(taken)]),)
    return (_Value(tuple(len(range(*part.indices(side))) for part, side in zip(taken, shape, strict=True))),)


def _constant_of_shape(node: Node, inputs: Values) -> Values:
    shape = tuple(_list(node, inputs, 0, ""))
    value = _constant(node, ())[0].numbers if "value" in node.attributes else np.zeros(1, np.float32)
    return (_Value(shape, np.full(shape, value) if math.prod(shape) <= _SMALL else None),)


def _expand(node: Node, inputs: Values) -> Values:
    shape = np.broadcast_shapes(inputs[0].shape, tuple(_list(node, inputs, 1, "")))
    numbers = inputs[0].numbers
    return (_Value(shape, np.broadcast_to(numbers, shape) if numbers is not None else None),)


def _tile(node: Node, inputs: Values) -> Values:
    return (_Value(tuple(a * b for a, b in zip(inputs[0].shape, _list(node, inputs, 1, ""), strict=True))),)


def _range(node: Node, inputs: Values) -> Values:
    start, limit, step = (value.numbers for value in inputs)
    if start is None or limit is None or step is None:
        raise ValueError("a range of unknown length")
    return (_known(np.arange(start.item(), limit.item(), step.item(), dtype=start.dtype)),)


def _transpose(node: Node, inputs: Values) -> Values:
    shape = inputs[0].shape
    order = _wholes(node, "perm") or list(range(len(shape)))[::-1]
    numbers = inputs[0].numbers
    return (_Value(tuple(shape[axis] for axis in order), None if numbers is None else numbers.transpose(order)),)


def _split(node: Node, inputs: Values) -> Values:
    shape, axis = inputs[0].shape, node.whole("axis")
    parts = len(node.outputs)
    sizes = _list(node, inputs, 1, "split") or [math.ceil(shape[axis] / parts)] * parts
    axis %= len(shape)
    return tuple(_Value((*shape[:axis], size, *shape[axis + 1 :])) for size in sizes)


def _reduce(node: Node, inputs: Values) -> Values:
    shape = inputs[0].shape
    axes = {axis % len(shape) for axis in _list(node, inputs, 1, "axes")} or set(range(len(shape)))
    kept = ((1 if axis in axes else side) for axis, side in enumerate(shape) if axis not in axes or _keeps(node))
    return (_Value(tuple(kept)),)


def _keeps(node: Node) -> bool:
    return node.whole("keepdims", 1) == 1


def _conv(node: Node, inputs: Values) -> Values:
    shape, weight = inputs[0].shape, inputs[1].shape
    rank = len(shape) - 2
    strides = _wholes(node, "strides") or [1] * rank
    spread = _wholes(node, "dilations") or [1] * rank
    pads = _wholes(node, "pads") or [0] * 2 * rank
    reach = [(side - 1) * apart + 1 for side, apart in zip(weight[2:], spread, strict=True)]
    sides = (
        (shape[2 + i] + pads[i] + pads[i + rank] - reach[i]) // strides[i] + 1  # "same" padding is not exported
        for i in range(rank)
    )
    return (_Value((shape[0], weight[0], *sides)),)


def _conv_transpose(node: Node, inputs: Values) -> Values:
    shape, weight = inputs[0].shape, inputs[1].shape
    rank = len(shape) - 2
    strides, pads = _wholes(node, "strides") or [1] * rank, _wholes(node, "pads") or [0] * 2 * rank
    more = _wholes(node, "output_padding") or [0] * rank
    sides = ((shape[2 + i] - 1) * strides[i] + weight[2 + i] + more[i] - pads[i] - pads[i + rank] for i in range(rank))
    return (_Value((shape[0], weight[1] * node.whole("group", 1), *sides)),)


def _matmul(node: Node, inputs: Values) -> Values:
    a, b = inputs[0].shape, inputs[1].shape
    if a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ValueError(f"{node.name or node.op} multiplies {a} by {b}")
    if len(b) == 1:
        return (_Value(a[:-1]),)
    return (_Value((*np.broadcast_shapes(a[:-2], b[:-2]), *a[-2:-1], *b[-1:])),)


def _gemm(node: Node, inputs: Values) -> Values:
    a, b = inputs[0].shape, inputs[1].shape
    return (_Value((a[1 if node.whole("transA") else 0], b[0 if node.whole("transB") else 1])),)


def _einsum(node: Node, inputs: Values) -> Values:
    sides = _letters(node, inputs)
    return (_Value(tuple(sides[letter] for letter in _equation(node).partition("->")[2])),)


def _letters(node: Node, inputs: Values) -> dict[str, int]:
    terms = _equation(node).partition("->")[0].split(",")
    pairs = zip(terms, inputs, strict=True)
    return {letter: side for term, value in pairs for letter, side in zip(term, value.shape, strict=True)}


def _equation(node: Node) -> str:
    text = next(field.text for field in fields(node.attributes["equation"]) if field.number == 4)
    return text.replace(" ", "")


def _resize(node: Node, inputs: Values) -> Values:
    """scales and sizes are the last two inputs, of which one is left out; the oldest form has scales alone."""
    sizes = inputs[3].numbers if len(inputs) > 3 else None
    if sizes is not None and sizes.size:
        return (_Value(tuple(int(side) for side in sizes)),)
    scales = inputs[min(2, len(inputs) - 1)].numbers
    if scales is None:
        raise ValueError(f"{node.name or node.op} has an unknown scale")
    return (_Value(tuple(math.floor(side * scale) for side, scale in zip(inputs[0].shape, scales, strict=True))),)


def _depth_to_space(node: Node, inputs: Values) -> Values:
    n, channels, height, width = inputs[0].shape
    side = node.whole("blocksize", 1)
    return (_Value((n, channels // side**2, height * side, width * side)),)


_RULES: Mapping[str, Callable[[Node, Values], Values]] = {
    "Constant": _constant,
    "Shape": _shape,
    "Cast": _cast,
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Slice": _slice,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
    "Transpose": _transpose,
    "Split": _split,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
    "ReduceMax": _reduce,
    "ReduceMin": _reduce,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Einsum": _einsum,
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
}


def _known(numbers: Array) -> _Value:
    return _Value(numbers.shape, numbers if numbers.size <= _SMALL else None)


def _reshaped(value: _Value, shape: Shape) -> _Value:
    return _Value(shape, None if value.numbers is None else value.numbers.reshape(shape))


def _list(node: Node, inputs: Values, index: int, attribute: str) -> list[int]:
    """Whole numbers that are an input, or in older graphs an attribute; none where neither is there."""
    if index < len(inputs) and index < len(node.inputs) and node.inputs[index]:
        numbers = inputs[index].numbers
        if numbers is None:
            raise ValueError(f"{node.name or node.op} has a shape that depends on the picture")
        return [int(number) for number in numbers.ravel()]
    return _wholes(node, attribute)


def _wholes(node: Node, attribute: str) -> list[int]:
    message = node.attributes.get(attribute)
    if message is None:
        return []
    return [_signed(value) for field in fields(message) if field.number == 8 for value in protobuf.numbers(field)]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _tensor_of(body: memoryview) -> _Value:
    shape, element = list[int](), 0
    for field in fields(body):
        if field.number == 1:
            shape += protobuf.numbers(field)
        elif field.number == 2 and isinstance(field.value, int):
            element = field.value
    return _Value(tuple(shape), _numbers(body, tuple(shape), element))


def _tensor(raw: memoryview, shape: Shape, element: int) -> _Value:
    (tensor,) = fields(raw)
    return _Value(shape, _numbers(tensor.body, shape, element))


def _numbers(body: memoryview, shape: Shape, element: int) -> Array | None:
    """The numbers of a small tensor that lie in the file; raw_data is field 9, and each type has a field of its own."""
    if element not in _DTYPES or math.prod(shape) > _SMALL:
        return None
    own, packed = _NUMBERS_OF.get(element, (0, ""))
    listed = list[int]()
    for field in fields(body):
        if field.number == 9:
            return np.frombuffer(field.body, _DTYPES[element]).reshape(shape)
        if field.number == own and packed:
            return np.frombuffer(field.body, packed).reshape(shape)
        if field.number == own:
            listed += [_signed(value) for value in protobuf.numbers(field)]
    return np.array(listed, _DTYPES[element]).reshape(shape) if len(listed) == math.prod(shape) else None
