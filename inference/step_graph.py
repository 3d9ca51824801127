"""The guided step of InstructPix2Pix as one graph around a package's UNet.

    x, one latent a variant -> beside each branch's image condition -> UNet -> guidance -> clean estimate -> next x

so that a step is one run, in which only numbers come from the host. What a sampler and the kind of prediction mean for
it is one row of six numbers; the weights of guidance are another input, so that any number of branches may be asked.
Nodes are added around the UNet's own; its weights stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.errors import PackageError
from inference.graph_file import GraphFile, Port
from inference.onnx_write import (
    FLOAT,
    GRAPH_INPUT,
    GRAPH_OUTPUT,
    INT64,
    MODEL_GRAPH,
    constant,
    node,
    port,
    ports,
)
from inference.protobuf import fields, message

LATENT: Final = "step.latent"
BEFORE: Final = "step.before"
NOISE: Final = "step.noise"
IMAGES: Final = "step.images"
TEXTS: Final = "step.texts"
TIMESTEP: Final = "step.timestep"
WEIGHTS: Final = "step.weights"
ROW: Final = "step.row"
NEXT: Final = "step.next"
ESTIMATE: Final = "step.estimate"
DEEP: Final = "deep"
"""What a graph for feature reuse gives or takes besides; it stays an output or input of the composed one."""

_INTEGERS = (6, INT64)
_NUMBERS = ("a", "b", "c", "d", "p", "q")  # the order in a row
_REDUCE_BY_INPUT = 13  # the opset from which ReduceSum takes its axes as an input


@dataclass(frozen=True)
class UNetPorts:
    """The three inputs and the answer of a UNet's graph."""

    sample: Port
    timestep: Port
    text: Port
    answer: Port

    @classmethod
    def of(cls, graph: GraphFile) -> UNetPorts:
        """By name, else by rank. Raises `PackageError` where the graph wants anything besides, or has no answer."""
        sample, timestep = _input(graph, "sample", 4), _input(graph, "timestep", 0, 1)
        text = _input(graph, "encoder_hidden_states", 3)
        known = {sample.name, timestep.name, text.name, DEEP}
        unknown = [taken.name for taken in graph.inputs if taken.name not in known]
        if unknown:
            raise PackageError(
                f"{graph.path} also takes {', '.join(unknown)}, so it is a kind of model not known here."
            )
        if not graph.outputs:
            raise PackageError(f"{graph.path} gives nothing, so it is no UNet of a diffusion model.")
        return cls(sample, timestep, text, graph.outputs[0])


def compose_step(graph: GraphFile, data: bytes | memoryview, latent_channels: int, image_channels: int) -> bytes:
    """The model in `data`, of which `graph` tells, as a guided step of V variants with B branches each.

    Inputs, float32: `LATENT`, `BEFORE` (the estimate of the step before), `NOISE` (V, C, h, w); `IMAGES`
    (V B, Ci, h, w) and `TEXTS` (V B, L, D), variant by variant; `TIMESTEP` (); `WEIGHTS` (B, 1, 1, 1); `ROW` (6,), the
    numbers a, b, c, d, p, q of `D = p x + q answer` and `x' = a x + b D + c D_before + d noise`.
    Outputs, float32 (V, C, h, w): `NEXT` x' and `ESTIMATE` D.
    Named dimensions: variants, branches, batch (V B), height, width, and what the text's are called.
    Raises `PackageError` where the graph is no UNet.
    """
    unet = UNetPorts.of(graph)
    before = [_constants(), *_sizes(), *_sample(unet.sample), *_text(unet.text), *_timestep(unet.timestep)]
    after = [*_guidance(unet.answer, graph.opset), *_advance()]
    after += [*_inputs(unet.text, latent_channels, image_channels), *_outputs(latent_channels)]
    model = list(fields(memoryview(data)))
    inside = [part for field in model if field.number == MODEL_GRAPH for part in _kept(field.body, unet)]
    others = [field.raw for field in model if field.number != MODEL_GRAPH]
    return b"".join([*others, message(MODEL_GRAPH, *before, *inside, *after)])


def _kept(graph: memoryview, unet: UNetPorts) -> list[memoryview]:
    """The graph's own fields without its inputs and outputs, features for reuse aside."""
    inner = {unet.sample.name, unet.timestep.name, unet.text.name}
    kept = list[memoryview]()
    for field in fields(graph):
        name = _name(field.body) if field.number in (GRAPH_INPUT, GRAPH_OUTPUT) else ""
        given = field.number == GRAPH_OUTPUT and name != DEEP
        if not given and not (field.number == GRAPH_INPUT and name in inner):
            kept.append(field.raw)
    return kept


def _constants() -> bytes:
    """Every small number that a node below takes."""
    vectors = {"zero": [0], "one": [1], "four": [4], "rest": [-1]}
    made = [constant(f"step.{name}", np.array(values, np.int64)) for name, values in vectors.items()]
    made += [constant(f"step.at.{index}", np.array(index, np.int64)) for index in range(len(_NUMBERS))]
    return b"".join(made)


