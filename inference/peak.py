"""How fast a provider multiplies large matrices: what its device can do at most, measured and not looked up."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from inference.network import Graph, Loading, Network
from inference.onnx_write import FLOAT, FLOAT16, GRAPH_INPUT, GRAPH_OUTPUT, MODEL_GRAPH, node, port
from inference.protobuf import message, number, text
from inference.provider import Provider
from inference.session import load
from inference.types import CancelToken

SIDES = (512, 1024, 2048, 4096, 8192)
PRODUCTS = 8
"""Products in one run, each with the result of the one before."""
ENOUGH_SECONDS = 0.1
"""A run that lasts so long is not made any larger: more would not show more."""
REPEAT_SECONDS = 0.5
"""How long each size is repeated: other programs disturb, and the fastest run counts."""
_LEAST_RUNS = 3
_VERSION, _OPERATORS = 1, 8  # fields of a model


def peak(
    provider: Provider, cancel: CancelToken | None = None, progress: Callable[[float], object] = lambda share: None
) -> float:
    """Operations a second, the best of several sizes, in the precision in which the provider runs a network.

    A multiplication with its addition counts as two. progress: the share done, in [0, 1].
    Raises `Cancelled`, `ProviderError`, `EngineMemoryError`.
    """
    best = 0.0
    for index, side in enumerate(SIDES):
        seconds = _seconds(provider, side, cancel or CancelToken())
        best = max(best, 2.0 * side**3 * PRODUCTS / seconds)
        progress((index + 1) / len(SIDES))
        if seconds > ENOUGH_SECONDS:
            break
    progress(1.0)
    return best


def products(side: int, element: int = FLOAT) -> bytes:
    """An ONNX model that multiplies (side, side) matrices `PRODUCTS` times, of which little goes in and comes out.

    Its inputs column (side, 1) and row (1, side) span the matrix, so that nothing of it can be computed beforehand;
    its output is the largest number.
    """
    names = ["matrix", *(f"product_{index}" for index in range(PRODUCTS))]
    nodes = [node("Mul", ("column", "row"), ("matrix",))]
    nodes += [node("MatMul", (a, "matrix"), (b,)) for a, b in pairwise(names)]
    nodes.append(node("ReduceMax", (names[-1],), ("largest",)))
    ports = (
        port(GRAPH_INPUT, "column", element, (side, 1)),
        port(GRAPH_INPUT, "row", element, (1, side)),
        port(GRAPH_OUTPUT, "largest", element, (1, 1)),
    )
    graph = message(MODEL_GRAPH, b"".join((*nodes, text(2, "peak"), *ports)))
    operators = message(_OPERATORS, number(2, 17))  # of the standard domain
    return number(_VERSION, 8) + graph + operators


def _seconds(provider: Provider, side: int, cancel: CancelToken) -> float:
    """Of the fastest run; the first may still be compiling."""
    # Processors multiply fp16 no faster, and most of them not at all; what is faster there, the provider takes itself.
    element = FLOAT16 if "fp16" in provider.graphs else FLOAT
    with tempfile.TemporaryDirectory(prefix="palimpsest-") as folder:
        path = Path(folder) / "peak.onnx"
        path.write_bytes(products(side, element))
        network = load(provider, Graph(path), Loading())
    try:
        return _fastest(network, _feeds(side), cancel)
    finally:
        network.close()


def _fastest(network: Network, feeds: dict[str, np.ndarray], cancel: CancelToken) -> float:
    times = [_timed(network, feeds, cancel) for _ in range(_LEAST_RUNS)]
    while sum(times) < REPEAT_SECONDS:
        times.append(_timed(network, feeds, cancel))
    return min(times)


def _timed(network: Network, feeds: dict[str, np.ndarray], cancel: CancelToken) -> float:
    start = time.perf_counter()
    network.run(feeds, cancel)
    return time.perf_counter() - start


def _feeds(side: int) -> dict[str, np.ndarray]:
    """A column and a row whose product is 1, so that the products stay as large as the matrix."""
    random = np.random.default_rng(0)
    column = random.uniform(0.5, 1.5, side).astype(np.float32)
    return {"column": column[:, None], "row": (1 / (side * column))[None, :]}
