"""How far an exported graph is from what it should give: run by ONNX Runtime, without PyTorch.

ONNX Runtime leaves the graph as it is, so that no weight is kept a second time as float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from inference.runtime import give_memory_back, runtime
from training.export.errors import ExportError

Arrays = dict[str, NDArray[Any]]
Step = Callable[[], None]


@dataclass(frozen=True)
class Parity:
    """How far a component's graph is from the original: the largest absolute difference over all `sizes`, and the same
    as a share of the reference's largest magnitude.
    """

    component: str
    max_abs: float
    relative: float
    sizes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Reference:
    """What the original makes of some inputs: float32."""

    feeds: Arrays
    result: NDArray[np.float32]


def compare(name: str, file: Path, reference: Sequence[Reference], step: Step) -> Parity:
    """Runs the graph in `file` on the inputs of `reference`. Raises `ExportError` where it gives another shape."""
    session = open_session(file)
    absolute = relative = 0.0
    sizes: list[tuple[int, ...]] = []
    for wanted in reference:
        step()
        found = cast("NDArray[np.float32]", session.run([session.get_outputs()[0].name], wanted.feeds)[0])
        if found.shape != wanted.result.shape:
            raise ExportError(f"The {name} gives {found.shape} where the original gives {wanted.result.shape}.")
        difference = float(np.abs(found - wanted.result).max())
        absolute = max(absolute, difference)
        relative = max(relative, difference / max(float(np.abs(wanted.result).max()), 1e-12))
        sizes.append(next(iter(wanted.feeds.values())).shape)
    del session
    give_memory_back()
    return Parity(name, absolute, relative, tuple(sizes))


def require(parity: Parity, limit: float, advice: str = "try --precision fp32, or report this model's layout") -> None:
    """Raises `ExportError` when a graph is further than `limit` (relative) from the original. advice: what to do."""
    if not parity.relative <= limit:  # also for not-a-number
        raise ExportError(
            f"The {parity.component} differs from the original by {parity.relative:.2g} of its range (at most "
            f"{limit:g} is rounding), so nothing was written: {advice}."
        )


def open_session(file: Path) -> Any:
    """A session of the graph as it is written."""
    module = cast("Any", runtime())
    options = module.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = module.GraphOptimizationLevel.ORT_DISABLE_ALL
    return module.InferenceSession(str(file), sess_options=options, providers=["CPUExecutionProvider"])
