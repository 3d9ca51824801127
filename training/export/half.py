"""The same graph computed in float16, as graphics cards like it; inputs and outputs stay float32.

What tells the network how noisy the picture is, the sinusoidal embedding of the timestep, stays float32 up to its first
linear layer: in float16 a timestep of 946.42 would become 946.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.export.attention import prune

TIMESTEP = "timestep"
_FLOAT, _HALF = TensorProto.FLOAT, TensorProto.FLOAT16
# Inputs that are float32 in every precision, by operator (ONNX's and ONNX Runtime's definitions).
_ALWAYS_SINGLE: Mapping[str, tuple[int, ...]] = {"Resize": (2,), "GroupNorm": (1, 2)}
_LARGEST = float(np.finfo(np.float16).max)


def to_half(model: onnx.ModelProto, stored: Mapping[str, onnx.TensorProto]) -> onnx.ModelProto | None:
    """A float16 copy of the float32 graph `model`.

    stored: the large initializers as their file has them. None where one of those is not stored as float16, because a
    value of it is beyond float16's range or the package keeps float32.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    large = {tensor.name for tensor in copy.graph.initializer if tensor.name in stored and not tensor.raw_data}
    if any(stored[name].data_type != _HALF for name in large):
        return None
    _Halving(copy.graph, {name: stored[name] for name in large}).run()
    del copy.graph.value_info[:]  # they name the old types
    return copy


@dataclass
class _Halving:
    graph: onnx.GraphProto
    stored: Mapping[str, onnx.TensorProto]
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict[str, onnx.TensorProto])
    single: set[str] = field(default_factory=set[str])
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    made: dict[str, onnx.TensorProto] = field(default_factory=dict[str, onnx.TensorProto])
    halved: set[str] = field(default_factory=set[str])

    def run(self) -> None:
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer if tensor.data_type == _FLOAT}
        kept = self._timestep_nodes()
        outputs = {value.name for value in self.graph.output}
        inputs = {value.name for value in self.graph.input if value.type.tensor_type.elem_type == _FLOAT}
        self.single |= inputs
        for node in self.graph.node:
            if (
                node.op_type == "Constant"
                and node.attribute[0].name == "value"
                and node.attribute[0].t.data_type == _FLOAT
            ):
                self.constants[node.output[0]] = node.attribute[0].t
                continue
            keep = node.name in kept
            if not keep:
                self._retype(node)
            for index, name in enumerate(node.input):
                node.input[index] = self._wanted(name, keep or index in _ALWAYS_SINGLE.get(node.op_type, ()))
            self._emit(node, outputs)
        rest = [tensor for tensor in self.graph.initializer if tensor.data_type != _FLOAT]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend([*rest, *self.made.values()])
        prune(self.graph)

    def _timestep_nodes(self) -> set[str]:
        """The names of the nodes between the timestep and the first linear layer; their outputs stay float32."""
        reached, kept = {TIMESTEP}, set[str]()
        for number, node in enumerate(self.graph.node):
            node.name = node.name or f"node.{number}"
            if reached.intersection(node.input) and node.op_type not in ("Gemm", "MatMul", "Shape"):
                reached.update(node.output)
                kept.add(node.name)
                self.single.update(node.output)
        return kept

    def _wanted(self, name: str, single: bool) -> str:
        """The name under which a value is found in the type that is wanted, made where it is not there yet."""
        if name in self.constants:
            return self._constant(name, single)
        if single or name not in self.single:
            return name
        if name not in self.halved:
            self.nodes.append(_cast(name, f"{name}.half", _HALF))
            self.halved.add(name)
        return f"{name}.half"

    def _constant(self, name: str, single: bool) -> str:
        if name in self.stored and not single:
            self.made.setdefault(name, self.stored[name])
            return name
        wanted = f"{name}.single" if single else name
        if wanted not in self.made:
            values = numpy_helper.to_array(self.constants[name]).astype(np.float32)
            fitting = values if single else np.clip(values, -_LARGEST, _LARGEST).astype(np.float16)
            self.made[wanted] = numpy_helper.from_array(fitting, wanted)
        return wanted

    def _emit(self, node: onnx.NodeProto, outputs: set[str]) -> None:
        final = [name for name in node.output if name in outputs]
        for index, name in enumerate(node.output):
            if name in final:
                node.output[index] = f"{name}.half"
        self.nodes.append(node)
        self.nodes += [_cast(f"{name}.half", name, _FLOAT) for name in final]

    def _retype(self, node: onnx.NodeProto) -> None:
        """Nodes that name the type of what they make."""
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == _FLOAT:
                attribute.i = _HALF
            if node.op_type == "ConstantOfShape" and attribute.t.data_type == _FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float16)))


def _cast(name: str, output: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [name], [output], name=f"{output}.cast", to=kind)
