"""The models at hand, as the window shows them: with their room, their origin and their report. Without Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from editor.core.observe import Observed
from editor.edits.background import Background, Job, Progress
from inference.errors import Cancelled, EngineError
from inference.import_report import ImportReport, read_report
from inference.package import Dials, ModelPackage, verify_package
from inference.shared_files import Usage
from inference.store import ModelStore

_NOTHING = Usage(0, 0)


@dataclass(frozen=True)
class ModelEntry:
    """One model. problem: why it cannot be used, as a sentence, or "". bundled: it came with the program."""

    name: str
    folder: Path
    bundled: bool
    usage: Usage
    licence: str = ""
    precision: str = ""
    source: str = ""
    dials: Dials | None = None
    instructions: tuple[str, ...] = ()
    report: ImportReport | None = None
    problem: str = ""


def entries(store: ModelStore) -> tuple[ModelEntry, ...]:
    """All models, the damaged ones last."""
    usages = store.usages()
    good = [_entry(package, store, usages) for package in store.list()]
    bad = [
        ModelEntry(folder.name, folder, store.in_bundled(folder), usages.get(folder, _NOTHING), problem=problem)
        for folder, problem in store.problems()
    ]
    return (*good, *bad)


def _entry(package: ModelPackage, store: ModelStore, usages: dict[Path, Usage]) -> ModelEntry:
    return ModelEntry(
        package.name,
        package.folder,
        store.in_bundled(package.folder),
        usages.get(package.folder, _NOTHING),
        package.licence,
        package.precision,
        package.manifest.source if package.manifest is not None else "",
        package.dials,
        package.instructions,
        read_report(package.folder),
    )


class Shelf(Observed):
    """entries: as they were when last looked at. verifying: the name of the model whose files are compared, or "".

    fraction: of that. message, failed: what the last comparison or removal came to, as a sentence, and whether badly;
    about: the model that it speaks of.
    """

    def __init__(self, store: Callable[[], ModelStore], background: Background) -> None:
        super().__init__()
        self.entries: tuple[ModelEntry, ...] = ()
        self.verifying: str = ""
        self.fraction: float = 0.0
        self.message: str = ""
        self.failed: bool = False
        self.about: str = ""
        self._store, self._background = store, background
        self._job: Job | None = None

    def refresh(self) -> None:
        """Look again."""
        self._background.run(lambda progress: entries(self._store()), self._listed, self._say_failed)

    def verify(self, name: str) -> None:
        """Compare every file of the model with its recorded hash."""
        if not self.verifying:
            self.fraction, self.verifying = 0.0, name
            self._say(name, "")
            self._job = self._background.run(
                lambda progress: _verify(self._store().find(name), progress), self._verified, self._say_failed, self._at
            )

    def stop(self) -> None:
        """Do not compare any further."""
        if self._job is not None:
            self._job.cancel()
        self.verifying = ""

    def remove(self, name: str) -> None:
        """Delete one of the user's models."""
        self._say(name, "")
        self._background.run(
            lambda progress: self._store().remove(name), lambda nothing: self.refresh(), self._say_failed
        )

    def _listed(self, found: tuple[ModelEntry, ...]) -> None:
        self.entries = found

    def _at(self, fraction: float) -> None:
        self.fraction = fraction

    def _verified(self, sha256: str) -> None:
        name, self.verifying = self.verifying, ""
        self._say(name, f"Every file is as recorded (SHA-256 {sha256[:16]}...).")

    def _say_failed(self, error: Exception) -> None:
        name, self.verifying = self.verifying or self.about, ""
        if not isinstance(error, EngineError):
            raise error  # a fault of the program: it goes where such faults are shown
        self._say(name, str(error), failed=True)

    def _say(self, name: str, text: str, failed: bool = False) -> None:
        self.about, self.failed = name, failed
        self.message = text


def _verify(package: ModelPackage, progress: Progress) -> str:
    shown = 0.0

    def show(share: float) -> None:
        nonlocal shown
        if progress.cancelled:
            raise Cancelled
        if share - shown >= 0.01:
            shown = share
            progress(share)

    verify_package(package, show)
    return package.sha256
