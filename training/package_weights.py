"""The weights of a model package, out of its graphs, so that training can start from any model that is installed.

A graph has lost the names of some weights (`onnx::MatMul_2099`) and transposed others. So the model is traced once more
from its settings alone, without weights, which tells for every initializer where it comes from; the same initializers
then stand in the package's graph, in the order in which its operators use them. Whether the two agree is checked: by
comparing the graphs, or by running the one in the package against torch.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from inference.package import ModelPackage
from training.export.agreement import compare
from training.export.components import COMPONENTS, text_length, trace, traceable
from training.export.errors import ExportError, ExportSourceError
from training.export.graph_file import read_structure
from training.export.load import Source, empty_pipeline, fitted
from training.export.parity import references
from training.export.quiet import quiet
from training.export.single_file import MODEL_INDEX
from training.export.skeleton import Origin, Skeleton
from training.export.weights import Floats, Weight, Weights, read_at, reshaped
from training.same_graph import renaming, weights_in_order

RUN_BELOW = 100_000_000
"""Bytes of a component's weights, as float32, up to which it is also run: that takes memory for all of them."""
ROUNDING = 1e-3
"""How far graph and torch may be apart, as a share of the range: both compute with the same weights in float32."""

_TYPES: Mapping[int, str] = {TensorProto.FLOAT: "F32", TensorProto.FLOAT16: "F16", TensorProto.BFLOAT16: "BF16"}


@dataclass(frozen=True)
class Traced:
    """One component of a package, traced from the settings alone; module has tags in place of weights."""

    name: str
    pipeline: Any
    module: Any
    skeleton: Skeleton

    @property
    def small(self) -> bool:
        return 4 * sum(math.prod(origin.shape) for origin in self.skeleton.origins.values()) <= RUN_BELOW


def package_source(package: ModelPackage) -> Source:
    """The model in `package`, its weights to be read from the graphs' files when they are needed.

    Raises `ExportSourceError` where the graphs do not have the weights that the settings ask for: another exporter has
    packed or renamed them.
    """
    with tempfile.TemporaryDirectory() as folder, quiet():
        try:
            _settings(package.folder, Path(folder))
            pipeline, to_trace = empty_pipeline(Path(folder)), empty_pipeline(Path(folder))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _refusal(package, "its settings cannot be read") from error
    found: dict[str, dict[str, Weight]] = {"text_encoder": {}, "unet": {}, "vae": {}}
    for traced in traced_components(to_trace):
        found["vae" if traced.name.startswith("vae") else traced.name] |= component_weights(package, traced)
    return fitted(pipeline, lambda part, _module: found[part], package.folder)


def traced_components(pipeline: Any) -> Iterator[Traced]:
    """Each of a package's networks; changes the settings of `pipeline`."""
    parts = traceable(pipeline)
    for name in COMPONENTS:
        yield Traced(name, pipeline, parts[name][0], trace(name, *parts[name], text_length(pipeline)))


def component_weights(package: ModelPackage, traced: Traced) -> dict[str, Weight]:
    """Every weight of one component by its name in the module, and in its shape there; checked.

    Raises `ExportSourceError`.
    """
    file = package.folder / traced.name / "model.onnx"
    graph = read_structure(file)
    stored = weights_in_order(graph)
    twins = _matched(traced.skeleton, stored)
    if twins is None:
        raise _refusal(package, f"{traced.name}/model.onnx does not hold them by their names")
    shapes = {name: tuple(parameter.shape) for name, parameter in traced.module.named_parameters()}
    found: dict[str, Weight] = {}
    for name, origin in traced.skeleton.origins.items():
        tensor = stored[twins[name]]
        if tensor.data_type not in _TYPES:
            raise _refusal(package, f"{tensor.name} is stored in a type that is not known here")
        found[origin.weight] = reshaped(_weight(origin, tensor, file.parent), shapes[origin.weight])
    # A large component whose graph is the traced one, but for names, is not run as well.
    if traced.small or not _is_same(traced.skeleton, graph, twins):
        _check(package, traced, found)
    return found


def _settings(package: Path, folder: Path) -> None:
    """The settings of a package, laid out as those of a diffusers folder."""
    for part, kept in (("text_encoder", "text_encoder"), ("unet", "unet"), ("vae", "vae_decoder")):
        (folder / part).mkdir()
        shutil.copyfile(package / kept / "config.json", folder / part / "config.json")
    for part in ("scheduler", "tokenizer"):
        shutil.copytree(package / part, folder / part)
    scheduler = json.loads((package / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    index = {**MODEL_INDEX, "scheduler": ["diffusers", scheduler["_class_name"]]}
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")


def _matched(skeleton: Skeleton, stored: Mapping[str, onnx.TensorProto]) -> dict[str, str] | None:
    """For each initializer of the skeleton the name of the package's: the same where that is a weight's own name, which
    graphs keep, and the others in the order of use.

    None where a name is missing, a shape differs, or some are left over.
    """
    wanted = weights_in_order(skeleton.model)
    named = {name for name, origin in skeleton.origins.items() if name == origin.weight}
    others, rest = ([name for name in names if name not in named] for names in (wanted, stored))
    if not set(skeleton.origins).issubset(wanted) or not named.issubset(stored) or len(others) != len(rest):
        return None
    twins = {name: name for name in named} | dict(zip(others, rest, strict=True))
    return twins if all(wanted[mine].dims == stored[theirs].dims for mine, theirs in twins.items()) else None


def _is_same(skeleton: Skeleton, graph: onnx.ModelProto, twins: Mapping[str, str]) -> bool:
    names = renaming(skeleton.model, graph)
    return names is not None and all(names[mine] == theirs for mine, theirs in twins.items())


def _weight(origin: Origin, tensor: onnx.TensorProto, folder: Path) -> Weight:
    read = _reader(tensor, folder)
    kind = _TYPES[tensor.data_type]
    if not origin.transposed:
        return Weight(origin.shape, kind, read)
    return Weight(origin.shape[::-1], kind, lambda: np.ascontiguousarray(read().T))


def _reader(tensor: onnx.TensorProto, folder: Path) -> Callable[[], Floats]:
    if tensor.data_location != TensorProto.EXTERNAL:
        return partial(_values, tensor)
    place = {entry.key: entry.value for entry in tensor.external_data}
    shape = tuple(int(side) for side in tensor.dims)
    return partial(read_at, folder / place["location"], _TYPES[tensor.data_type], shape, int(place.get("offset", 0)))


def _values(tensor: onnx.TensorProto) -> Floats:
    return numpy_helper.to_array(tensor).astype(np.float32)


def _check(package: ModelPackage, traced: Traced, weights: Weights) -> None:
    """Raises `ExportSourceError` where graph and torch do not give the same."""
    file = package.folder / traced.name / "model.onnx"
    try:
        reference = references(traced.name, traced.module, weights, traced.pipeline, _nothing)
        found = compare(traced.name, file, reference, _nothing)
    except (ExportError, RuntimeError, KeyError, ValueError) as error:
        raise _refusal(package, f"its {traced.name} cannot be compared with torch") from error
    if not found.relative <= ROUNDING:
        raise _refusal(package, f"its {traced.name} answers otherwise than its settings say")


def _nothing() -> None:
    """Nobody is told of the progress."""


def _refusal(package: ModelPackage, reason: str) -> ExportSourceError:
    return ExportSourceError(
        f"The weights of {package.name} cannot be had back from its graphs ({reason}): train from the diffusers folder "
        "or the .safetensors file that it was made from, or import that anew."
    )
