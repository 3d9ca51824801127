"""manifest.json: who a model package is, how it likes to be used, and the hash and size of each of its files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.errors import PackageError
from inference.json_values import Values, read_json
from inference.package_files import MANIFEST, inside, package_files

FORMAT = 1

_CHUNK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9]|[A-Za-z0-9]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{64}")

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Dials:
    """How a model likes to be used. size: the long side in pixels that it sees."""

    steps: int = 20
    text_scale: float = 7.5
    image_scale: float = 1.5
    sampler: str = "euler_ancestral"
    size: int = 512


@dataclass(frozen=True)
class FileRecord:
    """sha256 in lower-case hexadecimal, size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """instructions: what the model was taught, as examples for the user; empty where that is not known."""

    name: str
    licence: str
    source: str
    precision: str
    dials: Dials
    instructions: tuple[str, ...]
    files: tuple[FileRecord, ...]

    @property
    def sha256(self) -> str:
        return digest(self.files)


def digest(files: Iterable[FileRecord]) -> str:
    """One hash for a package: SHA-256 of the lines "hash  path" in the order of the paths."""
    lines = (f"{file.sha256}  {file.path}\n" for file in sorted(files, key=lambda file: file.path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_safe_name(name: str) -> bool:
    """True for what can name a folder on every system: letters, digits, dots, dashes, underscores; at most 64."""
    return _NAME.fullmatch(name) is not None and _RESERVED.fullmatch(name) is None


def safe_name(text: str) -> str:
    """The nearest name that is safe for a folder."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")[:64].strip("._-")
    return name if is_safe_name(name) else f"model-{name}".strip("-")[:64].strip("._-")


def read_manifest(folder: Path) -> Manifest | None:
    """None where the package has no manifest; raises `PackageError` where it has a bad one."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    values = read_json(path)
    if values.whole("format", least=1) != FORMAT:
        raise PackageError(f"{path} is of a newer format than this version of the program knows; update the program.")
    name = values.text("name")
    if not is_safe_name(name):
        raise PackageError(f"{path} gives the model the name {name!r}, which cannot name a folder, so it is refused.")
    return Manifest(
        name=name,
        licence=values.text("licence"),
        source=values.text("source", default=""),
        precision=values.text("precision"),
        dials=_dials(values.object("dials")),
        instructions=values.texts("instructions"),
        files=_files(folder, values.object("files")),
    )


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """The cheap check: every listed file is there with its size."""
    for file in manifest.files:
        path = inside(folder, file.path)
        if not path.is_file():
            raise PackageError(f"{path} is missing though the manifest lists it; get the package again.")
        if path.stat().st_size != file.size:
            raise PackageError(
                f"{path} has {path.stat().st_size} bytes instead of {file.size}, so it is damaged; "
                "get the package again."
            )


def check_listed(folder: Path, manifest: Manifest, needed: Iterable[str]) -> None:
    """Every file that will be read is listed."""
    unlisted = sorted(set(needed) - {file.path for file in manifest.files})
    if unlisted:
        raise PackageError(
            f"{folder / unlisted[0]} is not in the manifest, so nothing vouches for it; get the package again."
        )


def check_hashes(folder: Path, manifest: Manifest, progress: Callable[[float], None] | None = None) -> None:
    """Hash every file of the manifest. progress: called with the share done, in [0, 1]."""
    advance = _advance(sum(file.size for file in manifest.files), progress)
    for file in manifest.files:
        path = inside(folder, file.path)
        if hash_file(path, advance) != file.sha256:
            raise PackageError(
                f"{path} is not the file that the manifest describes: its hash differs; get the package again."
            )


def hash_files(folder: Path) -> tuple[FileRecord, ...]:
    """Records of all files that belong to the package, hashed now."""
    files = package_files(folder).items()
    return tuple(FileRecord(name, hash_file(path), path.stat().st_size) for name, path in files)


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json whole or not at all."""
    files = {file.path: {"sha256": file.sha256, "size": file.size} for file in manifest.files}
    values = {"format": FORMAT, **asdict(manifest), "files": files}
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    handle, temporary = tempfile.mkstemp(prefix=".manifest-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(folder / MANIFEST)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def hash_file(path: Path, advance: Advance | None = None) -> str:
    """SHA-256 in hexadecimal; `advance` hears of every chunk's bytes. Raises `PackageError` where it cannot be read."""
    state = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                state.update(chunk)
                if advance is not None:
                    advance(len(chunk))
    except OSError as error:
        raise PackageError(f"{path} cannot be read: {error.strerror or error}.") from error
    return state.hexdigest()


def _advance(total: int, progress: Callable[[float], None] | None) -> Advance | None:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        assert progress is not None
        progress(min(1.0, done / max(1, total)))

    return None if progress is None else advance


def _dials(values: Values) -> Dials:
    return Dials(
        steps=values.whole("steps", least=1),
        text_scale=values.scale("text_scale"),
        image_scale=values.scale("image_scale"),
        sampler=values.text("sampler"),
        size=values.whole("size", least=8),
    )


def _files(folder: Path, values: Values) -> tuple[FileRecord, ...]:
    records = (_record(folder, path, values.object(path)) for path in values)
    return tuple(sorted(records, key=lambda file: file.path))


def _record(folder: Path, path: str, values: Values) -> FileRecord:
    inside(folder, path)
    sha256 = values.text("sha256")
    if _HASH.fullmatch(sha256) is None:
        raise values.wrong("sha256", "64 hexadecimal digits in lower case")
    return FileRecord(path, sha256, values.whole("size", least=0))
