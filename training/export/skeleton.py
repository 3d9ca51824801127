"""A pipeline without its weights, and the ONNX graphs that are traced from it.

The structure of a graph needs the shapes of the weights alone. So every weight here is a single number, spread out to
the weight's shape without taking memory, and the number says which weight it is. Tracing runs on these tags; whatever
the exporter does to a weight on the way (it transposes those of linear layers), the tag still tells where it came from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import onnx

from training.export.errors import ExportError
from training.export.graph_file import read_structure
from training.export.quiet import quiet
from training.export.weights import Weight, Weights, same_but_for_ones

_TAG = 1 / 2**20  # exact in float32, for a million weights


@dataclass(frozen=True)
class Origin:
    """Where an initializer of a graph comes from: a weight of the module, transposed or not, in the graph's shape."""

    weight: str
    shape: tuple[int, ...]
    transposed: bool

    def of(self, weights: Weights) -> Weight:
        """The initializer's values. Raises `ExportError` where the weight is missing or of another shape."""
        weight = weights[self.weight]
        if not self.transposed:
            return Weight(self.shape, weight.dtype, lambda: weight.read().reshape(self.shape))
        return Weight(self.shape, weight.dtype, lambda: weight.read().reshape(self.shape[::-1]).T)


@dataclass(frozen=True)
class Skeleton:
    """A graph whose large initializers have names, types and shapes, and no values. origins: by initializer."""

    model: onnx.ModelProto
    origins: Mapping[str, Origin]


@contextmanager
def empty_modules() -> Generator[None]:
    """Inside, modules are made without values in their weights; buffers, which are computed, are real."""
    accelerate = cast("Any", import_module("accelerate"))
    with accelerate.init_empty_weights(include_buffers=False):
        yield


def tag(module: Any) -> dict[float, str]:
    """Puts a tag in place of every weight of `module`; tag -> name of the weight."""
    torch = cast("Any", import_module("torch"))
    names: dict[float, str] = {}
    shared: dict[int, Any] = {}
    for prefix, inner in module.named_modules():
        for key, weight in list(inner._parameters.items()):
            if weight is None:
                continue
            if id(weight) not in shared:
                number = (len(names) + 1) * _TAG
                names[number] = f"{prefix}.{key}" if prefix else key
                spread = torch.full((1,) * weight.dim(), number).expand(weight.shape)
                shared[id(weight)] = torch.nn.Parameter(spread, requires_grad=False)
            inner._parameters[key] = shared[id(weight)]
    return names


def trace_skeleton(module: Any, config: Any, opset: int, shapes: Mapping[str, int]) -> Skeleton:
    """The graph of `module` (left with tags in place of weights), as optimum exports it through TorchScript."""
    export = cast("Any", import_module("optimum.exporters.onnx.convert")).export_pytorch
    names = tag(module)
    made: list[tuple[int, ...]] = []

    def look(_module: object, _inputs: object, outputs: Any) -> None:
        values = outputs.values() if hasattr(outputs, "values") else outputs
        made[:] = [tuple(int(side) for side in value.shape) for value in values]

    hook = module.register_forward_hook(look)
    try:
        with tempfile.TemporaryDirectory() as folder, quiet(), _without_values() as tensors:
            file = Path(folder) / "model.onnx"
            export(module, config, opset, file, input_shapes=dict(shapes))
            model = read_structure(file)
    finally:
        hook.remove()
    _fix_outputs(model, made, config)
    return Skeleton(model, _take_initializers(model, tensors, names, dict(module.named_parameters())))


@contextmanager
def _without_values() -> Generator[dict[str, Any]]:
    """Inside, TorchScript's exporter writes the weights as inputs of the graph; the yielded table gets their tensors.

    Its own `export_params=False` does the same, but optimum has no way to pass that on.
    """
    graph = cast("Any", import_module("torch"))._C.Graph
    original = graph._export_onnx
    tensors: dict[str, Any] = {}

    def export(self: Any, weights: dict[str, Any], *rest: Any) -> Any:
        tensors.update(weights)
        return original(self, {}, *rest)

    graph._export_onnx = export
    try:
        yield tensors
    finally:
        graph._export_onnx = original


def _fix_outputs(model: onnx.ModelProto, made: list[tuple[int, ...]], config: Any) -> None:
    """Sides of the outputs that the exporter took for free ones, as optimum fixes them with a run of the graph."""
    axes = [*config.inputs.values(), *config.outputs.values()]
    free = {name for table in axes for name in table.values()}
    for value, shape in zip(model.graph.output, made, strict=False):
        for side, length in zip(value.type.tensor_type.shape.dim, shape, strict=True):
            if side.HasField("dim_param") and side.dim_param not in free:
                side.dim_value = length


def _take_initializers(
    model: onnx.ModelProto, tensors: Mapping[str, Any], names: Mapping[float, str], weights: Mapping[str, Any]
) -> dict[str, Origin]:
    """Makes the inputs that are weights initializers again; returns where each comes from."""
    inputs = [value for value in model.graph.input if value.name not in tensors]
    used = {name for node in model.graph.node for name in node.input}
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    origins: dict[str, Origin] = {}
    for name, tensor in tensors.items():
        if name not in used:
            continue
        first = float(tensor.flatten()[0]) if tensor.is_floating_point() and tensor.numel() else 0.0
        if first in names:
            origins[name] = _origin(name, names[first], tuple(tensor.shape), tuple(weights[names[first]].shape))
            model.graph.initializer.append(
                onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=tensor.shape)
            )
        else:
            model.graph.initializer.append(onnx.numpy_helper.from_array(tensor.numpy(), name))
    return origins


def _origin(name: str, weight: str, shape: tuple[int, ...], original: tuple[int, ...]) -> Origin:
    if name != weight and len(shape) == len(original) == 2 and shape == original[::-1]:
        return Origin(weight, shape, transposed=True)
    if same_but_for_ones(shape, original):
        return Origin(weight, shape, transposed=False)
    raise ExportError(f"The weight {weight} of {original} became {name} of {shape}, so the model cannot be exported.")
