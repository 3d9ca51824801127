"""The forms in which pairs are read, and telling them apart. Without PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from training.pairs.pair import PairError, RawPair, Refusal
from training.pairs.readers import (
    folder,
    imagefolder,
    instruct_pix2pix,
    magicbrush,
    parquet,
    suffixes,
    webdataset,
)
from training.pairs.readers.reader import Reader, ReadOptions

__all__ = ["READERS", "ReadOptions", "Reader", "open_pairs", "reader_for"]

READERS: tuple[Reader, ...] = (
    instruct_pix2pix.READER,
    magicbrush.READER,
    imagefolder.READER,
    parquet.READER,
    webdataset.READER,
    folder.READER,
    suffixes.READER,
)
"""In the order in which they are tried: the more exact form first."""


def open_pairs(path: Path, format: str = "", options: ReadOptions | None = None) -> Iterator[RawPair | Refusal]:
    """The pairs at `path`, one after the other, and a refusal for each that is broken.

    format: a reader's name; "" finds out. Raises `PairError` where nothing is at `path`, where no form fits, for an
    unknown format, and (also while iterating) where nothing at all can be read.
    """
    wanted = options or ReadOptions()
    entries = reader_for(path, format).read(path, wanted)
    return _limited(entries, wanted.limit) if wanted.limit > 0 else entries


def reader_for(path: Path, format: str = "") -> Reader:
    """The reader of that name, else the first one that `path` is a form for. Raises `PairError`."""
    if format and format not in {reader.name for reader in READERS}:
        known = ", ".join(reader.name for reader in READERS)
        raise PairError(f"There is no format {format!r} of pairs: choose one of {known}.")
    if not path.exists():
        raise PairError(f"{path} is not there: check the path.")
    asked = [reader for reader in READERS if format in ("", reader.name)]
    for reader in asked:
        if _matches(reader, path):
            return reader
    raise PairError(_nothing(path, asked))


def _nothing(path: Path, asked: Sequence[Reader]) -> str:
    if len(asked) == 1:
        return f"{path} holds no pairs in the form that was looked for: {asked[0].title}."
    return (
        f"{path} holds no pairs in a form that is known, such as NAME_before.png, NAME_after.png and NAME.txt: "
        "`palimpsest pairs readers` lists all forms."
    )


def _matches(reader: Reader, path: Path) -> bool:
    try:
        return reader.matches(path)
    except OSError as error:
        raise PairError(f"{path} cannot be read: {error.strerror or error}.") from error


def _limited(entries: Iterator[RawPair | Refusal], limit: int) -> Iterator[RawPair | Refusal]:
    left = limit
    for one in entries:
        yield one
        left -= isinstance(one, RawPair)
        if not left:
            return
