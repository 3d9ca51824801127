"""Two folders with equal names: before/ and after/ (or source/ and target/, input/ and output/, original/ and edited/).

The endings of a pair's pictures may differ. Its instruction is NAME.txt, in instruction/, beside either picture or in
the folder above, else instruction.txt there, else the one of the options. mask/NAME marks the change in white.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.pairs.pair import PairError, RawPair
from training.pairs.readers import names
from training.pairs.readers.reader import Entry, Parts, Reader, ReadOptions, entry, file_blob, raw_pair, walk

NAME = "folder"

_DEEPEST = 8

Table = dict[str, list[str]]


@dataclass(frozen=True)
class _Layout:
    root: Path
    before: Path
    after: Path
    masks: Path | None
    texts: tuple[Path, ...]


def matches(path: Path) -> bool:
    return _layout(path) is not None


def read(path: Path, options: ReadOptions) -> Iterator[Entry]:
    layout = _layout(path)
    if layout is None:
        raise PairError(f"{path} has no folders before and after.")
    return _pairs(layout, options)


def _layout(path: Path) -> _Layout | None:
    if not path.is_dir():
        return None
    folders = {folder.name.lower(): folder for folder in sorted(path.iterdir(), reverse=True) if folder.is_dir()}
    for before, after in names.SIDES:
        if before in folders and after in folders:
            masks = next((folders[name] for name in names.MASKS if name in folders), None)
            texts = (folders[name] for name in names.INSTRUCTIONS if name in folders)
            return _Layout(path, folders[before], folders[after], masks, tuple(texts))
    return None


def _pairs(layout: _Layout, options: ReadOptions) -> Iterator[Entry]:
    before, after = _pictures(layout.before), _pictures(layout.after)
    masks = _pictures(layout.masks) if layout.masks else {}
    for stem in sorted(before.keys() | after.keys()):
        sides = before.get(stem, []), after.get(stem, []), masks.get(stem, [])
        yield entry(stem, _pair, layout, stem, sides, options)


def _pictures(folder: Path) -> Table:
    files = [(at.relative_to(folder) / name).as_posix() for at, found in walk(folder, _DEEPEST) for name in found]
    return names.by_stem(files)


def _pair(layout: _Layout, stem: str, sides: tuple[list[str], list[str], list[str]], options: ReadOptions) -> RawPair:
    source = layout.before / names.only(sides[0], f"in {layout.before.name}/")
    target = layout.after / names.only(sides[1], f"in {layout.after.name}/")
    mask = layout.masks / names.only(sides[2], f"in {layout.masks.name}/") if layout.masks and sides[2] else None
    return raw_pair(
        Parts(
            _instruction(layout, stem),
            file_blob(source),
            file_blob(target),
            file_blob(mask) if mask else None,
            origin={"kind": NAME, "name": stem, "path": str(layout.root)},
        ),
        options,
    )


def _instruction(layout: _Layout, stem: str) -> str:
    folders = (*layout.texts, layout.after, layout.before, layout.root)
    shared = layout.root / f"{names.INSTRUCTION}.txt"
    return names.first_text([*(folder / f"{stem}.txt" for folder in folders), shared])


READER = Reader(NAME, "two folders with equal names (before/ and after/)", matches, read)
