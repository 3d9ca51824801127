"""The released InstructPix2Pix tree (arXiv 2211.09800): a folder a prompt, several pairs of pictures in each.

`seeds.json` lists [folder, [seeds]]; `FOLDER/prompt.json` has `caption` or `input`, `edit` and `output`;
`FOLDER/{seed}_0.jpg` becomes `{seed}_1.jpg`. Trees without seeds.json (a part of the set) and a single prompt's folder
are read by their names. All pairs of a prompt are one group.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

from training.pairs.pair import PairError, RawPair, Refusal
from training.pairs.readers.reader import (
    Entry,
    Parts,
    Reader,
    ReadOptions,
    entry,
    file_blob,
    inside,
    raw_pair,
    read_text,
)

NAME = "instruct-pix2pix"
SEEDS, PROMPT = "seeds.json", "prompt.json"

_LARGEST_LIST = 256 << 20


def matches(path: Path) -> bool:
    return path.is_dir() and ((path / SEEDS).is_file() or next(_prompts_below(path), None) is not None)


def read(path: Path, options: ReadOptions) -> Iterator[Entry]:
    if not (path / SEEDS).is_file():
        return (one for name in _prompts_below(path) for one in _prompt(path, name, _seeds_in(path / name), options))
    return (one for item in _listed(path / SEEDS) for one in _listed_prompt(path, item, options))


def _prompts_below(path: Path) -> Iterator[str]:
    """The prompts' folders, by their path in the tree: itself, those in it, and those one deeper (shards)."""
    if (path / PROMPT).is_file():
        yield "."
        return
    for name in _folders(path):
        if (path / name / PROMPT).is_file():
            yield name
        else:
            yield from (
                f"{name}/{deeper}" for deeper in _folders(path / name) if (path / name / deeper / PROMPT).is_file()
            )


def _folders(path: Path) -> list[str]:
    with suppress(OSError), os.scandir(path) as entries:
        return sorted(one.name for one in entries if one.is_dir() and not one.name.startswith("."))
    return []


def _listed(file: Path) -> list[object]:
    """Raises `PairError`: without its list the tree is not what it says."""
    try:
        value: object = json.loads(read_text(file, _LARGEST_LIST))
    except (ValueError, RecursionError) as error:
        raise PairError(
            f"{file} is not valid JSON: get it again, or remove it to have the folders read by name."
        ) from error
    if not isinstance(value, list):
        raise PairError(f"{file} holds no list: get it again, or remove it to have the folders read by name.")
    return cast("list[object]", value)


def _listed_prompt(root: Path, item: object, options: ReadOptions) -> Iterator[Entry]:
    values = cast("list[object]", item) if isinstance(item, list) else []
    name, seeds = values if len(values) == 2 else (None, None)
    if isinstance(name, str) and isinstance(seeds, list):
        yield from _prompt(root, name, [str(seed) for seed in cast("list[object]", seeds)], options)
    else:
        yield Refusal(SEEDS, f"{str(values)[:60]!r} is no folder with its seeds: each entry is [name, [seeds]].")


def _prompt(root: Path, name: str, seeds: list[str], options: ReadOptions) -> Iterator[Entry]:
    try:
        folder = root if name == "." else inside(root, name)
        words = _words(folder / PROMPT)
    except PairError as error:
        yield Refusal(name, str(error))
        return
    label = folder.name
    for seed in seeds:
        yield entry(f"{label}/{seed}", _pair, folder, label, seed, words, options)


def _words(file: Path) -> dict[str, str]:
    try:
        value: object = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise PairError(f"{file.name} is not valid JSON; get it again.") from error
    if not isinstance(value, dict):
        raise PairError(f"{file.name} holds no JSON object; get it again.")
    words = {key: text for key, text in cast("dict[str, object]", value).items() if isinstance(text, str)}
    return words | {"caption": words.get("caption") or words.get("input", "")}


def _seeds_in(folder: Path) -> list[str]:
    with suppress(OSError):
        return sorted(path.name.removesuffix("_0.jpg") for path in folder.glob("*_0.jpg"))
    return []


def _pair(folder: Path, label: str, seed: str, words: dict[str, str], options: ReadOptions) -> RawPair:
    source, target = (file_blob(inside(folder, f"{seed}_{number}.jpg")) for number in (0, 1))
    captions = {"caption": words["caption"], "edited_caption": words.get("output", "")}
    origin = {"kind": NAME, "prompt": label, "seed": seed, **{key: text for key, text in captions.items() if text}}
    return raw_pair(Parts(words.get("edit", ""), source, target, group=f"{NAME}/{label}", origin=origin), options)


READER = Reader(NAME, "InstructPix2Pix's tree (seeds.json, and folders with prompt.json)", matches, read)
