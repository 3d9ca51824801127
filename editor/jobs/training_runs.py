"""The trainings of the user, as they lie on the disk: one folder each. Without Qt."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from editor.core.errors import OutputNotWritable
from editor.jobs import loose
from inference.manifest import is_safe_name, safe_name

Status = Literal["stopped", "failed", "done"]
START = "step-000000"
"""The samples that were made before the first step."""
_LONGEST_LOG = 64 << 20


@dataclass(frozen=True)
class Sample:
    """A held-out pair as the model edits it. start: as before the first step, None where there is none."""

    id: str
    instruction: str
    source: Path
    start: Path | None
    now: Path
    target: Path


@dataclass(frozen=True)
class RunEntry:
    """One training. base: the name of the model that it began with. saved: whether it can go on, or be checked.

    A training that no process is at work on any more is "stopped", whatever its folder says. bytes: on the disk.
    packaged, reported: whether its result was made into a model, and judged.
    """

    name: str
    folder: Path
    base: str
    recipe: str
    status: Status
    step: int
    steps: int
    pairs: int
    held_out: int
    instructions: tuple[str, ...]
    created: str
    bytes: int
    saved: bool
    packaged: bool
    reported: bool

    @property
    def can_go_on(self) -> bool:
        return self.saved and self.status != "done"


def runs(folder: Path) -> tuple[RunEntry, ...]:
    """The newest first; folders that hold no training are left out."""
    if not folder.is_dir():
        return ()
    found = [read_run(each) for each in folder.iterdir() if each.is_dir()]
    return tuple(sorted((run for run in found if run is not None), key=lambda run: run.created, reverse=True))


def read_run(folder: Path) -> RunEntry | None:
    """None where the folder holds no training."""
    run = loose.read_object(folder / "run.json")
    if run is None:
        return None
    state = loose.read_object(folder / "state.json") or {}
    status = loose.text(state, "status")
    return RunEntry(
        name=folder.name,
        folder=folder,
        base=loose.text(loose.object_in(run, "base"), "name"),
        recipe=loose.text(loose.object_in(run, "recipe"), "name"),
        status=cast("Status", status) if status in ("done", "failed") else "stopped",
        step=loose.whole(state, "step"),
        steps=loose.whole(state, "steps") or loose.whole(run, "steps"),
        pairs=len(loose.items(run, "train")),
        held_out=len(loose.items(run, "held_out")),
        instructions=loose.texts(run, "instructions"),
        created=loose.text(run, "created"),
        bytes=_bytes(folder),
        saved=is_saved(folder),
        packaged=(folder / "package" / "manifest.json").is_file(),
        reported=(folder / "report" / "report.json").is_file(),
    )


def is_saved(folder: Path) -> bool:
    """True where a training has left something to go on from."""
    return any(folder.glob("checkpoints/step-*"))


def losses(folder: Path) -> tuple[tuple[int, float], ...]:
    """(step, loss) of every step that a training has made, from its log; a step that was made twice counts once."""
    found = dict[int, float]()
    for event in _log(folder / "log.jsonl"):
        loss = loose.number(event, "loss")
        if loose.text(event, "event") in ("step", "") and loss is not None:
            found[loose.whole(event, "step")] = loss
    return tuple(sorted(found.items()))


def last_samples(folder: Path) -> tuple[tuple[Sample, ...], int]:
    """(the newest samples, the step that they were made at); none and 0 where there are none."""
    places = sorted((folder / "samples").glob("step-*"), reverse=True)
    newest = next((place for place in places if any(place.glob("*.png"))), None)
    if newest is None:
        return (), 0
    pairs = _pairs(folder)
    images = [_image(picture, pairs) for picture in sorted(newest.glob("*.png"))]
    step = newest.name.removeprefix("step-")
    return samples_of({"images": images}, folder), int(step) if step.isdigit() else 0


def samples_of(event: loose.Object, folder: Path) -> tuple[Sample, ...]:
    """From an event that tells of samples; their pictures at the start are found beside them. folder: of the run."""
    return tuple(_sample(image, folder) for image in loose.objects(event, "images"))


def delete_run(folder: Path) -> None:
    """Renamed first: half a training must not stay under its name. Raises `OutputNotWritable`."""
    aside = folder.with_name(f".removing-{folder.name}")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        raise OutputNotWritable(
            f"The training {folder.name} cannot be deleted: {error.strerror or error}. Close what uses it, then delete "
            "it again."
        ) from error


def free_name(wanted: str, folder: Path) -> str:
    """The nearest name that can name a training and is not taken: "duotone", else "duotone-2"."""
    name = wanted if is_safe_name(wanted) else safe_name(wanted)
    name, taken = name[:56].strip("._-"), {each.name.casefold() for each in folder.glob("*")}
    numbers = (f"{name}-{number}" for number in range(2, 10_000))
    return next(each for each in (name, *numbers) if each.casefold() not in taken)


def name_problem(name: str, folder: Path) -> str:
    """Why a training cannot be called so, as a sentence; "" where it can."""
    if not name:
        return "Give the training a name."
    if not is_safe_name(name):
        return "Use letters, digits, dots, dashes and underscores in the name, without spaces."
    if any(each.name.casefold() == name.casefold() for each in folder.glob("*")):
        return f"There is a training named {name} already: choose another name."
    return ""


def _sample(image: loose.Object, folder: Path) -> Sample:
    now = folder / loose.text(image, "path")
    start = now.parent.parent / START / now.name
    return Sample(
        loose.text(image, "id"),
        loose.text(image, "instruction"),
        folder / loose.text(image, "source"),
        start if start.is_file() else None,
        now,
        folder / loose.text(image, "target"),
    )


def _image(picture: Path, pairs: Sequence[loose.Object]) -> loose.Object:
    """As the event told of it; its number decides which of `pairs` it is an edit of."""
    number = picture.stem
    pair: loose.Object = pairs[int(number)] if number.isdecimal() and int(number) < len(pairs) else {}
    beside = {part: f"samples/pairs/{number}-{part}.png" for part in ("source", "target")}
    return {"path": str(picture), **{key: loose.text(pair, key) for key in ("id", "instruction")}, **beside}


def _pairs(folder: Path) -> Sequence[loose.Object]:
    """The pairs that samples are made of, in their order."""
    told = loose.objects(loose.read_object(folder / "samples" / "pairs" / "pairs.json") or {}, "pairs")
    return told or _in_order(loose.objects(loose.read_object(folder / "items" / "items.json") or {}, "items"))


def _in_order(items: Sequence[loose.Object]) -> Sequence[loose.Object]:
    """As `training.samples.subjects_of` orders them, for trainings of before it wrote that down."""
    first = {loose.text(item, "instruction"): item for item in reversed(items)}.values()
    ordered = (*reversed([*first]), *items)
    return [*{loose.text(item, "id"): item for item in ordered}.values()]


def _log(path: Path) -> Iterator[loose.Object]:
    try:
        if path.stat().st_size > _LONGEST_LOG:
            return
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            value: object = json.loads(line)
        except ValueError:  # the last line of a process that was killed
            continue
        if isinstance(value, dict):
            yield cast("loose.Object", value)


def _bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except OSError:  # it was removed meanwhile
                continue
    return total
