"""Pairs told by their names: cat_before.png and cat_after.jpg; also _source and _target, _input and _output, _original
and _edited, and _0 and _1; with "-", "." or a blank in place of "_". Folders in the folder are read too.

The instruction is cat.txt, else the folder's instruction.txt, else the one of the options; cat_mask marks the change in
white. before.png and after.png alone are a pair as well, where each pair has a folder of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from training.pairs.pair import RawPair
from training.pairs.readers import names
from training.pairs.readers.reader import Entry, Parts, Reader, ReadOptions, called, entry, file_blob, raw_pair, walk

NAME = "suffixes"
SIDES = (*names.SIDES, ("0", "1"))

_DEEPEST = 8
_WORDS = "|".join(word for sides in SIDES for word in sides)
_ENDING = re.compile(rf"(?:(.*\S)[ _.-])?({_WORDS}|mask)", re.IGNORECASE | re.DOTALL)

Found = dict[str, list[str]]
"""The pictures of one name in a folder, by the word at its end."""


def matches(path: Path) -> bool:
    """For half a pair too: this form is tried last, and says what is missing."""
    return path.is_dir() and any(
        _is_meant(found, sides, numbered=False)
        for _, files in walk(path, _DEEPEST)
        for found in _groups(files).values()
        for sides in SIDES
    )


def read(path: Path, options: ReadOptions) -> Iterator[Entry]:
    for folder, files in walk(path, _DEEPEST):
        groups = _groups(files)
        numbered = any("0" in found and "1" in found for found in groups.values())
        for name, found in groups.items():
            for sides in SIDES:
                if _is_meant(found, sides, numbered):
                    where = called(folder / name, path) if name else called(folder, path)
                    yield entry(where, _pair, folder, name, found, sides, options)


def _groups(files: list[str]) -> dict[str, Found]:
    groups: dict[str, Found] = {}
    for stem, pictures in names.by_stem(files).items():
        match = _ENDING.fullmatch(stem)
        if match and (match[1] or not match[2].isdigit()):  # pictures that are only numbered are no pairs
            groups.setdefault(match[1] or "", {}).setdefault(match[2].lower(), []).extend(pictures)
    return groups


def _is_meant(found: Found, sides: tuple[str, str], numbered: bool) -> bool:
    """A half pair is worth a refusal; IMG_1 alone is a photo's number, unless the folder has pairs _0 and _1."""
    before, after = sides[0] in found, sides[1] in found
    return (before or after) if sides[0] != "0" or numbered else before and after


def _pair(folder: Path, name: str, found: Found, sides: tuple[str, str], options: ReadOptions) -> RawPair:
    source, target = (names.only(found.get(word, []), f"whose name ends in {word}") for word in sides)
    masks = found.get("mask", [])
    mask = folder / names.only(masks, "whose name ends in mask") if masks else None
    own = [folder / f"{name}.txt"] if name else []
    return raw_pair(
        Parts(
            names.first_text([*own, folder / f"{names.INSTRUCTION}.txt"]),
            file_blob(folder / source),
            file_blob(folder / target),
            file_blob(mask) if mask else None,
            origin={"kind": NAME, "name": name or folder.name, "path": str(folder)},
        ),
        options,
    )


READER = Reader(NAME, "pictures whose names end in _before and _after", matches, read)
