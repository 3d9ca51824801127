"""palimpsest edit: a picture, an instruction, and the variants as files."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from editor.cli import report
from editor.cli.edit_targets import FlatTarget, Target
from editor.cli.layered import layered_target
from editor.cli.library import library
from editor.cli.opening import Opening, opening
from editor.cli.outputs import Outputs, check_writable, outputs
from editor.cli.photo import read_photo
from editor.cli.progress import edit_bar
from editor.cli.running import in_thread, interruptible
from editor.core.errors import UsageError
from editor.edits.settings import EditSettings, ModelFacts
from editor.jobs.models import facts_of
from inference.engine import copies
from inference.memory import size_of
from inference.pace import Stopwatch
from inference.package import Dials, ModelPackage
from inference.types import CancelToken, EditRequest, Event, Notice, Progress, Variant

if TYPE_CHECKING:
    from editor.core.formats.layered_format import LayeredFormat

# A random seed stays short enough to be typed again.
_RANDOM_SEEDS = 2**32


@dataclass(frozen=True)
class Overrides:
    """Dials given on the command line; None leaves one as the model's manifest suggests it."""

    steps: int | None = None
    text_scale: float | None = None
    image_scale: float | None = None
    sampler: str | None = None
    size: int | None = None

    def over(self, dials: Dials) -> Dials:
        return replace(dials, **{name: value for name, value in asdict(self).items() if value is not None})


@dataclass(frozen=True)
class EditOptions:
    """The command line of one edit. seed None: a random one. model None: the default one.

    memory_limit: bytes that the edit may take; None for what is free.
    """

    source: Path
    instruction: str
    out: Path
    model: str | None = None
    overrides: Overrides = Overrides()
    seed: int | None = None
    variants: int = 1
    mask: Path | None = None
    provider: str = "auto"
    full_res: bool = True
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    reuse: int = 1
    as_json: bool = False
    memory_limit: int | None = None


@dataclass(frozen=True, eq=False)
class _Written:
    """A variant without its pixels, and what its format could not hold."""

    variant: Variant
    notes: Sequence[str]


def interval_of(text: str) -> tuple[float, float]:
    """The shares in "0.1-0.8". Raises UsageError."""
    start, _, end = text.partition("-")
    try:
        return float(start), float(end)
    except ValueError:
        raise UsageError(
            f"The guidance interval {text!r} cannot be read: write two shares of the steps such as 0.1-0.8."
        ) from None


def limit_of(text: str) -> int | None:
    """The bytes in "6GB"; None for "". Raises UsageError."""
    count = size_of(text) if text else None
    if text and not count:
        raise UsageError(f"The memory limit {text!r} cannot be read: write a size such as 6GB or 800MB.")
    return count


def edit_picture(options: EditOptions) -> None:
    """Write the variants of one edit and tell about them; after any error no file has changed."""
    layered = layered_target(options.out)
    store = library()
    package = store.default() if options.model is None else store.find(options.model)
    watch, whole = Stopwatch(), Stopwatch()
    with (
        whole.stage("total"),
        interruptible() as cancel,
        ExitStack() as stack,
    ):
        place = _place(options, layered, stack)
        wanted = bool(options.instruction.strip())
        ahead = opening(package, options.provider, wanted=wanted, memory_limit=options.memory_limit)
        engine = stack.enter_context(ahead)
        with watch.stage("read"):
            target = _target(options, layered, place, package)
        edit = _Edit(target, _settings(options, package), facts_of(package), engine, cancel, watch)
        written = list(edit.run(_seeds(options)))
        cancel.raise_if_cancelled()
        with watch.stage("write"):
            notes = target.commit(cancel)
    if options.as_json:
        report.say_json(_as_json(edit, written, notes, package, {**watch.seconds, **whole.seconds}))
    else:
        _say(target, written, notes)


def _place(options: EditOptions, layered: LayeredFormat | None, stack: ExitStack) -> Outputs | None:
    """Checked before any work is done: the files of flat variants, or nothing but the check for a layered one."""
    if layered is None:
        return stack.enter_context(outputs(options.out, options.variants))
    check_writable(options.out)
    return None


