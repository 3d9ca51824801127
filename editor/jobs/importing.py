"""From whatever holds a model's weights to a model in the user's folder: look, convert, check, install. Without Qt."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from editor.core.errors import UsageError
from editor.jobs import training
from inference.errors import EngineError, PackageError
from inference.import_report import ImportReport, report_of
from inference.manifest import is_safe_name, safe_name
from inference.package import ModelPackage, open_package
from inference.store import ModelStore
from inference.types import CancelToken

Kind = Literal["package", "diffusers", "single", "checkpoint", "onnx", "lora"]
Show = Callable[[str, float], object]
"""Told what is being done, in words, and the share done in [0, 1], or `UNTOLD`."""
UNTOLD = -1.0
"""In place of a share, where nobody can tell how far it is."""
MakeReady = Callable[[Path, CancelToken], object]
"""What is done once with a new model, so that its first edit begins at once; raises `EngineError`."""

KINDS: dict[str, str] = {
    "package": "a finished model",
    "diffusers": "a model as a diffusers folder",
    "single": "a model in one file",
    "checkpoint": "a model as a .ckpt file",
    "onnx": "a model as an ONNX folder",
    "lora": "a LoRA, which changes another model",
}
"""What a source is, in words."""

HUB = "https://huggingface.co"
INSTALL = "pip install 'palimpsest[train]'"
TRAINING_PACKAGES = ("torch", "diffusers", "transformers", "onnx")
NEEDS_TRAIN = f"Converting this model needs the training packages, which are not installed: {INSTALL}"

WITHOUT_VOCABULARY = ("single", "checkpoint")
"""Kinds of sources that hold weights alone."""
CLIP_TOKENS = 49_408
"""Tokens of CLIP's text encoder, the one of every Stable Diffusion 1 (Radford et al., arXiv 2103.00020)."""
HEAVIEST = 2.0
"""The greatest weight of a LoRA."""
SPARE = 64 << 20
"""Bytes left free on the disk."""
_CHECKED_FROM = 0.95


@dataclass(frozen=True)
class Found:
    """What a source is. bytes: its own size. needs_bytes: free disk for the import. licence: "" where nothing says it.

    problem: why it cannot be imported, as a sentence, or "". needs_train: only with the training packages.
    few_steps: a LoRA that says it is made for edits of a few steps.
    """

    source: Path
    kind: str
    name: str
    licence: str
    bytes: int
    needs_bytes: int
    needs_train: bool = False
    problem: str = ""
    few_steps: bool = False

    @property
    def what(self) -> str:
        """In words."""
        return KINDS.get(self.kind, "a model")


@dataclass(frozen=True)
class Lora:
    """A LoRA to be merged into a model. weight: from 0 (nothing) to 2; 1 as it was trained."""

    file: Path
    weight: float = 1.0


@dataclass(frozen=True)
class Wishes:
    """name, licence: "" takes the source's own. few_steps: a LoRA for edits of a few steps is among `loras`; None where
    its own word is taken. config: for a single file, a folder with its vocabulary; None looks for one."""

    name: str = ""
    licence: str = ""
    loras: tuple[Lora, ...] = ()
    few_steps: bool | None = None
    config: Path | None = None


@dataclass(frozen=True)
class Remote:
    """What a host has: asked before anything is fetched."""

    host: str
    name: str
    licence: str
    bytes: int
    files: int


