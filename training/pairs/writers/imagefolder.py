"""A Hugging Face imagefolder: metadata.jsonl and the pictures that it names.

`datasets.load_dataset("imagefolder", data_dir=...)` gives the columns input_image, edited_image (pictures),
edit_prompt and group, and mask (None where a pair has none) when some pair has one: what diffusers' training scripts
take.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from training.items import Item
from training.pairs.writers.writer import Progress, Writer, digits, new_folder, png, told, write_file

NAME = "imagefolder"
LIST, PICTURES = "metadata.jsonl", "images"

Row = dict[str, str | None]


def write(items: Sequence[Item], target: Path, progress: Progress) -> None:
    with new_folder(target) as folder:
        rows = [_row(folder, f"{n:0{digits(len(items))}}", item) for n, item in told(items, progress)]
        masked = any(row["mask_file_name"] for row in rows)
        lines = (json.dumps(row if masked else _without_mask(row)) for row in rows)
        write_file(folder / LIST, "".join(f"{line}\n" for line in lines).encode())


def _row(folder: Path, name: str, item: Item) -> Row:
    pictures = item.read()
    names = {side: f"{PICTURES}/{name}_{side}.png" for side in ("before", "after", "mask")}
    write_file(folder / names["before"], png(pictures.source))
    write_file(folder / names["after"], png(pictures.target))
    if pictures.mask is not None:
        write_file(folder / names["mask"], png(pictures.mask))
    return {
        "input_image_file_name": names["before"],
        "edit_prompt": item.instruction,
        "edited_image_file_name": names["after"],
        "mask_file_name": None if pictures.mask is None else names["mask"],
        "group": item.group,
    }


def _without_mask(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != "mask_file_name"}


WRITER = Writer(NAME, "a Hugging Face imagefolder with metadata.jsonl", write)
