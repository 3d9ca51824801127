"""Which column of a table is what: the names that published sets of pairs use, and a row made into a pair.

`original_prompt, original_image, edit_prompt, edited_prompt, edited_image` (InstructPix2Pix on Hugging Face),
`input_image, edit_prompt, edited_image` (diffusers), `img_id, source_img, mask_img, instruction, target_img`
(MagicBrush), and plain words for lists that people write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from training.pairs.pair import PairError
from training.pairs.readers.reader import Blob, Parts

SOURCES = ("input_image", "original_image", "source_img", "source_image", "before", "source", "input", "image")
TARGETS = ("edited_image", "target_img", "target_image", "output_image", "after", "target", "output", "edited")
INSTRUCTIONS = ("edit_prompt", "instruction", "edit", "prompt", "text")
MASKS = ("mask_img", "mask_image", "mask")
GROUPS = ("group", "img_id")
CAPTIONS = ("original_prompt", "caption")
EDITED_CAPTIONS = ("edited_prompt", "edited_caption")

FILE_NAME = "file_name"

ERASED, MAGICBRUSH_SOURCE = "mask_img", "source_img"
"""Columns of MagicBrush, whose masks are pictures with a transparent part and whose pictures differ in size."""


@dataclass(frozen=True)
class Columns:
    """The columns to take each part from; "" for a part that the table does not have."""

    source: str
    target: str
    instruction: str = ""
    mask: str = ""
    group: str = ""
    caption: str = ""
    edited_caption: str = ""


def find(names: Iterable[str]) -> Columns | None:
    """The columns of a table, or None where it has no picture before and after.

    A column `NAME_file_name` is NAME, `file_name` is "image", as in an imagefolder of Hugging Face.
    """
    table = {plain_name(name): name for name in names}

    def first(known: tuple[str, ...]) -> str:
        return next((table[name] for name in known if name in table), "")

    source, target = first(SOURCES), first(TARGETS)
    if not source or not target:
        return None
    rest = (first(names) for names in (INSTRUCTIONS, MASKS, GROUPS, CAPTIONS, EDITED_CAPTIONS))
    return Columns(source, target, *rest)


def plain_name(name: str) -> str:
    """A column's name without the ending that says that it holds file names."""
    return "image" if name == FILE_NAME else name.strip().lower().removesuffix(f"_{FILE_NAME}")


def parts_of(
    row: Mapping[str, object], columns: Columns, blob: Callable[[str, object], Blob], origin: Mapping[str, str]
) -> Parts:
    """A row as the parts of a pair. `blob(column, value)` is the picture of a cell. Raises `PairError`."""
    mask = row.get(columns.mask) if columns.mask else None
    words = {"caption": _text(row, columns.caption), "edited_caption": _text(row, columns.edited_caption)}
    return Parts(
        _text(row, columns.instruction),
        blob(columns.source, row.get(columns.source)),
        blob(columns.target, row.get(columns.target)),
        blob(columns.mask, mask) if mask not in (None, "") else None,
        plain_name(columns.mask) == ERASED,
        plain_name(columns.source) == MAGICBRUSH_SOURCE,
        _group(row, columns),
        {**origin, **{key: value for key, value in words.items() if value}},
    )


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column) if column else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PairError(f"Its {column} is no text: put the words there.")
    return value


def _group(row: Mapping[str, object], columns: Columns) -> str:
    """A photo's number in MagicBrush, whose turns share it; a caption, from which one scene is drawn several times."""
    value = row.get(columns.group) if columns.group else None
    if isinstance(value, str | int) and str(value).strip():
        name = str(value).strip()
        return f"magicbrush/{name}" if plain_name(columns.group) == "img_id" else name
    caption = _text(row, columns.caption).strip()
    return f"caption/{hashlib.sha256(caption.encode()).hexdigest()[:16]}" if caption else ""
