"""WebDataset shards: tar files of KEY.before.png, KEY.after.png, KEY.mask.png (where there is one) and KEY.json
({"group", "id", "instruction"}). The same pairs give the same bytes, on any machine and day."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from training.items import Item
from training.pairs.writers.writer import Progress, Writer, new_folder, png, told

NAME = "webdataset"

Numbered = tuple[int, Item]

SHARD_BYTES = 256 << 20
"""A shard that has grown to this is closed."""


def write(items: Sequence[Item], target: Path, progress: Progress) -> None:
    with new_folder(target) as folder:
        left = told(items, progress)
        first, shard = next(left), 0
        while first is not None:
            first = _write_shard(folder / f"shard-{shard:06}.tar", first, left)
            shard += 1


def _write_shard(path: Path, first: Numbered, left: Iterator[Numbered]) -> Numbered | None:
    """Writes pairs until the shard is full; gives the first one that is left for the next shard."""
    one: Numbered | None = first
    with path.open("xb") as file:
        with tarfile.open(fileobj=file, mode="w:", format=tarfile.USTAR_FORMAT) as tar:
            while one is not None and tar.offset < SHARD_BYTES:
                for name, data in _entries(f"{one[0]:08}", one[1]):
                    _add(tar, name, data)
                one = next(left, None)
        file.flush()
        os.fsync(file.fileno())
    return one


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    header = tarfile.TarInfo(name)  # no owner and no date: the same pairs give the same bytes
    header.size = len(data)
    tar.addfile(header, BytesIO(data))
    cast("Any", tar).members = []  # tarfile would keep every entry's header


def _entries(key: str, item: Item) -> list[tuple[str, bytes]]:
    pictures = item.read()
    words = {"group": item.group, "id": item.id, "instruction": item.instruction}
    masks = [] if pictures.mask is None else [(f"{key}.mask.png", png(pictures.mask))]
    return [
        (f"{key}.before.png", png(pictures.source)),
        (f"{key}.after.png", png(pictures.target)),
        *masks,
        (f"{key}.json", json.dumps(words).encode()),
    ]


WRITER = Writer(NAME, "WebDataset tar files", write)
