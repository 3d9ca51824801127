"""The models at hand: those that come with the program, and those that the user added."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from inference import kept
from inference.errors import PackageError
from inference.file_lock import FileLock
from inference.import_report import REPORT, ImportReport, save_report
from inference.package import ModelPackage, open_package, verify_package, write_manifest
from inference.package_files import MANIFEST, inside, package_files
from inference.shared_files import Usage, share, usages

_ADDING, _REMOVING, _LOCK = ".adding-", ".removing-", ".lock"

# Seconds to wait for another process that changes the store.
_PATIENCE = 10.0

_CHUNK = 1 << 20

# Left free on the disk when a model is copied, so that nothing else fails for want of space.
_SPARE = 64 << 20


class ModelStore:
    """user_folder may not exist yet; bundled_folder is only read. Both hold one folder per package.

    open: reads a package; a `PackageMemory` where that is asked for again and again.
    A new store takes away what an add or a removal that was killed has left.
    """

    def __init__(
        self, user_folder: Path, bundled_folder: Path, open: Callable[[Path], ModelPackage] = open_package
    ) -> None:
        self._user, self._bundled, self._open = Path(user_folder), Path(bundled_folder), open
        self._clean()

    def list(self) -> tuple[ModelPackage, ...]:
        """The packages that can be opened, the bundled ones first; `problems` tells of the others."""
        packages, _ = self._open_all()
        return tuple(packages)

    def problems(self) -> tuple[tuple[Path, str], ...]:
        """(folder, why) of each package that cannot be opened."""
        _, problems = self._open_all()
        return tuple(problems)

    def find(self, name_or_folder: str) -> ModelPackage:
        """The package of that name, else the one in that folder.

        Raises `PackageError` where there is neither, listing the names, and where the package is refused.
        """
        packages, problems = self._open_all()
        for package in packages:
            if _same_name(package.name, name_or_folder):
                return package
        for folder, problem in problems:
            if _same_name(folder.name, name_or_folder):
                raise PackageError(problem)
        if name_or_folder and Path(name_or_folder).is_dir():
            return self._open(Path(name_or_folder))
        names = ", ".join(package.name for package in packages) or "none"
        raise PackageError(
            f"There is no model {name_or_folder!r}: give the name of an installed one ({names}) or a model's folder."
        )

    def default(self) -> ModelPackage:
        """The model for edits that name none: the first bundled one, else the first of the user's.

        Raises `PackageError` where there is none, and where the bundled one is damaged: no other replaces it silently.
        """
        packages, problems = self._open_all()
        broken = [problem for folder, problem in problems if folder.parent == self._bundled or not packages]
        if packages and (not broken or packages[0].folder.parent == self._bundled):
            return packages[0]
        if broken:
            raise PackageError(broken[0])
        raise PackageError("No model is installed: add one with `palimpsest models add PATH`.")

    def add(self, path: Path, progress: Callable[[float], None] | None = None) -> ModelPackage:
        """Copy a package into the user's folder: aside first, verified there, then renamed in one go.

        A package without a manifest gets one. The same content under the same name is left as it is.
        progress: called with the share done, in [0, 1]; what it raises ends the work and nothing is left.
        Raises `PackageError` where the package is refused or damaged, where another model has its name, and where the
        disk is full or cannot be written; then nothing is left behind.
        """
        source = open_package(Path(path))
        present = self._present(source.name)
        if present is not None:
            return _same_or_refuse(present, source)
        with self._changing():
            self._check_space(source)
            with self._aside() as aside:
                _copy(source, aside, _share_of(progress, 0.0, 0.5))
                return self._install(_verified(source, aside, _share_of(progress, 0.5, 1.0)))

    @contextmanager
    def staging(self) -> Generator[Path]:
        """An empty folder in the store, for a package in the making that `adopt` takes; gone afterwards.

        Other processes may use the store meanwhile. Raises `PackageError` where the folder cannot be made.
        """
        with ExitStack() as stack:
            with self._changing():
                aside = stack.enter_context(self._aside())
                # Says that somebody is at work here; the system takes it back from whoever is killed.
                stack.enter_context(FileLock(aside / _LOCK))
            yield aside

    def adopt(
        self, folder: Path, report: ImportReport | None = None, progress: Callable[[float], None] | None = None
    ) -> ModelPackage:
        """Take a package from `staging`: hashed, then renamed, never copied; `report` is kept with it.

        Files that other models of the user have too become links to those. The same content under the same name is
        left as it is. progress: called with the share hashed, in [0, 1].
        Raises `PackageError` as `add` does, and where the package has no manifest.
        """
        package = open_package(folder)
        verify_package(package, progress)
        present = self._present(package.name)
        if present is not None:
            return _same_or_refuse(present, package)
        with self._changing():
            if report is not None:
                save_report(folder, report)
            return self._install(package)

    def check_name(self, name: str) -> None:
        """Raises `PackageError` where a model of that name is installed already, or a damaged one has its place."""
        if self._present(name) is not None:
            raise PackageError(
                f"A model named {name} is installed already: give this one another name, or remove that one first."
            )

    def usages(self) -> dict[Path, Usage]:
        """How much room each model's folder takes, and how much of that it shares with others; damaged ones too."""
        return usages((*_folders(self._bundled), *_folders(self._user)))

    def in_bundled(self, folder: Path) -> bool:
        """True for the folder of a model that comes with the program."""
        return folder.parent == self._bundled

    @property
    def free_bytes(self) -> int:
        """Room for more models on the disk that they are on."""
        existing = next((folder for folder in (self._user, *self._user.absolute().parents) if folder.is_dir()), None)
        return shutil.disk_usage(existing or self._user).free

    def remove(self, name: str) -> None:
        """Delete one of the user's packages, and what was made of it for this machine.

        Raises `PackageError` for none, or one that comes with the program.
        """
        folder = self._folder_of(name)
        with self._changing():
            if folder.is_symlink():
                folder.unlink()
                return
            # Renamed first: a removal that is killed must not leave half a package under its name.
            aside = Path(tempfile.mkdtemp(prefix=_REMOVING, dir=self._user))
            folder.rename(aside / "package")
            shutil.rmtree(aside)
        kept.discard(folder)

    def _folder_of(self, name: str) -> Path:
        """The user's folder with the package of that name, be it in order or not."""
        named = [package.folder for package in self.list() if _same_name(package.name, name)]
        named += [folder for folder in _folders(self._user) if _same_name(folder.name, name)]
        for folder in named:
            if folder.parent == self._user:
                return folder
        if named:
            raise PackageError(f"The model {name} comes with the program and cannot be removed.")
        raise PackageError(f"There is no model {name!r} to remove; `palimpsest models list` shows the names.")

    def _present(self, name: str) -> ModelPackage | None:
        """The installed package of that name, or None; raises where a broken one has the name's place."""
        for package in self.list():
            if _same_name(package.name, name):
                return package
        if any(_same_name(folder.name, name) for folder in _folders(self._user)):
            raise PackageError(
                f"A damaged model is in the place of {name}: remove it with `palimpsest models remove {name}` first."
            )
        return None

    def _open_all(self) -> tuple[list[ModelPackage], list[tuple[Path, str]]]:
        packages, problems = list[ModelPackage](), list[tuple[Path, str]]()
        for folder in (*_folders(self._bundled), *_folders(self._user)):
            try:
                packages.append(self._open(folder))
            except PackageError as error:
                problems.append((folder, str(error)))
        return packages, problems

    def _check_space(self, source: ModelPackage) -> None:
        needed = sum(path.stat().st_size for path in _files(source).values()) + _SPARE
        free = shutil.disk_usage(self._user).free
        if free < needed:
            raise PackageError(
                f"{self._user} has {free / 1e6:.0f} MB free and the model {source.name} needs {needed / 1e6:.0f} MB: "
                "make room, then add it again."
            )

    @contextmanager
    def _aside(self) -> Generator[Path]:
        """A temporary folder in the store, gone afterwards unless it was renamed."""
        folder = Path(tempfile.mkdtemp(prefix=_ADDING, dir=self._user))
        try:
            folder.chmod(0o755)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _install(self, package: ModelPackage) -> ModelPackage:
        """Rename the package's folder to its name; within `_changing`."""
        aside, target = package.folder, self._user / package.name
        share(aside, package.manifest.files if package.manifest is not None else (), self._files_by_content())
        for folder in (aside, *(path for path in aside.rglob("*") if path.is_dir())):
            _sync(folder)
        if target.exists():  # another process was faster
            return _same_or_refuse(open_package(target), package)
        aside.rename(target)
        _sync(self._user)
        return open_package(target)

    def _files_by_content(self) -> dict[str, Path]:
        """The files of the user's models by their SHA-256; a folder that is only linked here is not ours to share."""
        return {
            file.sha256: package.folder / file.path
            for package in self.list()
            if package.folder.parent == self._user and not package.folder.is_symlink() and package.manifest is not None
            for file in package.manifest.files
        }

    @contextmanager
    def _changing(self) -> Generator[None]:
        """One change at a time, by one process; what the disk refuses becomes a sentence."""
        try:
            self._user.mkdir(parents=True, exist_ok=True)
            with FileLock(self._user / _LOCK, timeout=_PATIENCE):
                yield
        except TimeoutError as error:
            raise PackageError(
                f"Another program is changing the models in {self._user}: try again when it is done."
            ) from error
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            reason = error.strerror or str(error)
            raise PackageError(f"The models in {self._user} cannot be changed: {reason}{where}.") from error

    def _clean(self) -> None:
        # Whoever holds the lock is at work on such a folder. What cannot be cleaned now waits for the next start.
        leftovers = [folder for prefix in (_ADDING, _REMOVING) for folder in self._user.glob(f"{prefix}*")]
        if leftovers:
            with suppress(OSError), FileLock(self._user / _LOCK):
                for folder in leftovers:
                    if not _in_use(folder):
                        shutil.rmtree(folder, ignore_errors=True)


