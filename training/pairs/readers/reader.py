"""What a reader is, and the steps that all of them share. Without PyTorch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import ParamSpec

from training.pairs.pair import Grey, PairError, RawPair, Refusal, Rgb
from training.pairs.readers import pictures

P = ParamSpec("P")

LARGEST_TEXT = 1 << 20
"""Bytes of an instruction's file; anything larger is another kind of file."""

NO_INSTRUCTION = (
    "It has no instruction: write one beside the pictures (a .txt file of the same name, or instruction.txt for all "
    "of them), or give one for all that have none: `palimpsest pairs add FOLDER --instruction TEXT`."
)


@dataclass(frozen=True)
class ReadOptions:
    """instruction: for the pairs that carry none of their own. limit: how many pairs at most; 0 for all."""

    instruction: str = ""
    limit: int = 0


Entry = RawPair | Refusal


@dataclass(frozen=True)
class Reader:
    """One form in which pairs lie on disk.

    name: as options give it. title: what it looks for, in words that go on a sentence. matches: whether a path is of
    this form; quick, never raises for a path that exists. read: the pairs one after the other, never all in memory;
    what is broken comes as a `Refusal` and the rest goes on. `read` raises `PairError` where nothing at all can be
    read.
    """

    name: str
    title: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Iterator[Entry]]


@dataclass(frozen=True)
class Blob:
    """A picture that is not decoded yet. name: for sentences. read: its bytes; raises `PairError`."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Parts:
    """What one pair is made of. erased: the mask is a picture whose transparent part is where the change is wanted
    (MagicBrush), in place of a white one. one_size: the larger picture is brought to the smaller one's size. Other
    fields as in `RawPair`."""

    instruction: str
    source: Blob
    target: Blob
    mask: Blob | None = None
    erased: bool = False
    one_size: bool = False
    group: str = ""
    origin: Mapping[str, str] = field(default_factory=dict[str, str])


def entry(where: str, make: Callable[P, RawPair], *args: P.args, **kwargs: P.kwargs) -> Entry:
    """What `make` gives, or the refusal that it raised."""
    try:
        return make(*args, **kwargs)
    except PairError as error:
        return Refusal(where, str(error))


def raw_pair(parts: Parts, options: ReadOptions) -> RawPair:
    """The pair with its pictures decoded. A pair without a group is grouped by the store, by what it shows.

    Raises `PairError` for a picture that cannot be decoded and where no instruction is to be had.
    """
    instruction = parts.instruction.strip() or options.instruction.strip()
    if not instruction:
        raise PairError(NO_INSTRUCTION)
    source, target = _picture(parts.source), _picture(parts.target)
    if parts.one_size:
        source, target = pictures.brought_to_one_size(source, target)
    mask = _mask(parts, source.shape[:2]) if parts.mask else None
    return RawPair(instruction, source, target, mask, parts.group, parts.origin)


def _picture(blob: Blob) -> Rgb:
    return pictures.picture(blob.read(), blob.name)


def _mask(parts: Parts, shape: tuple[int, ...]) -> Grey | None:
    if parts.mask is None:
        return None
    data = parts.mask.read()
    if parts.erased:
        return pictures.erased(data, parts.mask.name, (shape[0], shape[1]))
    return pictures.mask(data, parts.mask.name)


def file_blob(path: Path) -> Blob:
    """The picture in a file."""
    return Blob(path.name, lambda: read_bytes(path, pictures.LARGEST_FILE))


def read_bytes(path: Path, most: int) -> bytes:
    """A file's bytes. Raises `PairError` where there is none, and where it is larger than `most`."""
    try:
        if not path.is_file():
            raise PairError(f"{path} is not there: put the file back, or take its entry out of the list.")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise PairError(f"{path} cannot be read: {reason or error}.") from error
    if len(data) > most:
        raise PairError(f"{path} is larger than {most >> 20} MB, so it is left out; save it smaller.")
    return data


def read_text(path: Path, most: int = LARGEST_TEXT) -> str:
    """A text file, UTF-8 or with a byte order mark, its line ends as they are. Raises `PairError`."""
    data = read_bytes(path, most)
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise PairError(f"{path} is not text in UTF-8: save it so in a text editor.") from error


def inside(folder: Path, name: str) -> Path:
    """The file that a list in `folder` calls `name` (with slashes of either kind).

    Raises `PairError` for names that lead out of the folder.
    """
    posix, windows = PurePosixPath(name.replace("\\", "/")), PureWindowsPath(name)
    leads_out = posix.is_absolute() or windows.drive or windows.root or ".." in posix.parts or "\0" in name
    if leads_out or not posix.parts:
        raise PairError(
            f"{name!r} leads out of the folder of its list, so it is refused: put the file beside the list."
        )
    return folder / posix


def walk(folder: Path, deepest: int) -> Iterator[tuple[Path, list[str]]]:
    """Each folder from `folder` down to `deepest` levels below it, with its files' names; sorted, hidden ones left out,
    links to folders not followed. A folder that cannot be read is passed over."""
    for parent, folders, files in os.walk(folder):
        at = Path(parent)
        depth = len(at.relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < deepest else []
        yield at, sorted(name for name in files if not name.startswith("."))


def called(path: Path, root: Path) -> str:
    """How a file below `root` is named in a refusal."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) and path != root else path.name
