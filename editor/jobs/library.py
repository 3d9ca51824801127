"""The model packages, as the window chooses among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from editor.edits.settings import ModelFacts
from editor.jobs.models import facts_of
from inference.errors import EngineError
from inference.package import ModelPackage
from inference.package_memory import PackageMemory
from inference.store import ModelStore


class Library:
    """prewarm: makes a model ready; told its name when it is chosen. chosen: the one used before, or ""."""

    def __init__(
        self, user_folder: Path, bundled_folder: Path, prewarm: Callable[[str], object], chosen: str = ""
    ) -> None:
        self._folders = user_folder, bundled_folder
        self._memory = PackageMemory()
        self._prewarm = prewarm
        self._chosen = chosen
        self._known: dict[str, ModelFacts] = {}
        self._known_at: tuple[int, ...] = ()
        self._listed: tuple[tuple[int, ...], tuple[str, ...]] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Read again only where a folder of models has changed: reading checks every package."""
        now = tuple(_changed(folder) for folder in self._folders)
        if self._listed is None or self._listed[0] != now:
            self._listed = now, tuple(package.name for package in self._store().list())
        return self._listed[1]

    def look(self) -> None:
        """Do once, on any thread, what would make the first document wait."""
        if self.names:
            self.chosen()

    @property
    def problem(self) -> str:
        """Why no model can be used, as a sentence; "" where one can."""
        try:
            self._package("")
        except EngineError as error:
            return str(error)
        return ""

    def chosen(self) -> ModelFacts | None:
        """The model for a new document: the chosen one, else the bundled one; None where there is none."""
        for name in dict.fromkeys((self._chosen, "")):
            try:
                return self.facts(name)
            except EngineError:
                continue
        return None

    def facts(self, name: str) -> ModelFacts:
        """Raises PackageError for a model that is not there or refused."""
        now = tuple(_changed(folder) for folder in self._folders)
        if now != self._known_at:  # another model may have the name by now
            self._known, self._known_at = {}, now
        facts = self._known.get(name)
        if facts is None:  # kept by itself: another thread may empty what is known meanwhile
            facts = self._known[name] = facts_of(self._package(name))
        return facts

    def choose(self, name: str) -> None:
        """Raises PackageError for a model that is not there or refused."""
        self._chosen = self.facts(name).name
        self._prewarm(self._chosen)

    def store(self) -> ModelStore:
        """The models as they are on the disk now."""
        return self._store()

    def folder(self, name: str) -> Path:
        """Raises PackageError for a model that is not there or refused."""
        return self._package(name).folder

    def _package(self, name: str) -> ModelPackage:
        store = self._store()
        return store.find(name) if name else store.default()

    def _store(self) -> ModelStore:
        return ModelStore(*self._folders, self._memory)


def _changed(folder: Path) -> int:
    """When something was added to the folder or taken away, in nanoseconds; 0 where there is none."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
