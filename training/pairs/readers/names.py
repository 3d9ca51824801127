"""How people name the two sides of a pair, and where they write its instruction."""

from __future__ import annotations

from pathlib import Path

from training.pairs.pair import PairError
from training.pairs.readers import pictures
from training.pairs.readers.reader import read_text

SIDES = (("before", "after"), ("source", "target"), ("input", "output"), ("original", "edited"))
"""The words for a pair's two sides, before and after."""

MASKS = ("mask", "masks")
INSTRUCTION = "instruction"
INSTRUCTIONS = (INSTRUCTION, "instructions", "text", "texts")


def is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in pictures.SUFFIXES


def by_stem(names: list[str]) -> dict[str, list[str]]:
    """The pictures among `names`, by their name without ending; more than one where endings differ."""
    table: dict[str, list[str]] = {}
    for name in names:
        if is_picture(name):
            table.setdefault(name[: -len(Path(name).suffix)], []).append(name)
    return table


def only(names: list[str], what: str) -> str:
    """The one name. Raises `PairError` for none or several."""
    if not names:
        raise PairError(f"It has no picture {what}: put it there, or remove its partner.")
    if len(names) > 1:
        raise PairError(f"It has several pictures {what} ({', '.join(names)}): keep one of them.")
    return names[0]


def first_text(files: list[Path]) -> str:
    """The first file that is there and holds more than blanks; "" for none. Raises `PairError`."""
    for file in files:
        if file.is_file() and (text := read_text(file).strip()):
            return text
    return ""