def _in_use(leftover: Path) -> bool:
    """True where a process that lives is making a package there."""
    if not (leftover / _LOCK).exists():
        return False
    try:
        with FileLock(leftover / _LOCK):
            return False
    except OSError:  # also the TimeoutError of a lock that is held
        return True


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def _same_name(one: str, other: str) -> bool:
    """Many file systems take "Starter" and "starter" for the same folder."""
    return one.casefold() == other.casefold()


def _same_or_refuse(present: ModelPackage, source: ModelPackage) -> ModelPackage:
    if present.sha256 == source.sha256:
        return present
    raise PackageError(
        f"Another model is already named {present.name}: remove that one first, or give this one another name in its "
        f"{MANIFEST}, or its folder another name where it has none."
    )


def _files(package: ModelPackage) -> dict[str, Path]:
    """What to copy, by its path in the package."""
    if package.manifest is None:
        return package_files(package.folder)
    names = (*(file.path for file in package.manifest.files), MANIFEST)
    return {name: inside(package.folder, name) for name in names}


def _share_of(progress: Callable[[float], None] | None, first: float, last: float) -> Callable[[float], None]:
    """What tells of a part of the work, from `first` to `last` of the whole."""
    if progress is None:
        return lambda share: None
    return lambda share: progress(first + (last - first) * share)


