"""A run: the folder in which one training keeps all that it is and has made. Without PyTorch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from inference.errors import PackageError
from inference.file_lock import FileLock
from inference.json_values import Values, read_json
from training.items import Item, Pictures
from training.recipe import TrainingRecipe
from training.recipe_values import recipe_of
from training.train_errors import TrainError, TrainInputError, TrainTargetError
from training.whole_files import write_json, write_whole

FORMAT = 1
CHECKPOINT_FILES = ("weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json")


@dataclass(frozen=True)
class RunSheet:
    """What a run is, fixed when it begins. base_*: the model that it starts from; base_path: where that was found.

    store: the folder of the pairs' store. train, held_out, earlier: ids of pairs; earlier ones are replayed.
    pairs_sha256: of ids and instructions, by which a change is noticed. instructions: the different ones that are new.
    device: where it began. created: ISO 8601, UTC. versions: of the libraries that decide a result.
    """

    name: str
    base_name: str
    base_path: str
    base_sha256: str
    recipe: TrainingRecipe
    store: str
    train: tuple[str, ...]
    held_out: tuple[str, ...]
    earlier: tuple[str, ...]
    pairs_sha256: str
    instructions: tuple[str, ...]
    steps: int
    device: str
    created: str
    versions: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class RunState:
    """Where a run is. status: "running", "stopped", "done" or "failed"; seconds: spent on steps so far."""

    step: int
    steps: int
    status: str
    loss: float | None = None
    seconds: float = 0.0


class Run:
    """Typed access to a run's folder; what is written is there whole or not at all.

    Reading raises `TrainInputError`, writing `TrainTargetError`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        return (self.folder / "run.json").is_file()

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def package(self) -> Path:
        return self.folder / "package"

    @property
    def report(self) -> Path:
        return self.folder / "report"

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    def lock(self) -> FileLock:
        """Held by the process that trains: two would write into each other's work. The folder is made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        return FileLock(self.folder / ".lock")

    # -- what it is

    def sheet(self) -> RunSheet:
        values = self._read("run.json")
        try:
            if values.whole("format", least=1) != FORMAT:
                raise TrainInputError(f"{self.folder} is of a newer format than this program knows: update it.")
            base = values.object("base")
            return RunSheet(
                name=values.text("name"),
                base_name=base.text("name"),
                base_path=base.text("path"),
                base_sha256=base.text("sha256"),
                recipe=recipe_of(values.object("recipe").mapping),
                store=values.text("store"),
                train=values.texts("train"),
                held_out=values.texts("held_out"),
                earlier=values.texts("earlier"),
                pairs_sha256=values.text("pairs_sha256"),
                instructions=values.texts("instructions"),
                steps=values.whole("steps", least=1),
                device=values.text("device"),
                created=values.text("created"),
                versions={key: str(value) for key, value in values.object("versions").mapping.items()},
            )
        except (PackageError, TrainError) as error:
            raise TrainInputError(f"{self.folder / 'run.json'} is damaged ({error}): start a new training.") from error

    def write_sheet(self, sheet: RunSheet) -> None:
        values = asdict(sheet)
        base = {key: values.pop(f"base_{key}") for key in ("name", "path", "sha256")}
        self._write("run.json", {"format": FORMAT, **values, "base": base, "seed": sheet.recipe.seed})

    # -- where it is

    def state(self) -> RunState | None:
        """None before the first step."""
        if not (self.folder / "state.json").is_file():
            return None
        values = self._read("state.json")
        try:
            loss = values.number("loss", default=float(-1))
            return RunState(
                step=values.whole("step", least=0),
                steps=values.whole("steps", least=0),
                status=values.text("status"),
                loss=None if values.mapping.get("loss") is None else loss,
                seconds=values.number("seconds", default=0.0),
            )
        except PackageError as error:
            raise TrainInputError(f"{self.folder / 'state.json'} is damaged ({error}).") from error

    def write_state(self, state: RunState) -> None:
        self._write("state.json", asdict(state))

    # -- what it has made

    def checkpoint_folder(self, step: int) -> Path:
        return self.folder / "checkpoints" / f"step-{step:06d}"

    def checkpoints(self) -> tuple[tuple[int, Path], ...]:
        """(step, folder) of each that is whole, the newest first."""
        found = [path for path in (self.folder / "checkpoints").glob("step-*") if _is_whole(path)]
        steps = [(int(path.name.removeprefix("step-")), path) for path in found]
        return tuple(sorted(steps, reverse=True))

    def newest_checkpoint(self) -> Path | None:
        found = self.checkpoints()
        return found[0][1] if found else None

    def sample_folder(self, step: int) -> Path:
        return self.folder / "samples" / f"step-{step:06d}"

    # -- its log

    def add_to_log(self, event: Mapping[str, object]) -> None:
        try:
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(dict(event)) + "\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def log(self) -> Iterator[Mapping[str, Any]]:
        """The events of the steps; a line that was cut off is left out."""
        path = self.folder / "log.jsonl"
        if not path.is_file():
            return
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    value: object = json.loads(line)
                except ValueError:
                    continue
                if isinstance(value, dict):
                    yield cast("dict[str, Any]", value)

    def cut_log(self, step: int) -> None:
        """Forgets what came after `step`: it will come again."""
        kept = [json.dumps(dict(event)) for event in self.log() if int(event.get("step", 0)) <= step]
        self._put("log.jsonl", "".join(f"{line}\n" for line in kept).encode())

    # -- its held-out pairs, so that it can be judged without the store

    def write_held_out(self, items: Sequence[Item]) -> None:
        entries: list[dict[str, str]] = []
        for number, item in enumerate(items):
            pictures = item.read()
            entry = {"id": item.id, "instruction": item.instruction, "group": item.group, "mask": ""}
            for part in ("source", "target", "mask"):
                picture = getattr(pictures, part)
                if picture is not None:
                    entry[part] = f"{number:03d}-{part}.png"
                    self._put(f"items/{entry[part]}", _png(picture))
            entries.append(entry)
        self._write("items/items.json", {"format": FORMAT, "items": entries})

    def held_out(self) -> tuple[Item, ...]:
        """The pairs that were kept for judging, their pictures from the run's own folder."""
        listed = self._read("items/items.json").mapping.get("items", [])
        entries = cast("list[dict[str, str]]", listed)
        return tuple(_item(self.folder / "items", entry) for entry in entries)

    # -- files

    def _read(self, name: str) -> Values:
        try:
            return read_json(self.folder / name)
        except PackageError as error:
            raise TrainInputError(
                f"There is no training to read in {self.folder}: {name} is missing or damaged."
            ) from (error)

    def _write(self, name: str, value: object) -> None:
        try:
            write_json(self.folder / name, value)
        except OSError as error:
            raise self._unwritable(error) from error

    def _put(self, name: str, data: bytes) -> None:
        try:
            write_whole(self.folder / name, data)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> TrainTargetError:
        return TrainTargetError(f"{self.folder} cannot be written ({error.strerror or error}): check the disk.")


def _is_whole(folder: Path) -> bool:
    return folder.name.removeprefix("step-").isdigit() and all((folder / name).is_file() for name in CHECKPOINT_FILES)


def _item(folder: Path, entry: Mapping[str, str]) -> Item:
    def read() -> Pictures:
        mask = _read_png(folder / entry["mask"], cv2.IMREAD_GRAYSCALE) if entry.get("mask") else None
        source, target = (_read_png(folder / entry[part], cv2.IMREAD_COLOR_RGB) for part in ("source", "target"))
        return Pictures(source, target, mask)

    return Item(entry["id"], entry["instruction"], entry["group"], read)


def _png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture[..., ::-1] if picture.ndim == 3 else picture)[1].tobytes()


def _read_png(path: Path, flags: int) -> np.ndarray:
    try:
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
    except (OSError, cv2.error) as error:
        raise TrainInputError(f"{path} cannot be read: start a new training.") from error
    return np.asarray(picture, np.uint8)
