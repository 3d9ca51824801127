"""Parquet files as Hugging Face keeps them: a row a pair, pictures as {"bytes", "path"} or plain bytes in the cells.

Needs pyarrow, which comes with the training packages. Rows come a few at a time, at most one row group is held (as it
lies in the file and unpacked); nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, cast

from training.pairs.pair import PairError, RawPair, Refusal
from training.pairs.readers import columns, pictures
from training.pairs.readers.reader import (
    Blob,
    Entry,
    Reader,
    ReadOptions,
    called,
    entry,
    file_blob,
    inside,
    raw_pair,
    walk,
)

NAME = "parquet"
SUFFIX = ".parquet"

_DEEPEST = 3
_ROWS_AT_ONCE = 4
_BUFFER = 1 << 20


def matches(path: Path) -> bool:
    return next(_files(path), None) is not None


def read(path: Path, options: ReadOptions) -> Iterator[Entry]:
    return read_as(NAME, path, options)


def read_as(kind: str, path: Path, options: ReadOptions) -> Iterator[Entry]:
    """The pairs of all files at `path`, with `kind` as their origin. Raises `PairError` where pyarrow is missing."""
    arrow = _pyarrow(path)
    return (one for file in _files(path) for one in _file(arrow, kind, path, file, options))


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of the first file at `path`; none where it cannot be read, or without pyarrow."""
    try:
        arrow = _pyarrow(path)
    except PairError:
        return ()
    try:
        return tuple(str(name) for file in islice(_files(path), 1) for name in arrow.read_schema(file).names)
    except _arrow_errors():
        return ()


def _pyarrow(path: Path) -> Any:
    try:
        return cast("Any", import_module("pyarrow.parquet"))
    except ModuleNotFoundError as error:
        raise PairError(
            f"{path} holds Parquet files, which the training packages read: install them with  "
            "pip install 'palimpsest[train]'"
        ) from error


def _arrow_errors() -> tuple[type[BaseException], ...]:
    """What pyarrow raises for files that are damaged or none of its own."""
    return OSError, ValueError, MemoryError, cast("Any", import_module("pyarrow")).ArrowException


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield from (path,) if path.suffix.lower() == SUFFIX else ()
        return
    for folder, files in walk(path, _DEEPEST):
        yield from (folder / name for name in files if name.lower().endswith(SUFFIX))


def _file(arrow: Any, kind: str, root: Path, file: Path, options: ReadOptions) -> Iterator[Entry]:
    where = called(file, root)
    try:
        with arrow.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as table:
            found = columns.find(table.schema_arrow.names)
            if found is None:
                names = ", ".join(table.schema_arrow.names)
                yield Refusal(where, f"It has no pictures before and after, only the columns {names}.")
                return
            wanted = [name for name in vars(found).values() if name]
            for number, row in _rows(table, wanted):
                at = f"{where}, row {number}"
                yield entry(at, _pair, kind, file, found, row, at, options)
    except _arrow_errors() as error:
        yield Refusal(where, f"It is damaged or no Parquet file ({str(error).splitlines()[0][:120]}); get it again.")


def _rows(table: Any, wanted: list[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
    number = 0
    for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE, columns=wanted, use_threads=False):
        for index in range(batch.num_rows):
            number += 1
            yield number, {name: batch.column(name)[index].as_py() for name in wanted}


def _pair(
    kind: str, file: Path, found: columns.Columns, row: Mapping[str, object], where: str, options: ReadOptions
) -> RawPair:
    def blob(column: str, value: object) -> Blob:
        return _cell(file.parent, column, value)

    return raw_pair(columns.parts_of(row, found, blob, {"kind": kind, "row": where}), options)


def _cell(folder: Path, column: str, value: object) -> Blob:
    data, name = value, ""
    if isinstance(value, dict):
        struct = cast("dict[str, object]", value)
        data, name = struct.get("bytes"), struct.get("path")
    if isinstance(data, bytes):
        if len(data) > pictures.LARGEST_FILE:
            raise PairError(f"Its {column} is larger than {pictures.LARGEST_FILE >> 20} MB, so it is left out.")
        return Blob(column, lambda: data)
    path = data or name
    if isinstance(path, str) and path:
        return file_blob(inside(folder, path))
    raise PairError(f"Its {column} holds no picture: it has to be bytes, or a structure of bytes and path.")


READER = Reader(NAME, "Parquet files with columns such as input_image, edit_prompt, edited_image", matches, read)
