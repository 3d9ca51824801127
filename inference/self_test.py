"""Does a provider compute what it should? A small graph with what a diffusion model is made of, against stored numbers.

Some drivers run every operator and give wrong pictures, so a provider is trusted only after this.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import EngineError
from inference.network import Graph
from inference.provider import Provider
from inference.session import load

GRAPH = Path(__file__).with_name("self_test.onnx")
NUMBERS = Path(__file__).with_name("self_test.npz")

# Of the largest number: GPUs multiply in TF32 and the graph has a branch in float16, each good to about 1e-3.
TOLERANCE = 2e-2


def self_test(provider: Provider) -> str | None:
    """None where the provider computes the stored numbers to `TOLERANCE`, else why it cannot be used, as a sentence."""
    with np.load(NUMBERS, allow_pickle=False) as stored:
        numbers: dict[str, NDArray[Any]] = dict(stored)
    try:
        with closing(load(provider, Graph(GRAPH))) as network:
            feeds = {tensor.name: numbers[tensor.name] for tensor in network.inputs}
            results = dict(zip((tensor.name for tensor in network.outputs), network.run(feeds), strict=True))
    except EngineError as error:
        return str(error)
    return _difference(provider.name, numbers, results)


def _difference(name: str, numbers: dict[str, NDArray[Any]], results: dict[str, NDArray[Any]]) -> str | None:
    for output, result in results.items():
        wanted = numbers[output]
        error = float(np.max(np.abs(result - wanted)) / np.max(np.abs(wanted)))
        if not error <= TOLERANCE:  # NaN is no number below
            return (
                f"{name} computes wrong numbers ({output} of the self-test is off by {error:.2g}): update its driver."
            )
    return None
