"""One component of a package: its graph traced, its weights written, fused graphs beside it, compared with torch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.runtime import give_memory_back
from training.export.agreement import Parity, compare, require
from training.export.components import text_length, trace
from training.export.fusing import attention_fused, fully_fused
from training.export.graph_file import write_graph
from training.export.half import to_half
from training.export.parity import references
from training.export.precision import Precision
from training.export.skeleton import Skeleton
from training.export.storing import EXTERNAL_ABOVE, Stored, store, weight_bytes, with_values, with_vectors
from training.export.weights import Weights

Stage = Callable[[str, float], AbstractContextManager[None]]

ATTENTION = ("unet",)
"""Components that also get a graph with fused attention: their attention takes most of their memory."""
FUSED = ("unet", "vae_encoder", "vae_decoder")
"""Components that also get a fused float16 graph."""


@dataclass(frozen=True)
class Job:
    """What is the same for every component.

    external_above: bytes of weights from which on a component's weights lie in a file of their own, and fused graphs
    are made that share it. check: compare with torch.
    """

    pipeline: Any
    precision: Precision
    external_above: int = EXTERNAL_ABOVE
    check: bool = True


def make_component(
    folder: Path,
    name: str,
    part: tuple[Any, Any],
    weights: Weights,
    job: Job,
    stage: Stage,
    step: Callable[[float], None],
) -> list[Parity]:
    """Fills `folder` with the graphs of the component `name`; returns how far each is from torch, none unchecked.

    part: module and optimum's configuration. stage: opens a stage of the work, at a share of the component's.
    step: called often, with the share of the stage that is done; may raise.
    Raises `ExportError` where a graph differs from torch by more than rounding.
    """
    with stage(name, 0.0):
        skeleton = trace(name, *part, text_length(job.pipeline))
    with stage(f"{name} weights", 0.35):
        external = weight_bytes(skeleton, job.precision.halve) > job.external_above
        stored = store(
            skeleton, weights, folder, halve=job.precision.halve, external=external, advance=_shares(skeleton, step)
        )
        write_graph(with_values(skeleton.model, stored), folder / "model.onnx")
    if external:
        with stage(f"{name} fused", 0.6):
            _write_fused(folder, name, skeleton, stored)
    give_memory_back()
    if not job.check:
        return []
    with stage(f"{name} parity", 0.7):
        return _checked(folder, name, part[0], weights, job, lambda: step(0.0))


def _write_fused(folder: Path, name: str, skeleton: Skeleton, stored: Stored) -> None:
    fused = attention_fused(skeleton.model) if name in ATTENTION else None
    if fused is not None:
        write_graph(with_values(fused, stored), folder / "attention.onnx")
    if name in FUSED:
        half = to_half(fully_fused(with_vectors(skeleton.model, stored)), stored)
        if half is not None:
            write_graph(half, folder / "fp16.onnx")


def _checked(
    folder: Path, name: str, module: Any, weights: Weights, job: Job, step: Callable[[], None]
) -> list[Parity]:
    reference = references(name, module, weights, job.pipeline, step)
    found: list[Parity] = []
    for stem, label in (("model", name), ("attention", f"{name}/attention")):
        if (folder / f"{stem}.onnx").is_file():
            found.append(compare(label, folder / f"{stem}.onnx", reference, step))
            require(found[-1], job.precision.tolerance)
    return found


def _shares(skeleton: Skeleton, step: Callable[[float], None]) -> Callable[[int], None]:
    """Bytes read, as shares of all."""
    total, done = max(1, weight_bytes(skeleton, False)), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        step(min(1.0, done / total))

    return advance
