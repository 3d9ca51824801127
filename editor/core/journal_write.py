"""One generation of a record: a file of tiles that only grows, and the index that names what of it is valid.

Every tile, plane and layer is written once, under a number, and only what is new since the last time; numbers refer to
smaller ones, so that a reader goes through them once.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from editor.core.atomic import replacing
from editor.core.document import Document
from editor.core.history import Moment, Snapshot
from editor.core.history_codec import builds_on_base, encode
from editor.core.layer import GroupLayer, Layer
from editor.core.tiles import Key, Tile, TileMap

INDEX = "index.json"
FORMAT = 1
_LONGEST_CHAIN = 8
_STALE = 200  # steps that were merged away since, after which a new generation leaves out what only they had


class Stopped(Exception):
    """The record was given up in the middle."""


class Numbers:
    """Values that have a number, by identity; they are kept, so that no other takes their identity."""

    def __init__(self) -> None:
        self._numbers: dict[int, tuple[object, int]] = {}
        self.entries: list[str] = []

    def of(self, value: object) -> int | None:
        found = self._numbers.get(id(value))
        return found[1] if found else None

    def add(self, value: object, entry: str) -> int:
        self._numbers[id(value)] = (value, len(self.entries))
        self.entries.append(entry)
        return len(self.entries) - 1


class Generation:
    """Writes into `folder`. number: part of the tiles' file name."""

    def __init__(self, folder: Path, number: int, stopped: Callable[[], bool]) -> None:
        """Raises OSError where the file cannot be made."""
        self._folder, self._stopped = folder, stopped
        self.name = f"tiles-{number}.bin"
        self._handle = os.open(folder / self.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0))
        self._size = 0
        self._tiles, self._planes, self._layers, self._blobs = Numbers(), Numbers(), Numbers(), Numbers()
        self._depths: list[int] = []
        self._latest: dict[tuple[str, str], TileMap] = {}
        self._steps: dict[int, tuple[Moment, str]] = {}
        self._gone = 0

    @property
    def stale(self) -> bool:
        """True where a new generation would be much smaller."""
        return self._gone > _STALE

    def write(self, snapshot: Snapshot, about: dict[str, Any]) -> None:
        """After it the folder gives this snapshot; until then, and after a crash in it, the one before.

        Raises OSError, OutputNotWritable, Stopped.
        """
        present = {moment.id for moment in snapshot.steps}
        gone = self._steps.keys() - present
        self._gone += len(gone)
        for id in gone:
            del self._steps[id]
        for moment in snapshot.steps:
            written = self._steps.get(moment.id)
            if written is None or written[0].document is not moment.document:
                self._steps[moment.id] = (moment, self._step(moment))
        os.fsync(self._handle)
        head = {"format": FORMAT, "tiles_file": self.name, "current": snapshot.current, "time": time.time(), **about}
        lists = {
            "blobs": self._blobs.entries,
            "tiles": self._tiles.entries,
            "planes": self._planes.entries,
            "layers": self._layers.entries,
            "steps": [self._steps[moment.id][1] for moment in snapshot.steps],
        }
        with replacing(self._folder / INDEX) as file:
            file.write(json.dumps(head).removesuffix("}").encode())
            for name, entries in lists.items():
                rows = ",\n".join(entries)
                file.write(f',\n"{name}":[{rows}]'.encode())
            file.write(b"}")

    def close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _step(self, moment: Moment) -> str:
        document = self._document(moment.document)
        return json.dumps([moment.id, moment.label, moment.parent, document])

    def _document(self, document: Document) -> dict[str, Any]:
        selection = document.selection
        return {
            "width": document.width,
            "height": document.height,
            "layers": [self._layer(layer) for layer in document.layers],
            "active": document.active,
            "selection": None if selection is None else self._plane(selection, ("", "selection")),
            "dpi": document.dpi,
            "icc": None if document.icc is None else self._blob(document.icc),
            "exif": None if document.exif is None else self._blob(document.exif),
            "extras": {name: self._blob(data) for name, data in document.extras.items()},
        }

    def _layer(self, layer: Layer) -> int:
        known = self._layers.of(layer)
        if known is not None:
            return known
        mask = layer.mask
        values: dict[str, Any] = {
            "name": layer.name,
            "id": layer.id,
            "opacity": layer.opacity,
            "visible": layer.visible,
            "locked": layer.locked,
            "blend": layer.blend,
            "x": layer.x,
            "y": layer.y,
            "extras": dict(layer.extras),
            "mask": None if mask is None else [self._plane(mask.plane, (layer.id, "mask")), mask.enabled],
        }
        if isinstance(layer, GroupLayer):
            values |= {"children": [self._layer(child) for child in layer.children], "pass_through": layer.pass_through}
        else:
            values |= {"plane": self._plane(layer.plane, (layer.id, "plane")), "recipe": layer.recipe}
        return self._layers.add(layer, json.dumps(values, default=dict))

    def _plane(self, plane: TileMap, place: tuple[str, str]) -> int:
        """place: what tells that two planes are states of the same, so that only the difference is written."""
        known = self._planes.of(plane)
        if known is not None:
            return known
        base = self._latest.get(place)
        if base is not None and (base.channels, base.blank) != (plane.channels, plane.blank):
            base = None
        before: Mapping[Key, Tile] = base.tiles if base is not None else {}
        changes: list[tuple[int, int, int]] = []
        for key in before.keys() | plane.tiles.keys():
            tile, old = plane.tiles.get(key), before.get(key)
            if tile is not old:
                changes.append((*key, -1 if tile is None else self._tile(tile, old, plane.channels)))
        number = None if base is None else self._planes.of(base)
        entry = json.dumps([plane.channels, plane.blank, -1 if number is None else number, changes])
        self._latest[place] = plane
        return self._planes.add(plane, entry)

    def _tile(self, tile: Tile, beside: Tile | None, channels: int) -> int:
        known = self._tiles.of(tile)
        if known is not None:
            return known
        if self._stopped():
            raise Stopped
        base = self._tiles.of(beside) if beside is not None else None
        if base is not None and self._depths[base] >= _LONGEST_CHAIN:
            base = None
        data = encode(tile.pixels, beside.pixels if beside is not None and base is not None else None)
        base = base if builds_on_base(data) else None
        self._depths.append(0 if base is None else self._depths[base] + 1)
        place = self._append(data)
        return self._tiles.add(tile, json.dumps([*place, -1 if base is None else base, channels]))

    def _blob(self, data: bytes) -> int:
        known = self._blobs.of(data)
        return known if known is not None else self._blobs.add(data, json.dumps(self._append(data)))

    def _append(self, data: bytes) -> tuple[int, int, int]:
        """(place, length, checksum)."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        place, self._size = self._size, self._size + len(data)
        return place, len(data), zlib.crc32(data)
