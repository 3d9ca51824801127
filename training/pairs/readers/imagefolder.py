"""A list of pairs beside their pictures: metadata.jsonl or metadata.csv of a Hugging Face imagefolder, or any like it.

Every row names its pictures by paths below the list's folder (`input_image_file_name` or plainly `input_image`, see
`columns`). The lists of a folder's splits (train/metadata.jsonl) are read one after the other.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import cast

from training.pairs.pair import PairError, RawPair, Refusal
from training.pairs.readers import columns
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

NAME = "imagefolder"
LISTS = ("metadata.jsonl", "metadata.csv")

_LONGEST_LINE = 1 << 20
_DEEPEST = 2
_TRIED = 20

Row = dict[str, object]


def matches(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() in (".jsonl", ".csv")
    return any(_has_columns(file) for file in _lists(path))


def read(path: Path, options: ReadOptions) -> Iterator[Entry]:
    for file in _lists(path):
        for number, row in _rows(file):
            where = f"{called(file, path)}, line {number}"
            if isinstance(row, str):
                yield Refusal(where, row)
            else:
                yield entry(where, _pair, file, row, where, options)


def _lists(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, files in walk(path, _DEEPEST):
        yield from (folder / name for name in LISTS if name in files)


def _has_columns(file: Path) -> bool:
    return any(not isinstance(row, str) and columns.find(row) for _, row in islice(_rows(file), _TRIED))


def _pair(file: Path, row: Row, where: str, options: ReadOptions) -> RawPair:
    found = columns.find(row)
    if found is None:
        raise PairError(
            f"It has no picture before and after (its columns are {', '.join(row)}): name them input_image and "
            "edited_image."
        )

    def blob(column: str, value: object) -> Blob:
        if not isinstance(value, str) or not value:
            raise PairError(f"Its {column} names no file: put the picture's path there.")
        return file_blob(inside(file.parent, value))

    return raw_pair(columns.parts_of(row, found, blob, {"kind": NAME, "list": file.name, "row": where}), options)


def _rows(file: Path) -> Iterator[tuple[int, Row | str]]:
    """Line numbers with the row, or with what is wrong with it."""
    try:
        yield from _csv_rows(file) if file.suffix.lower() == ".csv" else _json_rows(file)
    except OSError as error:
        yield 1, f"{file} cannot be read: {error.strerror or error}."
    except UnicodeDecodeError:
        yield 1, f"{file} is not text in UTF-8: save it so in a text editor."


def _json_rows(file: Path) -> Iterator[tuple[int, Row | str]]:
    with file.open("rb") as lines:
        number = 0
        while line := lines.readline(_LONGEST_LINE):
            number += 1
            if line.strip():
                yield number, _json_row(line.removeprefix(b"\xef\xbb\xbf"))


def _json_row(line: bytes) -> Row | str:
    try:
        row: object = json.loads(line)
    except (ValueError, RecursionError):
        return "It is not valid JSON: write one object in braces on each line."
    return cast("Row", row) if isinstance(row, dict) else "It is no JSON object: write one in braces on each line."


def _csv_rows(file: Path) -> Iterator[tuple[int, Row | str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        table = csv.DictReader(text, strict=True)
        while True:
            try:
                row: Mapping[str | None, str | list[str] | None] | None = next(table, None)
            except csv.Error as error:
                yield table.line_num, f"It is not valid CSV ({error}): put texts with commas or quotes in quotes."
                return
            if row is None:
                return
            whole = None not in row and None not in row.values()
            cells: Row = {key: value for key, value in row.items() if key is not None}
            yield table.line_num, cells if whole else "It has more or fewer cells than the first line has columns."


READER = Reader(NAME, "a list metadata.jsonl or metadata.csv that names the pictures", matches, read)
