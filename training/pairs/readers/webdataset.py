"""WebDataset shards: tar files in which the entries of a pair stand together under one name.

KEY.before.jpg, KEY.after.png, KEY.mask.png, and KEY.txt or KEY.json ({"instruction", "group"}); the words for the two
sides are those of `columns`. A key may have dots. Nothing is unpacked to disk: entries are read in memory, one pair at
a time, links, devices and other files are passed over, and what is too large is refused.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from training.pairs.pair import PairError, RawPair, Refusal
from training.pairs.readers import columns, names, pictures
from training.pairs.readers.reader import (
    LARGEST_TEXT,
    Blob,
    Entry,
    Parts,
    Reader,
    ReadOptions,
    called,
    entry,
    raw_pair,
    walk,
)

NAME = "webdataset"
SUFFIX = ".tar"

_DEEPEST = 1
_TRIED = 100
_ROLES = {
    **dict.fromkeys(columns.SOURCES, "before"),
    **dict.fromkeys(columns.TARGETS, "after"),
    **dict.fromkeys(columns.MASKS, "mask"),
    "0": "before",
    "1": "after",
}
_TEXTS = ("txt", "json")


@dataclass
class _Sample:
    key: str
    parts: dict[str, tuple[str, bytes]] = field(default_factory=dict[str, "tuple[str, bytes]"])
    wrong: str = ""

    @property
    def is_meant(self) -> bool:
        """Texts alone are no broken pair, but a README that came along."""
        return bool(self.wrong or not self.parts.keys() <= {*_TEXTS})


def matches(path: Path) -> bool:
    return any(_has_pairs(shard) for shard in _shards(path))


def read(path: Path, options: ReadOptions) -> Iterator[Entry]:
    for shard in _shards(path):
        where = called(shard, path)
        try:
            for sample in _samples(shard):
                at = f"{where}: {sample.key}"
                yield entry(at, _pair, sample, at, options)
        except (tarfile.TarError, OSError, ValueError) as error:
            yield Refusal(where, f"It is damaged from here on ({error}); get it again.")


def _shards(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield from (path,) if path.suffix.lower() == SUFFIX else ()
        return
    for folder, files in walk(path, _DEEPEST):
        yield from (folder / name for name in files if name.lower().endswith(SUFFIX))


def _has_pairs(shard: Path) -> bool:
    try:
        with tarfile.open(shard, "r:") as tar:
            for _ in range(_TRIED):
                member = tar.next()
                if member is None:
                    return False
                if member.isreg() and _role(member.name)[1] in ("before", "after"):
                    return True
    except (tarfile.TarError, OSError, ValueError):
        return False
    return False


def _role(name: str) -> tuple[str, str]:
    """An entry's key and what it is for: "before", "after", "mask", "txt", "json", or "" for another file."""
    rest, _, ending = name.rpartition(".")
    if ending.lower() in _TEXTS and rest:
        return rest, ending.lower()
    if not names.is_picture(name):
        return name, ""
    key, _, word = rest.rpartition(".")
    return key, _ROLES.get(word.lower(), "") if key else ""


def _samples(shard: Path) -> Iterator[_Sample]:
    with tarfile.open(shard, "r:") as tar:
        sample = _Sample("")
        while member := tar.next():
            cast("Any", tar).members = []  # tarfile would keep every entry's header
            key, role = _role(member.name)
            if not role or not member.isreg():
                continue
            if key != sample.key:
                if sample.is_meant:
                    yield sample
                sample = _Sample(key)
            _take(tar, member, role, sample)
        if sample.is_meant:
            yield sample
        if tar.offset >= shard.stat().st_size:  # a whole archive has a block of zeros after its last entry
            raise tarfile.ReadError("it ends too early")


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, role: str, sample: _Sample) -> None:
    most = LARGEST_TEXT if role in _TEXTS else pictures.LARGEST_FILE
    if member.size > most or member.issparse():
        sample.wrong = f"{member.name} is larger than {most >> 20} MB, so it is left out."
    elif role in sample.parts:
        sample.wrong = f"It has two entries for one part ({sample.parts[role][0]} and {member.name}): keep one of them."
    elif (file := tar.extractfile(member)) is not None:
        sample.parts[role] = member.name, file.read(most)


def _pair(sample: _Sample, where: str, options: ReadOptions) -> RawPair:
    if sample.wrong:
        raise PairError(sample.wrong)
    words = _words(sample)
    if "txt" in sample.parts and not words.get("instruction"):
        words["instruction"] = _text(sample, "txt")
    mask = _blob(sample, "mask") if "mask" in sample.parts else None
    captions = {key: words[key] for key in ("caption", "edited_caption") if words.get(key)}
    return raw_pair(
        Parts(
            words.get("instruction", ""),
            _blob(sample, "before"),
            _blob(sample, "after"),
            mask,
            group=words.get("group", ""),
            origin={"kind": NAME, "key": sample.key, "row": where, **captions},
        ),
        options,
    )


def _blob(sample: _Sample, role: str) -> Blob:
    if role not in sample.parts:
        raise PairError(f"It has no picture {role}: a pair is KEY.before.png, KEY.after.png and KEY.txt, side by side.")
    name, data = sample.parts[role]
    return Blob(name, lambda: data)


def _text(sample: _Sample, role: str) -> str:
    name, data = sample.parts[role]
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PairError(f"{name} is not text in UTF-8.") from error


def _words(sample: _Sample) -> dict[str, str]:
    if "json" not in sample.parts:
        return {}
    try:
        value: object = json.loads(_text(sample, "json"))
    except (ValueError, RecursionError) as error:
        raise PairError(f"{sample.parts['json'][0]} is not valid JSON.") from error
    if not isinstance(value, dict):
        raise PairError(f"{sample.parts['json'][0]} holds no JSON object.")
    texts = {key: text for key, text in cast("dict[str, object]", value).items() if isinstance(text, str)}
    instruction = next((texts[name] for name in columns.INSTRUCTIONS if texts.get(name)), "")
    return texts | {"instruction": instruction}


READER = Reader(NAME, "WebDataset tar files (KEY.before.png, KEY.after.png, KEY.txt)", matches, read)
