"""Compares the graphs of an imported ONNX folder with those that they came from.

What was copied is the same. A UNet that takes fractions of timesteps now, and one whose attention was fused, are run
beside the original by ONNX Runtime, at two sizes, with whole timesteps, which both take.
"""

from __future__ import annotations

import filecmp
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from inference.errors import EngineError
from inference.graph_file import Dimension, GraphFile, read_graph
from inference.runtime import give_memory_back
from training.export.agreement import Arrays, Parity, Reference, Step, compare, open_session, require
from training.export.errors import ExportError
from training.export.onnx_folder import PARTS

GRAPH, ATTENTION = "model.onnx", "unet/attention"

# By how much sums in another order differ, as a share of the range.
_LIMITS: Mapping[str, float] = {"fp32": 1e-4}
_OTHER_LIMIT = 2e-2
_KINDS: Mapping[int, type[np.generic]] = {1: np.float32, 6: np.int32, 7: np.int64, 10: np.float16, 11: np.float64}
_TIMESTEP = 946
_TOKENS, _TEXT_WIDTH = 77, 768  # of Stable Diffusion 1, where the graph does not say


def compare_parts(source: Path, folder: Path, step: Step) -> list[Parity]:
    """How far each part in `folder` is from that in `source`; nothing where ONNX Runtime is missing.

    A UNet that ONNX Runtime does not run with inputs of the usual kind is left out. step: called often; may raise.
    Raises `ExportError` where a UNet gives something else than the one it came from.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        return []
    same = [part for part in PARTS if filecmp.cmp(source / part / GRAPH, folder / part / GRAPH, shallow=False)]
    changed = {} if "unet" in same else {"unet": folder / "unet" / GRAPH}
    return [
        *(Parity(part, 0.0, 0.0, ()) for part in same),
        *_compared(source / "unet" / GRAPH, changed | {ATTENTION: folder / "unet" / "attention.onnx"}, step),
    ]


def _compared(source: Path, changed: Mapping[str, Path], step: Step) -> Iterator[Parity]:
    present = {name: file for name, file in changed.items() if file.is_file()}
    if not present:
        return
    original = read_graph(source)
    try:
        inputs = list(_random_inputs(original, np.random.default_rng(0)))
        references = _results(source, original, inputs, step)
    except (EngineError, ExportError):
        raise
    except Exception:  # ONNX Runtime's have no base of their own
        return
    for name, file in present.items():
        graph = read_graph(file)
        wanted = [Reference(_as(graph, reference.feeds), reference.result) for reference in references]
        parity = compare(name, file, wanted, step)
        require(parity, _LIMITS.get(original.precision, _OTHER_LIMIT), "report this model's layout")
        yield parity


def _results(file: Path, graph: GraphFile, inputs: list[Arrays], step: Step) -> list[Reference]:
    session = open_session(file)
    found: list[Reference] = []
    for feeds in inputs:
        step()
        result = session.run([graph.outputs[0].name], _as(graph, feeds))[0]
        found.append(Reference(feeds, np.asarray(result, np.float32)))
    del session
    give_memory_back()
    return found


def _random_inputs(graph: GraphFile, generator: np.random.Generator) -> Iterator[Arrays]:
    """A square of batch 1 and a rectangle of batch 3, where the graph does not fix its sizes."""
    for batch, height, width in ((1, 24, 24), (3, 16, 40)):
        shapes = {port.name: _shape(port.shape, batch, height, width) for port in graph.inputs}
        yield {
            name: generator.standard_normal(shape) if len(shape) > 1 else np.full(shape, _TIMESTEP)
            for name, shape in shapes.items()
        }


def _shape(shape: tuple[Dimension, ...], batch: int, height: int, width: int) -> tuple[int, ...]:
    """The picture has four dimensions, the text three, the timestep one or none."""
    wanted = {4: (batch, 8, height, width), 3: (batch, _TOKENS, _TEXT_WIDTH), 1: (batch,)}.get(len(shape), ())
    return tuple(given if isinstance(given, int) else size for given, size in zip(shape, wanted, strict=True))


def _as(graph: GraphFile, feeds: Arrays) -> Arrays:
    """The same in the types that the graph takes."""
    return {port.name: feeds[port.name].astype(_KINDS.get(port.kind, np.float32)) for port in graph.inputs}