def _copy(source: ModelPackage, target: Path, progress: Callable[[float], None]) -> None:
    """Contents, not links: a link inside of the package becomes a file."""
    report = source.folder / REPORT
    files = {**_files(source), **({REPORT: report} if report.is_file() else {})}
    total, done = max(1, sum(path.stat().st_size for path in files.values())), 0
    for name, path in files.items():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as original, copy.open("xb") as file:
            while data := original.read(_CHUNK):
                file.write(data)
                done += len(data)
                progress(min(1.0, done / total))
            file.flush()
            os.fsync(file.fileno())


def _verified(source: ModelPackage, folder: Path, progress: Callable[[float], None]) -> ModelPackage:
    """The copy in `folder`, hashed; with a manifest where the source has none."""
    copy = open_package(folder)
    if copy.manifest is not None:
        verify_package(copy, progress)
        return copy
    origin = source.folder.resolve().name
    described = write_manifest(
        folder,
        name=source.name,
        licence=source.licence,
        precision=source.precision,
        dials=source.dials,
        instructions=source.instructions,
        source=origin,
    )
    if described.sha256 != source.sha256:
        raise PackageError(f"{source.folder} changed while it was copied: add it again when nothing writes to it.")
    return described


def _sync(folder: Path) -> None:
    """Make renames in a folder last; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
