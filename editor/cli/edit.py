"""palimpsest edit: a picture, an instruction, and the variants as files."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from editor.cli import report
from editor.cli.layered import refuse_layered
from editor.cli.library import library
from editor.cli.opening import Opening, opening
from editor.cli.outputs import Outputs, outputs
from editor.cli.photo import Photo, read_photo
from editor.cli.progress import edit_bar
from editor.cli.running import in_thread, interruptible
from inference.engine import copies
from inference.pace import Stopwatch
from inference.package import Dials, ModelPackage
from inference.types import CancelToken, EditRequest, Event, Progress, Variant

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
    """The command line of one edit. seed None: a random one. model None: the default one."""

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
    as_json: bool = False


@dataclass(frozen=True, eq=False)
class _Written:
    """A variant without its pixels, where it went, and what its format could not hold."""

    variant: Variant
    path: Path
    notes: Sequence[str]


def edit_picture(options: EditOptions) -> None:
    """Write the variants of one edit and tell about them; after any error no file has changed."""
    refuse_layered(options.source, options.out)
    store = library()
    package = store.default() if options.model is None else store.find(options.model)
    watch, whole = Stopwatch(), Stopwatch()
    with (
        whole.stage("total"),
        interruptible() as cancel,
        outputs(options.out, options.variants) as out,
        opening(package, options.provider, wanted=bool(options.instruction.strip())) as engine,
    ):
        with watch.stage("read"):
            photo = read_photo(options.source, options.mask, package)
        request = _request(options, package, photo)
        written = list(_write(_events(engine, request, cancel, watch), photo, out, options.variants, watch))
        cancel.raise_if_cancelled()
        with watch.stage("write"):
            out.commit()
    if options.as_json:
        report.say_json(_as_json(written, package, engine, {**watch.seconds, **whole.seconds}))
    else:
        _say(photo, written)


def _request(options: EditOptions, package: ModelPackage, photo: Photo) -> EditRequest:
    seed = secrets.randbelow(_RANDOM_SEEDS) if options.seed is None else options.seed
    return EditRequest(
        image=photo.srgb,
        mask=photo.mask,
        instruction=options.instruction,
        seeds=tuple(range(seed, seed + options.variants)),
        model=package.name,
        full_res=options.full_res,
        **asdict(options.overrides.over(package.dials)),
    )


def _events(engine: Opening, request: EditRequest, cancel: CancelToken, watch: Stopwatch) -> Iterator[Event]:
    if request.blank:
        return copies(request, cancel)
    with watch.stage("start"):
        ready = engine.result(cancel)
    return in_thread(lambda: ready.edit(request, cancel, previews=False), cancel)


def _write(events: Iterator[Event], photo: Photo, out: Outputs, count: int, watch: Stopwatch) -> Iterator[_Written]:
    """Encode each variant as it comes, while the engine works on the next."""
    with edit_bar(count) as show:
        for event in events:
            if isinstance(event, Progress):
                show(event)
            elif isinstance(event, Variant):
                for stage, seconds in event.timings.items():
                    watch.add(stage, seconds)
                with watch.stage("write"):
                    notes = out.write(event.index, photo.with_edit(event.image))
                # The pixels are in the file now: several variants of a large photo would not fit into memory.
                yield _Written(replace(event, image=event.image[:1, :1].copy()), out.targets[event.index], notes)


def _as_json(
    written: Sequence[_Written], package: ModelPackage, engine: Opening, timings: dict[str, float]
) -> dict[str, object]:
    return {
        "variants": [_variant_json(item) for item in written],
        "provider": engine.chosen_json(),
        "model": {"name": package.name, "sha256": package.sha256, "precision": package.precision},
        "timings": timings,
    }


def _variant_json(written: _Written) -> dict[str, object]:
    names = ("seed", "seconds", "changed_fraction", "outside_mask_changed")
    values = {name: getattr(written.variant, name) for name in names}
    return {**values, "path": str(written.path), "notes": list(written.notes)}


def _say(photo: Photo, written: Sequence[_Written]) -> None:
    for note in photo.notes:
        report.say(note)
    for item in written:
        variant = item.variant
        report.say(f"{item.path}  seed {variant.seed}  {variant.seconds:.1f} s  {variant.changed_fraction:.0%} changed")
        for note in item.notes:
            report.say(f"  {note}")
