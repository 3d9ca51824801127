"""The timestep, kept in float32 where the rest is computed in less.

A network sees the timestep as sines and cosines of multiples of it. In bfloat16, which has eight bits, 946.42 is 948
before the sine is taken, and the answer is off by several percent. So everything from the timestep to the first matrix
product is a small model of its own, in float32; what it gives is an input of the large one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from inference.network import Array
from inference.openvino_runtime import CompiledModel, Core, Node, OpenVino, Output, OvModel
from inference.step_graph import TIMESTEP

GIVEN = "openvino.time"
"""The input of the large model that takes what the small one gives."""

_TIMESTEPS = frozenset({TIMESTEP, "timestep"})
_PRODUCTS = frozenset({"MatMul", "FullyConnected", "Convolution"})


@dataclass(frozen=True, eq=False)
class ExactTime:
    """reads: the inputs of the graph that it is computed from. taken: those that the large model has no more."""

    small: CompiledModel
    reads: tuple[str, ...]
    taken: frozenset[str]

    def feeds(self, library: OpenVino, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The inputs of the large model, for those of the graph."""
        request = self.small.create_infer_request()
        for name in self.reads:
            request.set_tensor(self.small.input(name), library.Tensor(inputs[name].copy(), shared_memory=False))
        request.start_async()
        request.wait()
        given = np.array(request.get_tensor(self.small.outputs[0]).data)
        return {name: array for name, array in inputs.items() if name not in self.taken} | {GIVEN: given}


def take_out(core: Core, library: OpenVino, model: OvModel, device: str) -> ExactTime | None:
    """Take the timestep's part out of `model`; None where it has none, and the model is left as it was."""
    parameters = {node.get_friendly_name(): node for node in model.get_parameters()}
    timestep = next((node for name, node in parameters.items() if name in _TIMESTEPS), None)
    ends = list(_ends(timestep)) if timestep is not None else []
    if len(ends) != 1:
        return None
    (end,) = ends
    sources = {node.get_friendly_name(): node for node in _sources(end.get_node())}
    small = core.compile_model(
        library.Model([end], list(sources.values())), device, {"INFERENCE_PRECISION_HINT": "f32"}
    )
    _replace(library, model, end)
    taken = [name for name, node in sources.items() if not list(node.output(0).get_target_inputs())]
    for name in taken:
        model.remove_parameter(parameters[name])
    return ExactTime(small, tuple(sources), frozenset(taken))


def _replace(library: OpenVino, model: OvModel, end: Output) -> None:
    """Make the value at `end` an input."""
    given = library.op.Parameter(end.get_element_type(), end.get_partial_shape())
    given.set_friendly_name(GIVEN)
    given.output(0).set_names({GIVEN})
    for user in list(end.get_target_inputs()):
        user.replace_source_output(given.output(0))
    model.add_parameters([given])
    model.validate_nodes_and_infer_types()


def _ends(timestep: Node) -> Iterator[Output]:
    """Each value that depends on the timestep and goes into a product."""
    todo, seen = [timestep], set[str]()
    while todo:
        node = todo.pop()
        users = [user.get_node() for user in node.output(0).get_target_inputs()]
        if any(user.get_type_name() in _PRODUCTS for user in users):
            yield node.output(0)
            continue
        new = [user for user in users if user.get_type_name() != "ShapeOf" and user.get_name() not in seen]
        seen |= {user.get_name() for user in new}
        todo += new


def _sources(node: Node) -> Iterator[Node]:
    """The inputs of the model that a node depends on."""
    todo, seen = [node], set[str]()
    while todo:
        node = todo.pop()
        if node.get_type_name() == "Parameter":
            yield node
        new = [value.get_node() for value in node.input_values()]
        todo += [each for each in new if each.get_name() not in seen]
        seen |= {each.get_name() for each in new}
