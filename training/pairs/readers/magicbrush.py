"""MagicBrush (arXiv 2306.10012): Parquet files from Hugging Face, or the folder of its dev and test sets.

The folder has edit_turns.json, a list of {"input", "mask", "output", "instruction"}, and images/ID/ID-input.png,
ID-mask1.png, ID-output1.png, ID-mask2.png ... (edit_sessions.json holds the same by ID). A mask is the source picture
with the part to change erased to transparency, sometimes at a size of its own (its issue 10); it becomes 255 where the
change is wanted. First sources are 500 px and their edits 1024 px, so the larger one is brought to the smaller one's
size. The turns of one photo are one group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from training.pairs.pair import PairError, RawPair, Refusal
from training.pairs.readers import parquet
from training.pairs.readers.reader import (
    Entry,
    Parts,
    Reader,
    ReadOptions,
    called,
    entry,
    file_blob,
    inside,
    raw_pair,
    read_text,
    walk,
)

NAME = "magicbrush"
TURNS, SESSIONS = "edit_turns.json", "edit_sessions.json"

_COLUMNS = {"source_img", "instruction", "target_img"}
_LARGEST_LIST = 256 << 20
_DEEPEST = 1

Turn = dict[str, object]


def matches(path: Path) -> bool:
    if path.is_dir() and next(_lists(path), None):
        return True
    return parquet.matches(path) and set(parquet.column_names(path)) >= _COLUMNS


def read(path: Path, options: ReadOptions) -> Iterator[Entry]:
    return _folder(path, options) if next(_lists(path), None) else parquet.read_as(NAME, path, options)


def _lists(path: Path) -> Iterator[Path]:
    """One list for each folder that has one: the turns, else the sessions."""
    for folder, files in walk(path, _DEEPEST):
        yield from [folder / name for name in (TURNS, SESSIONS) if name in files][:1]


def _folder(path: Path, options: ReadOptions) -> Iterator[Entry]:
    for file in _lists(path):
        try:
            turns = _turns(file)
        except PairError as error:
            yield Refusal(called(file, path), str(error))
            continue
        for number, turn in enumerate(turns, 1):
            where = f"{called(file, path)}, turn {number}"
            yield entry(where, _pair, file.parent, turn, where, options)


def _turns(file: Path) -> list[object]:
    try:
        value: object = json.loads(read_text(file, _LARGEST_LIST))
    except (ValueError, RecursionError) as error:
        raise PairError(f"{file.name} is not valid JSON; get it again.") from error
    if isinstance(value, dict):
        value = [turn for turns in cast("dict[str, object]", value).values() for turn in _list(turns, file)]
    return _list(value, file)


def _list(value: object, file: Path) -> list[object]:
    if not isinstance(value, list):
        raise PairError(f"{file.name} holds no list of turns; get it again.")
    return cast("list[object]", value)


def _pair(folder: Path, turn: object, where: str, options: ReadOptions) -> RawPair:
    if not isinstance(turn, dict):
        raise PairError("It is no JSON object with input, output and instruction.")
    values = cast("Turn", turn)
    source, target, mask = (_file(folder, values, key) for key in ("input", "output", "mask"))
    if source is None or target is None:
        raise PairError("It names no input or no output picture.")
    instruction = values.get("instruction")
    photo = source.name.split("-")[0]
    return raw_pair(
        Parts(
            instruction if isinstance(instruction, str) else "",
            file_blob(source),
            file_blob(target),
            file_blob(mask) if mask else None,
            erased=True,
            one_size=True,
            group=f"{NAME}/{photo}",
            origin={"kind": NAME, "photo": photo, "row": where},
        ),
        options,
    )


def _file(folder: Path, values: Turn, key: str) -> Path | None:
    name = values.get(key)
    if not isinstance(name, str) or not name:
        return None
    return inside(folder / "images" / inside(folder, name).name.split("-")[0], name)


READER = Reader(NAME, "MagicBrush, as Parquet files or as a folder with edit_turns.json and images/", matches, read)