class Importer:
    """store: where models go. start: what starts the training package in place of `training.command()`.

    make_ready: done with the folder of a model that was added; None for nothing.
    """

    def __init__(
        self, store: ModelStore, start: Sequence[str] | None = None, make_ready: MakeReady | None = None
    ) -> None:
        self.store = store
        self._start, self._make_ready = start, make_ready

    def look(self, source: Path, cancel: CancelToken) -> Found:
        """What is there; quick. Raises `PackageError` where it is nothing that is known, and `Cancelled`."""
        if not source.exists():
            raise PackageError(f"There is no model at {source}: check the path.")
        finished = _finished(source)
        if finished is not None:
            size = sum(file.size for file in finished.manifest.files) if finished.manifest is not None else 0
            return Found(source, "package", finished.name, finished.licence, size, size)
        found = _found(source, training.run(["look", str(source), "--json"], _ignore, cancel, self._start))
        if not found.kind:
            raise PackageError(found.problem or f"{source} is no model: choose another.")
        return found

    def check(self, found: Found, wishes: Wishes) -> None:
        """All that can be known to go wrong before work begins. Raises `PackageError` and `UsageError`."""
        if found.kind == "lora":
            raise UsageError(
                f"{found.source} is a LoRA, which changes another model: add that model and name this file with --lora."
            )
        if found.problem:
            raise PackageError(found.problem)
        if found.kind == "package" and (wishes.loras or wishes.few_steps or wishes.name not in ("", found.name)):
            raise UsageError(
                f"{found.source} is a finished model, which is added as it is: for a LoRA or another name, "
                "add the folder or file that it was made from."
            )
        if found.kind != "package":
            self.store.check_name(self.name_of(found, wishes))
            if (found.needs_train or wishes.loras) and missing_training():
                raise PackageError(NEEDS_TRAIN)
        self._check_space(found)

    def add(self, found: Found, wishes: Wishes, show: Show, cancel: CancelToken) -> ModelPackage:
        """Import and install it. On this thread, which waits; nothing is left behind where it fails or is cancelled.

        Once it is installed, a cancel ends what would have made its first edit begin at once; the model stays.
        Raises `PackageError`, `Cancelled`, and what the import's exit code stands for.
        """
        self.check(found, wishes)
        package = self._added(found, wishes, show, cancel)
        if self._make_ready is not None:
            show("ready", UNTOLD)
            with suppress(EngineError, OSError):  # OSError: a process that cannot be started
                self._make_ready(package.folder, cancel)
        show("done", 1.0)
        return package

    def _added(self, found: Found, wishes: Wishes, show: Show, cancel: CancelToken) -> ModelPackage:
        if found.kind == "package":
            return self.store.add(found.source, lambda share: _step(show, "copying", share, cancel))
        with self.store.staging() as staging:
            done = training.run(
                ["import", str(found.source), *self._words(found, wishes, staging / "package")],
                lambda event: _progress(event, show),
                cancel,
                self._start,
            )
            return self.store.adopt(
                staging / "package", _report(done), lambda share: _step(show, "checking", share, cancel, _CHECKED_FROM)
            )

    def plan(self, source: str, cancel: CancelToken) -> Remote:
        """Ask the host of a URL or a hub name what there is; only once the user has agreed to connect."""
        words = ["fetch", source, "-o", "unused", "--plan", "--events", "--yes"]
        answer = training.run(words, _ignore, cancel, self._start)
        files = answer.get("files")
        return Remote(
            str(answer.get("host", "")),
            str(answer.get("name", "")),
            str(answer.get("licence", "")),
            _whole(answer.get("bytes")),
            len(cast("list[object]", files)) if isinstance(files, list) else 0,
        )

    def fetch(self, source: str, folder: Path, show: Show, cancel: CancelToken) -> Path:
        """Fetch it into `folder`, going on from what is there; only once the user has agreed to that."""
        words = ["fetch", source, "-o", str(folder), "--events", "--yes"]
        done = training.run(words, lambda event: _progress(event, show), cancel, self._start)
        return Path(str(done.get("path", folder)))

    def name_of(self, found: Found, wishes: Wishes) -> str:
        """The name that the model will have. Raises `UsageError` for a name that no folder can have."""
        name = wishes.name or safe_name(found.name or found.source.resolve().stem)
        if not is_safe_name(name):
            raise UsageError(f"A model cannot be named {name!r}: use letters, digits, dots, dashes and underscores.")
        return name

    def _words(self, found: Found, wishes: Wishes, target: Path) -> list[str]:
        words = ["-o", str(target), "--name", self.name_of(found, wishes), "--events"]
        licence = wishes.licence or found.licence
        words += ["--licence", licence] if licence else []
        config = wishes.config or self._vocabulary(found)
        words += ["--config", str(config)] if config is not None else []
        for lora in wishes.loras:
            words += ["--lora", f"{lora.file}:{lora.weight:g}"]
        if wishes.few_steps is not None:
            words.append("--few-steps" if wishes.few_steps else "--no-few-steps")
        return words

    def _vocabulary(self, found: Found) -> Path | None:
        """For a file without one beside it, a model with CLIP's vocabulary that is installed already; else None."""
        near = (found.source.parent / "vocab.json", found.source.parent / "tokenizer" / "vocab.json")
        if found.kind not in WITHOUT_VOCABULARY or any(path.is_file() for path in near):
            return None
        folders = (package.folder for package in self.store.list())
        return next((folder for folder in folders if _has_vocabulary(folder)), None)

    def _check_space(self, found: Found) -> None:
        needed, free = found.needs_bytes + SPARE, self.store.free_bytes
        if free < needed:
            raise PackageError(
                f"Adding {found.name} needs {gigabytes(needed)} of free disk and there are {gigabytes(free)}: "
                "make room, then add it again."
            )


