"""From a trained model to a package that the engine opens: load, trace, store, compare, write the manifest, rename."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from inference.errors import Cancelled, EngineError
from inference.manifest import is_safe_name
from inference.package import Dials, write_manifest
from inference.samplers import SAMPLERS
from inference.types import CancelToken
from training.export.components import COMPONENTS, text_length, trace, traceable
from training.export.errors import ExportCancelled, ExportError
from training.export.files import check_target, folder_sizes, staged
from training.export.graph_file import write_graph
from training.export.load import load_pipeline
from training.export.parity import Parity, compare, require
from training.export.precision import PRECISIONS, Precision
from training.export.tokenizer import write_tokenizer

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class ExportReport:
    """What an export made. seconds: per stage; sizes: bytes per entry of the folder; parity: one per component."""

    folder: Path
    name: str
    precision: str
    sha256: str
    parity: tuple[Parity, ...]
    seconds: Mapping[str, float]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class _Work:
    """The progress of one export: says what is being done, counts its seconds and stops when it is told to."""

    report: Report
    cancel: CancelToken
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def stage(self, name: str, fraction: float) -> Generator[None]:
        self.cancel.raise_if_cancelled()
        self.report(name, fraction)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        self.cancel.raise_if_cancelled()


def export_package(
    source: Path,
    target: Path,
    *,
    name: str,
    licence: str,
    precision: str,
    dials: Dials,
    instructions: Sequence[str],
    config: Path | None = None,
    replace: bool = False,
    progress: Report | None = None,
    cancel: CancelToken | None = None,
) -> ExportReport:
    """Makes the model package `target` from `source`, a diffusers InstructPix2Pix folder or one .safetensors file.

    precision: a name of `PRECISIONS`. dials, instructions, name, licence: what the manifest says.
    config: for a single file, a folder with the tokenizer (see `single_file.config_folder`).
    replace: an existing package at `target` gives way once the new one is complete.
    progress: called with the stage and the share done, 0 to 1. cancel: looked at between stages.
    Raises `ExportError` (source, target, a graph that does not match torch, cancelled); then nothing was written.
    """
    _check_wishes(name, precision, dials)
    check_target(target, replace)
    work = _Work(progress or _silent, cancel or CancelToken())
    try:
        with work.stage("load", 0.0):
            pipeline = load_pipeline(source, config)
        with staged(target) as stage:
            parity = _fill(stage, pipeline, PRECISIONS[precision], work)
            with work.stage("manifest", 0.97):
                package = write_manifest(
                    stage, name=name, licence=licence, precision=precision, dials=dials, instructions=instructions,
                    source=source.absolute().name,
                )  # fmt: skip
        work.report("done", 1.0)
    except Cancelled:
        raise ExportCancelled from None
    except EngineError as error:
        raise ExportError(str(error)) from error
    return ExportReport(target, name, precision, package.sha256, parity, work.seconds, folder_sizes(target))


def _check_wishes(name: str, precision: str, dials: Dials) -> None:
    if precision not in PRECISIONS:
        raise ExportError(f"There is no precision {precision}: choose one of {', '.join(PRECISIONS)}.")
    if not is_safe_name(name):
        raise ExportError(f"A model cannot be named {name!r}: use letters, digits, dots, dashes and underscores.")
    if dials.sampler not in SAMPLERS:
        raise ExportError(f"There is no sampler {dials.sampler!r}: choose one of {', '.join(SAMPLERS)}.")
    scales = (dials.text_scale, dials.image_scale)
    if dials.steps < 1 or dials.size < 8 or not all(0 <= scale < math.inf for scale in scales):
        raise ExportError("The suggested dials need 1 step or more, scales of 0 or more and a size of 8 or more.")


def _fill(stage: Path, pipeline: Any, precision: Precision, work: _Work) -> tuple[Parity, ...]:
    with work.stage("settings", 0.1):
        _write_settings(stage, pipeline)
        parts = traceable(pipeline)
    return tuple(
        _component(stage, name, parts[name], pipeline, precision, work, 0.1 + 0.87 * index / len(COMPONENTS))
        for index, name in enumerate(COMPONENTS)
    )


def _component(
    stage: Path, name: str, part: tuple[Any, Any], pipeline: Any, precision: Precision, work: _Work, fraction: float
) -> Parity:
    file = stage / name / "model.onnx"
    with work.stage(name, fraction):
        model = trace(name, *part, text_length(pipeline))
        precision.store(model)
        write_graph(model, file)
    with work.stage(f"{name} parity", fraction + 0.1):
        parity = compare(name, file, part[0], pipeline)
        require(parity, precision.tolerance)
    return parity


def _write_settings(stage: Path, pipeline: Any) -> None:
    pipeline.save_config(str(stage))
    pipeline.scheduler.save_pretrained(str(stage / "scheduler"))
    pipeline.text_encoder.config.save_pretrained(str(stage / "text_encoder"))
    pipeline.unet.save_config(str(stage / "unet"))
    for name in ("vae_encoder", "vae_decoder"):
        pipeline.vae.save_config(str(stage / name))
    write_tokenizer(pipeline.tokenizer, stage / "tokenizer", text_length(pipeline))
    for file in stage.rglob("*.json"):
        _forget_path(file)


def _forget_path(file: Path) -> None:
    # The libraries note where a model was loaded from: no business of whoever gets the package.
    content = cast("dict[str, object]", json.loads(file.read_text(encoding="utf-8")))
    if content.pop("_name_or_path", None) is not None:
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _silent(stage: str, fraction: float) -> None:
    del stage, fraction
