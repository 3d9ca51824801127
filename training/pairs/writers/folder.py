"""Two folders with equal names, as any program opens them: before/, after/, instruction/ (text), mask/ (where some).

Which pairs have one source is not written: readers go by what the source shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.items import Item
from training.pairs.writers.writer import Progress, Writer, digits, new_folder, png, told, write_file

NAME = "folder"
BEFORE, AFTER, INSTRUCTION, MASK = "before", "after", "instruction", "mask"


def write(items: Sequence[Item], target: Path, progress: Progress) -> None:
    with new_folder(target) as folder:
        for number, item in told(items, progress):
            _write_pair(folder, f"{number:0{digits(len(items))}}", item)


def _write_pair(folder: Path, name: str, item: Item) -> None:
    pictures = item.read()
    write_file(folder / BEFORE / f"{name}.png", png(pictures.source))
    write_file(folder / AFTER / f"{name}.png", png(pictures.target))
    write_file(folder / INSTRUCTION / f"{name}.txt", f"{item.instruction}\n".encode())
    if pictures.mask is not None:
        write_file(folder / MASK / f"{name}.png", png(pictures.mask))


WRITER = Writer(NAME, "folders before/ and after/ with text files", write)