def lora_of(text: str) -> Lora:
    """From "FILE" or "FILE:WEIGHT". Raises `UsageError` for a file that is not there, and a weight beyond 0 to 2."""
    file, colon, number = text.rpartition(":")
    try:
        weight = float(number) if colon else 1.0
    except ValueError:  # the colon belongs to the path
        file, weight = text, 1.0
    path = Path(file if colon else text).expanduser()
    if not path.is_file():
        raise UsageError(f"There is no LoRA at {path}: name a .safetensors file, as FILE or FILE:WEIGHT.")
    if not 0 <= weight <= HEAVIEST:
        raise UsageError(f"A LoRA's weight goes from 0 to {HEAVIEST:g}, and {number} does not.")
    return Lora(path, weight)


def missing_training() -> bool:
    """True where what imports need is not installed beside this program."""
    return any(importlib.util.find_spec(name) is None for name in TRAINING_PACKAGES)


def is_remote(source: str) -> bool:
    """True for a source that is not on this machine."""
    return source.startswith(("hub:", "http://", "https://"))


def host_of(source: str) -> str:
    """Whom a source makes the program talk to: the host in its address, the hub, or the mirror in HF_ENDPOINT."""
    address = (os.environ.get("HF_ENDPOINT") or HUB) if source.startswith("hub:") else source
    return urlsplit(address).netloc.rpartition("@")[2] or address


def download_folder(folder: Path, source: str) -> Path:
    """Where the download of this source goes, below `folder`: always the same place, so that it can go on."""
    return folder / f"{safe_name(source)[-40:].strip('._-')}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"


def forget_download(folder: Path) -> None:
    """What was fetched is no longer needed."""
    shutil.rmtree(folder, ignore_errors=True)


def gigabytes(size: int) -> str:
    """ "4.1 GB", "22.0 MB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _finished(source: Path) -> ModelPackage | None:
    """The package that is there already, with its manifest; None for what has to be looked at."""
    try:
        package = open_package(source) if source.is_dir() else None
    except PackageError:
        # Damaged, if it was one; the sentence for that is the store's.
        return _damaged(source)
    return package if package is not None and package.manifest is not None else None


def _damaged(source: Path) -> None:
    if (source / "manifest.json").is_file():
        open_package(source)  # raises again


def _has_vocabulary(folder: Path) -> bool:
    file = folder / "tokenizer" / "vocab.json"
    if not (file.is_file() and file.with_name("merges.txt").is_file()):
        return False
    try:
        tokens: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(tokens, dict) and len(cast("dict[str, object]", tokens)) == CLIP_TOKENS


def _found(source: Path, values: training.Message) -> Found:
    licence = str(values.get("licence") or "")
    return Found(
        source,
        str(values.get("kind", "")),
        str(values.get("name") or "") or safe_name(source.resolve().stem),
        "" if licence == "unknown" else licence,
        _whole(values.get("bytes")),
        _whole(values.get("needs_bytes")),
        bool(values.get("needs_train", False)),
        str(values.get("problem") or ""),
        bool(values.get("few_steps", False)),
    )


def _report(done: training.Message) -> ImportReport | None:
    try:
        return report_of(done)
    except (TypeError, ValueError, KeyError):
        return None


def _progress(event: training.Message, show: Show) -> None:
    if event.get("event") == "progress":
        fraction = event.get("fraction")
        share = float(fraction) if isinstance(fraction, int | float) else 0.0
        stage = str(event.get("stage", ""))
        show(stage, share if stage.startswith("fetch ") else share * _CHECKED_FROM)


def _step(show: Show, stage: str, share: float, cancel: CancelToken, start: float = 0.0) -> None:
    cancel.raise_if_cancelled()
    show(stage, start + (1 - start) * share)


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _ignore(event: training.Message) -> None:
    del event
