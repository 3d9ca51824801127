"""A graph as ONNX Runtime's processor wants it: optimized once for this machine, its weights in a mapped file.

At every load the runtime widens float16 weights and lays those of convolutions out in blocks as wide as the processor's
registers: for a UNet of 860 million weights that takes 13 s and 5.8 GB, of which 3.3 GB stay. With a graph that it has
optimized and written to disk it does nothing of that: 1.4 s and 1.1 GB, and what lies in the mapped file the system
takes back at will. The results are the same to the last bit.
https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html#onlineoffline-mode

Such a graph is right for one version of the runtime and for one kind of processor only.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2

from inference import kept
from inference.errors import EngineMemoryError
from inference.graph_file import mapped, parse_graph
from inference.network import Graph
from inference.runtime import InferenceSession, SessionOptions, give_memory_back, runtime

LEAST_BYTES = 32 << 20
"""A graph with fewer bytes, weights included, is left as it is."""

Start = Callable[[str | bytes, SessionOptions], InferenceSession]
"""Makes a session of a graph, by its path or as bytes; raises `EngineError`."""

_SHELF, _GRAPH, _WEIGHTS = "onnxruntime", "graph.onnx", "weights"
_SMALLEST = "1024"  # bytes of a weight that goes to the file; smaller ones stay in the graph


def prepared_session(
    graph: Graph, dimensions: Mapping[str, int], options: Callable[[], SessionOptions], start: Start
) -> InferenceSession | None:
    """A session of the prepared graph, which is made now if need be; None where it is not worth it, or not possible.

    dimensions: those that are fixed, as in `Loading`. options: fresh ones, in which they are fixed.
    Raises `EngineMemoryError` where the prepared graph does not fit.
    """
    try:
        if _folder_bytes(graph.path.parent) < LEAST_BYTES:  # its weights lie there, and reading a graph takes time
            return None
        data = mapped(graph.path) if graph.data is None else memoryview(graph.data)
        weights = [graph.path.parent / name for name in sorted(parse_graph(graph.path, data).external_data)]
        size = len(data) + sum(file.stat().st_size for file in weights)
        if size < LEAST_BYTES:
            return None
        lot = kept.Lot(
            kept.shelf(_SHELF),
            (graph.path, *weights),
            2 * size,  # float16 weights become twice as long, and for a moment there are two copies
            (*_machine(), str(sorted(dimensions.items()))),
            graph.data or b"",
            aside=2 * size,
        )
        return kept.opened(
            lot, lambda folder: _make(graph, folder, options, start), lambda folder: _open(folder, options, start)
        )
    except EngineMemoryError:
        raise
    except Exception:  # a full disk, a folder that cannot be written, a graph that cannot be saved, a damaged one:
        return None  # it is loaded as it is, which tells what is wrong with it


def _make(graph: Graph, folder: Path, options: Callable[[], SessionOptions], start: Start) -> None:
    """In two steps, of which the second maps what the first has widened: together they take 3.5 GB instead of 5.8."""
    levels = runtime().GraphOptimizationLevel
    wide = folder / "wide"
    wide.mkdir()
    _save(start, graph.data or str(graph.path), options(), levels.ORT_ENABLE_EXTENDED, wide)
    _save(start, str(wide / _GRAPH), options(), levels.ORT_ENABLE_ALL, folder)
    for file in (wide / _GRAPH, wide / _WEIGHTS):
        file.unlink(missing_ok=True)
    wide.rmdir()


def _save(start: Start, source: str | bytes, options: SessionOptions, level: object, folder: Path) -> None:
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(folder / _GRAPH)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", _WEIGHTS)
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", _SMALLEST)
    options.add_session_config_entry("session.disable_prepacking", "1")  # of no use for a session that never runs
    start(source, options)
    give_memory_back()


def _open(folder: Path, options: Callable[[], SessionOptions], start: Start) -> InferenceSession:
    """Raises ValueError where the runtime does not take it, `EngineMemoryError` where it does not fit."""
    chosen = options()
    chosen.graph_optimization_level = runtime().GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return start(str(folder / _GRAPH), chosen)
    except EngineMemoryError:
        raise
    except Exception as error:
        raise ValueError(f"{folder} is damaged") from error


def _folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*"))


def _machine() -> tuple[str, ...]:
    """What the optimized graph depends on besides the graph."""
    return runtime().__version__, platform.machine(), platform.processor(), cv2.getCPUFeaturesLine()
