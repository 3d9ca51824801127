"""From a trained model to a package that the engine opens: load, trace, store, compare, write the manifest, rename."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from inference.errors import Cancelled, EngineError
from inference.manifest import is_safe_name
from inference.package import Dials, ModelPackage, open_package, write_manifest
from inference.samplers import SAMPLERS
from inference.types import CancelToken
from training.export.agreement import Parity
from training.export.component import Job, make_component
from training.export.components import COMPONENTS, text_length, traceable
from training.export.errors import ExportCancelled, ExportError
from training.export.files import check_target, folder_sizes, staged
from training.export.load import Source, open_source
from training.export.lora import merged
from training.export.lora_keys import Lora
from training.export.precision import PRECISIONS
from training.export.storing import EXTERNAL_ABOVE
from training.export.tokenizer import write_tokenizer

Report = Callable[[str, float], None]

PARITY_FILE = "parity.json"

# Share of the time that each component takes, after loading and before the manifest.
_SHARES: Mapping[str, float] = {"text_encoder": 0.1, "unet": 0.66, "vae_encoder": 0.1, "vae_decoder": 0.14}
_LOADED, _MADE = 0.04, 0.95
# Where each stage of a component ends, as a share of the component.
_STAGE_ENDS = (0.35, 0.6, 0.7, 1.0)


@dataclass(frozen=True)
class Identity:
    """What a package says of itself. origin: where its weights come from. files: further JSON files, by name."""

    name: str
    licence: str
    dials: Dials
    instructions: tuple[str, ...]
    origin: str
    files: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class ExportReport:
    """What an export made. seconds: per stage; sizes: bytes per entry of the folder; parity: one per component.

    notes: what a user should know of it, in sentences.
    """

    folder: Path
    name: str
    precision: str
    sha256: str
    parity: tuple[Parity, ...]
    seconds: Mapping[str, float]
    sizes: Mapping[str, int]
    licence: str = "unknown"
    notes: tuple[str, ...] = ()

    @property
    def package(self) -> ModelPackage:
        """What was made, read anew."""
        return open_package(self.folder)


@dataclass(frozen=True)
class _Work:
    """The progress of one export: says what is being done, counts its seconds and stops when it is told to."""

    report: Report
    cancel: CancelToken
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    now: list[tuple[str, float, float]] = field(default_factory=list[tuple[str, float, float]])

    @contextmanager
    def stage(self, name: str, fraction: float, end: float | None = None) -> Generator[None]:
        self.cancel.raise_if_cancelled()
        self.report(name, fraction)
        self.now[:] = [(name, fraction, fraction if end is None else end)]
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        self.cancel.raise_if_cancelled()

    def step(self, share: float) -> None:
        """Within a stage: the share of it that is done; 0 where that is not known."""
        self.cancel.raise_if_cancelled()
        name, begin, end = self.now[0]
        if share > 0:
            self.report(name, begin + share * (end - begin))


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
    loras: Sequence[Lora] = (),
    check: bool = True,
    replace: bool = False,
    external_above: int = EXTERNAL_ABOVE,
    progress: Report | None = None,
    cancel: CancelToken | None = None,
) -> ExportReport:
    """Makes the model package `target` from `source`, a diffusers InstructPix2Pix folder or one file of weights.

    precision: a name of `PRECISIONS`. dials, instructions, name, licence: what the manifest says.
    config: for a single file, a folder with the tokenizer (see `single_file.config_folder`).
    loras: merged into the weights. check: compare each graph with torch.
    replace: an existing package at `target` gives way once the new one is complete.
    external_above: bytes of a component's weights from which on they lie beside its graphs, of which there are several.
    progress: called with the stage and the share done, 0 to 1. cancel: looked at between stages and weights.
    Raises `ExportError` (source, target, a graph that does not match torch, cancelled); then nothing was written.
    """
    identity = Identity(name, licence, dials, tuple(instructions), _origin(source, loras))
    return export_source(
        lambda: merged(open_source(source, config), loras), target, identity,
        precision=precision, check=check, replace=replace, external_above=external_above, progress=progress,
        cancel=cancel,
    )  # fmt: skip


def export_source(
    opener: Callable[[], tuple[Source, tuple[str, ...]]],
    target: Path,
    identity: Identity,
    *,
    precision: str,
    tolerance: float | None = None,
    check: bool = True,
    replace: bool = False,
    external_above: int = EXTERNAL_ABOVE,
    progress: Report | None = None,
    cancel: CancelToken | None = None,
) -> ExportReport:
    """Makes the model package `target` from the source that `opener` gives, with notes for the user.

    tolerance: how far from torch a graph may be, as a share of the range; None for what `precision` explains. The rest
    as in `export_package`.
    """
    _check_wishes(identity.name, precision, identity.dials)
    check_target(target, replace)
    work = _Work(progress or _silent, cancel or CancelToken())
    known = PRECISIONS[precision]
    form = known if tolerance is None else dataclasses.replace(known, tolerance=tolerance)
    try:
        with work.stage("load", 0.0):
            opened, notes = opener()
        with staged(target) as stage:
            parity = _fill(stage, opened, Job(opened.pipeline, form, external_above, check), work)
            with work.stage("manifest", _MADE):
                _write_parity(stage, parity)
                _write_notes(stage, identity.files)
                package = write_manifest(
                    stage, name=identity.name, licence=identity.licence, precision=precision, dials=identity.dials,
                    instructions=identity.instructions, source=identity.origin,
                )  # fmt: skip
        work.report("done", 1.0)
    except Cancelled:
        raise ExportCancelled from None
    except EngineError as error:
        raise ExportError(str(error)) from error
    sizes = folder_sizes(target)
    return ExportReport(
        target, identity.name, precision, package.sha256, parity, work.seconds, sizes, identity.licence, notes
    )


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


def _fill(stage: Path, opened: Source, job: Job, work: _Work) -> tuple[Parity, ...]:
    with work.stage("settings", _LOADED / 2):
        _write_settings(stage, opened.pipeline)
        parts = traceable(opened.pipeline)
    found: list[Parity] = []
    begin = _LOADED
    for name in COMPONENTS:
        span = _SHARES[name] * (_MADE - _LOADED)
        weights = opened.weights["vae" if name.startswith("vae") else name]
        found += make_component(stage / name, name, parts[name], weights, job, _stages(work, begin, span), work.step)
        begin += span
    return tuple(found)


def _stages(work: _Work, begin: float, span: float) -> Callable[[str, float], AbstractContextManager[None]]:
    """Stages of a component that takes `span` of the whole."""

    def stage(name: str, share: float) -> AbstractContextManager[None]:
        end = next(mark for mark in _STAGE_ENDS if mark > share)
        return work.stage(name, begin + share * span, begin + end * span)

    return stage


def _write_parity(stage: Path, parity: Sequence[Parity]) -> None:
    if parity:
        text = json.dumps([asdict(entry) for entry in parity], indent=2) + "\n"
        (stage / PARITY_FILE).write_text(text, encoding="utf-8")


def _write_notes(stage: Path, files: Mapping[str, object]) -> None:
    for name, content in files.items():
        (stage / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _origin(source: Path, loras: Sequence[Lora]) -> str:
    return " + ".join([source.absolute().name, *(f"{lora.file.name}:{lora.weight:g}" for lora in loras)])


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
