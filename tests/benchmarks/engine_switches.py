"""Ways to take single parts out of the engine, so that the benchmark can tell what each is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from inference.guided_step import Shape
from inference.models import Models
from inference.network import Array, Held, Network
from inference.provider import Provider
from inference.runtime import SessionOptions
from inference.types import CancelToken
from tests.inference.reference import InMemory, ReferenceStepper

OPTION = "option."
LEVELS = {"off": "ORT_DISABLE_ALL", "basic": "ORT_ENABLE_BASIC", "extended": "ORT_ENABLE_EXTENDED"}


def switched(provider: Provider, switches: Mapping[str, str]) -> Provider:
    """The provider as `switches` want it; names that are no matter of the provider's are passed over."""
    changes: dict[str, Any] = {}
    if "graphs" in switches:
        changes["graphs"] = tuple(switches["graphs"].split("+"))
    if any(switches.get(name) == "off" for name in ("replay", "binding", "composed")):
        changes["can_replay"] = False  # a recording needs the composed step's fixed places
    if switches.get("float32") == "on":
        changes["float32"] = True
    if switches.get("share") == "off":
        changes["shares_weights"] = False
    options = {name.removeprefix(OPTION): value for name, value in switches.items() if name.startswith(OPTION)}
    if options:
        changes["options"] = lambda limit: provider.options(limit) | options
    if switches.get("optimize", "all") != "all":
        changes["tune"] = lambda session: _tuned(provider, session, LEVELS[switches["optimize"]])
    return replace(provider, **changes)


def used_graph(folder: Path, provider: Provider) -> str:
    """The first of the graphs that the provider prefers and that is there. Raises `ValueError` where none is."""
    for stem in provider.graphs:
        if (folder / f"{stem}.onnx").is_file():
            return stem
    raise ValueError(f"{folder} has none of the graphs {', '.join(provider.graphs)}.")


@contextmanager
def without(switches: Mapping[str, str]) -> Iterator[None]:
    """Takes the composed step or its binding out of every engine meanwhile."""
    with ExitStack() as stack:
        if switches.get("binding") == "off":
            stack.enter_context(_replaced("bind", lambda models, shape: HostBinding(_network(models, shape))))
        if switches.get("composed") == "off":
            stack.enter_context(_replaced("_composed", lambda models, path, part: Path(path).read_bytes()))
            stack.enter_context(_replaced("stepper", lambda models, reuses=False: ReferenceStepper(_predict(models))))
        yield


@dataclass(eq=False)
class HostBinding:
    """As `Binding`, with everything copied to and from the device in every run."""

    network: Network
    fed: dict[str, Array] = field(default_factory=dict[str, Array])

    def feed(self, name: str, value: Array | Held) -> None:
        self.fed[name] = value if isinstance(value, np.ndarray) else value.numpy()

    def run(self, cancel: CancelToken | None = None, last: bool = False) -> dict[str, Held]:
        pairs = zip(self.network.outputs, self.network.run(self.fed, cancel), strict=True)
        return {tensor.name: InMemory(array) for tensor, array in pairs}


def _predict(models: Models) -> Any:
    """The UNet alone, whose inputs tell by their rank what they are."""

    def predict(sample: Array, timestep: float, text: Array) -> Array:
        network = _network(models, Shape(1, len(sample), *sample.shape[2:]))
        feeds: dict[str, Array] = {}
        for tensor in network.inputs:
            rank = len(tensor.shape)
            lengths = tuple(side if isinstance(side, int) else len(sample) for side in tensor.shape)
            feeds[tensor.name] = {4: sample, 3: text}.get(rank, np.full(lengths if rank < 2 else (), timestep))
        return network.run(feeds)[0]

    return predict


def _network(models: Models, shape: Shape) -> Network:
    return models._network(models._step_key(shape))


def _tuned(provider: Provider, session: SessionOptions, level: str) -> None:
    import onnxruntime

    provider.tune(session)
    session.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)


@contextmanager
def _replaced(name: str, method: Any) -> Iterator[None]:
    before = getattr(Models, name)
    setattr(Models, name, method)
    try:
        yield
    finally:
        setattr(Models, name, before)