def _sizes() -> list[bytes]:
    """Shapes: V and (C, h, w) of the latents, (B, 1, 1, 1) of the weights; and the two ways to see a batch."""
    return [
        node("Shape", [LATENT], ["step.shape"]),
        node("Slice", ["step.shape", "step.zero", "step.one"], ["step.variants"]),
        node("Slice", ["step.shape", "step.one", "step.four"], ["step.inside"]),
        node("Shape", [WEIGHTS], ["step.branches"]),
        node("Concat", ["step.one", "step.branches"], ["step.spread"], axis=0),
        node("Concat", ["step.variants", "step.rest", "step.inside"], ["step.apart"], axis=0),
        node("Concat", ["step.rest", "step.inside"], ["step.together"], axis=0),
    ]


def _sample(taken: Port) -> list[bytes]:
    """Each latent once per branch, beside the branches' image conditions."""
    return [
        node("Reshape", [LATENT, "step.apart"], ["step.single"]),
        node("Expand", ["step.single", "step.spread"], ["step.many"]),
        node("Reshape", ["step.many", "step.together"], ["step.batch"]),
        node("Concat", ["step.batch", IMAGES], ["step.sample"], axis=1),
        _cast("step.sample", taken),
    ]


def _text(taken: Port) -> list[bytes]:
    return [_cast(TEXTS, taken)]


def _timestep(taken: Port) -> list[bytes]:
    """A number, or a vector as long as the batch or as the graph fixes it; whole where the graph takes whole ones."""
    nodes, last = list[bytes](), TIMESTEP
    if taken.kind in _INTEGERS:
        nodes, last = [node("Round", [TIMESTEP], ["step.whole"])], "step.whole"
    if taken.shape:
        fixed = taken.shape[0]
        if isinstance(fixed, int):
            nodes.append(constant("step.length", np.array([fixed], np.int64)))
        else:
            nodes.append(node("Shape", [IMAGES], ["step.imaged"]))
            nodes.append(node("Slice", ["step.imaged", "step.zero", "step.one"], ["step.length"]))
        nodes.append(node("Expand", [last, "step.length"], ["step.timesteps"]))
        last = "step.timesteps"
    return [*nodes, _cast(last, taken)]


def _guidance(given: Port, opset: int) -> list[bytes]:
    """The weighted sum over the branches."""
    by_input = opset >= _REDUCE_BY_INPUT
    axes = {} if by_input else {"axes": [1]}
    return [
        node("Cast", [given.name], ["step.answer"], to=FLOAT),
        node("Reshape", ["step.answer", "step.apart"], ["step.answers"]),
        node("Mul", ["step.answers", WEIGHTS], ["step.weighted"]),
        node("ReduceSum", ["step.weighted", *(["step.one"] if by_input else [])], ["step.guided"], keepdims=0, **axes),
    ]


def _advance() -> list[bytes]:
    """D = p x + q answer, x' = a x + b D + c D_before + d noise."""
    picked = [node("Gather", [ROW, f"step.at.{index}"], [f"step.{name}"]) for index, name in enumerate(_NUMBERS)]
    return [
        *picked,
        *_sum(ESTIMATE, (("p", LATENT), ("q", "step.guided"))),
        *_sum(NEXT, (("a", LATENT), ("b", ESTIMATE), ("c", BEFORE), ("d", NOISE))),
    ]


def _sum(name: str, terms: tuple[tuple[str, str], ...]) -> list[bytes]:
    nodes, total = list[bytes](), ""
    for number, (factor, term) in enumerate(terms):
        nodes.append(node("Mul", [f"step.{factor}", term], [f"{name}.{factor}"]))
        last = name if number == len(terms) - 1 else f"{name}.sum.{factor}"
        if total:
            nodes.append(node("Add", [total, f"{name}.{factor}"], [last]))
        total = last if total else f"{name}.{factor}"
    return nodes


def _inputs(text: Port, latent_channels: int, image_channels: int) -> list[bytes]:
    latent = ("variants", latent_channels, "height", "width")
    shapes = {LATENT: latent, BEFORE: latent, NOISE: latent, TEXTS: ("batch", *text.shape[1:])}
    shapes |= {IMAGES: ("batch", image_channels, "height", "width"), WEIGHTS: ("branches", 1, 1, 1)}
    return [ports(GRAPH_INPUT, shapes), port(GRAPH_INPUT, TIMESTEP, FLOAT, ()), port(GRAPH_INPUT, ROW, FLOAT, (6,))]


def _outputs(latent_channels: int) -> list[bytes]:
    latent = ("variants", latent_channels, "height", "width")
    return [ports(GRAPH_OUTPUT, {NEXT: latent, ESTIMATE: latent})]


def _cast(name: str, taken: Port) -> bytes:
    """The value under the name that the UNet's nodes read, in the type that they want."""
    return node("Cast", [name], [taken.name], to=taken.kind or FLOAT)


def _input(graph: GraphFile, name: str, *ranks: int) -> Port:
    fitting = [taken for taken in graph.inputs if len(taken.shape) in ranks and taken.name != DEEP]
    named = [taken for taken in fitting if taken.name == name]
    if not fitting:
        raise PackageError(f"{graph.path} has no input {name!r}, so it is no UNet of a diffusion model.")
    return (named or fitting)[0]


def _name(data: memoryview) -> str:
    return next((field.text for field in fields(data) if field.number == 1), "")