def _target(options: EditOptions, layered: LayeredFormat | None, out: Outputs | None, package: ModelPackage) -> Target:
    if out is not None:
        return FlatTarget(read_photo(options.source, options.mask, package), out)
    if layered is None:
        raise RuntimeError("a target is flat or layered")
    from editor.cli.edit_layers import LayeredTarget, layered_source  # loads what draws layers

    source, region = layered_source(options.source, options.mask, package)
    return LayeredTarget(options.out, layered, source, region)


def _settings(options: EditOptions, package: ModelPackage) -> EditSettings:
    dials = asdict(options.overrides.over(package.dials))
    return EditSettings(
        options.instruction,
        model=package.name,
        full_res=options.full_res,
        guidance_interval=options.guidance_interval,
        reuse=options.reuse,
        **dials,
    )


def _seeds(options: EditOptions) -> tuple[int, ...]:
    seed = secrets.randbelow(_RANDOM_SEEDS) if options.seed is None else options.seed
    return tuple(range(seed, seed + options.variants))


@dataclass(frozen=True, eq=False)
class _Edit:
    """One run of the engine, or of none for a blank instruction."""

    target: Target
    settings: EditSettings
    facts: ModelFacts
    engine: Opening
    cancel: CancelToken
    watch: Stopwatch

    def run(self, seeds: tuple[int, ...]) -> Iterator[_Written]:
        """Keep each variant as it comes, while the engine works on the next."""
        request = self.target.request(self.settings, seeds)
        with edit_bar(len(seeds)) as show:
            for event in self._events(request):
                if isinstance(event, Progress):
                    show(event)
                elif isinstance(event, Notice):
                    report.complain(event.text)
                elif isinstance(event, Variant):
                    yield self._keep(event)

    def _events(self, request: EditRequest) -> Iterator[Event]:
        if request.blank:
            return copies(request, self.cancel)
        with self.watch.stage("start"):
            ready = self.engine.result(self.cancel)
        return in_thread(lambda: ready.edit(request, self.cancel, previews=False), self.cancel)

    def _keep(self, variant: Variant) -> _Written:
        for stage, seconds in variant.timings.items():
            self.watch.add(stage, seconds)
        with self.watch.stage("write"):
            notes = self.target.add(variant, self.settings, self.facts, self.engine.provider)
        # The pixels are in the target now: several variants of a large photo would not fit into memory.
        return _Written(replace(variant, image=variant.image[:1, :1].copy()), notes)


def _as_json(
    edit: _Edit,
    written: Sequence[_Written],
    notes: Sequence[str],
    package: ModelPackage,
    timings: dict[str, float],
) -> dict[str, object]:
    settings = edit.settings
    return {
        "variants": [_variant_json(edit.target, item, notes) for item in written],
        "provider": edit.engine.chosen_json(),
        "savings": {"guidance_interval": list(settings.guidance_interval), "reuse": settings.reuse},
        "model": {"name": package.name, "sha256": package.sha256, "precision": package.precision},
        "timings": timings,
    }


def _variant_json(target: Target, written: _Written, notes: Sequence[str]) -> dict[str, object]:
    names = ("seed", "seconds", "changed_fraction", "outside_mask_changed")
    values = {name: getattr(written.variant, name) for name in names}
    index = written.variant.index
    layer = target.layer(index)
    place = {"path": str(target.path(index))} | ({} if layer is None else {"layer": layer})
    return {**values, **place, "notes": [*written.notes, *notes]}


def _say(target: Target, written: Sequence[_Written], notes: Sequence[str]) -> None:
    for note in target.notes:
        report.say(note)
    for item in written:
        variant = item.variant
        layer = target.layer(variant.index)
        name = str(target.path(variant.index)) + ("" if layer is None else f"  {layer!r}")
        report.say(f"{name}  seed {variant.seed}  {variant.seconds:.1f} s  {variant.changed_fraction:.0%} changed")
        for note in item.notes:
            report.say(f"  {note}")
    for note in notes:
        report.say(f"  {note}")
