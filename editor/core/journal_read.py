"""A record read back into a history."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from editor.core.document import Document
from editor.core.history import History, Moment, Snapshot
from editor.core.journal_write import FORMAT, INDEX
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.spill import PackedTile
from editor.core.tiles import SIDE, Tile, TileMap


def read_index(folder: Path) -> dict[str, Any]:
    """Raises OSError, or ValueError for what is no index."""
    data: Any = json.loads((folder / INDEX).read_bytes())
    if not isinstance(data, dict):
        raise ValueError("this is no record")
    index = cast(dict[str, Any], data)
    if index.get("format") != FORMAT:
        raise ValueError("this is no record of this version")
    return index


def read_history(folder: Path, budget: int | None = None) -> History:
    """The tiles stay packed in memory, except for those of the document shown. Raises OSError, ValueError, KeyError,
    IndexError or TypeError for a damaged record."""
    index = read_index(folder)
    with (folder / str(index["tiles_file"])).open("rb") as file:
        reader = _Reader(index, file)
    snapshot = Snapshot(tuple(reader.moment(*entry) for entry in index["steps"]), index["current"])
    return History.restored(snapshot, reader.packed, budget)


class _Reader:
    def __init__(self, index: dict[str, Any], file: BinaryIO) -> None:
        self.packed: dict[Tile, tuple[PackedTile, int]] = {}
        self._file = file
        self._blobs = [self._bytes(*entry) for entry in index["blobs"]]
        self._tiles: list[Tile] = []
        for entry in index["tiles"]:
            self._tiles.append(self._tile(*entry))
        self._planes: list[TileMap] = []
        for entry in index["planes"]:
            self._planes.append(self._plane(*entry))
        self._layers: list[Layer] = []
        for entry in index["layers"]:
            self._layers.append(self._layer(entry))

    def moment(self, id: int, label: str, parent: int, document: dict[str, Any]) -> Moment:
        values: dict[str, Any] = dict(document)
        layers: list[int] = values["layers"]
        values["layers"] = tuple(self._layers[number] for number in layers)
        values["dpi"] = tuple(values["dpi"]) if values["dpi"] else None
        values["selection"] = None if values["selection"] is None else self._planes[values["selection"]]
        for name in ("icc", "exif"):
            values[name] = None if values[name] is None else self._blobs[values[name]]
        values["extras"] = {name: self._blobs[number] for name, number in values["extras"].items()}
        return Moment(id, label, Document(**values), parent)

    def _layer(self, entry: dict[str, Any]) -> Layer:
        values: dict[str, Any] = dict(entry)
        if values["mask"] is not None:
            mask: tuple[int, bool] = values["mask"]
            values["mask"] = Mask(self._planes[mask[0]], mask[1])
        if "children" in values:
            children: list[int] = values["children"]
            values["children"] = tuple(self._layers[number] for number in children)
            return GroupLayer(**values)
        values["plane"] = self._planes[values["plane"]]
        return RasterLayer(**values)

    def _plane(self, channels: int, blank: int, base: int, changes: list[tuple[int, int, int]]) -> TileMap:
        before = self._planes[base] if base >= 0 else TileMap(channels, None, blank)
        return before.with_tiles({(c, r): self._tiles[tile] if tile >= 0 else None for c, r, tile in changes})

    def _tile(self, place: int, length: int, checksum: int, base: int, channels: int) -> Tile:
        packed = PackedTile(self._bytes(place, length, checksum), self._tiles[base] if base >= 0 else None)
        tile = Tile(np.empty((0, 0, channels), np.uint8))
        tile.pack(packed)
        self.packed[tile] = packed, SIDE * SIDE * channels
        return tile

    def _bytes(self, place: int, length: int, checksum: int) -> bytes:
        self._file.seek(place)
        data = self._file.read(length)
        if len(data) != length or zlib.crc32(data) != checksum:
            raise ValueError("a part of the record is damaged")
        return data
