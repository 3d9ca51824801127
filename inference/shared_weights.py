"""The weights of a graph, once on the device for every session that is made of it.

A step's graph is loaded anew for each size of picture and number of branches; its weights are the same file.
https://onnxruntime.ai/docs/api/python/api_summary.html#onnxruntime.SessionOptions.add_initializer
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.graph_file import mapped
from inference.onnx_nodes import read_nodes
from inference.onnx_write import FLOAT, FLOAT16
from inference.package_files import inside
from inference.protobuf import Field, fields
from inference.runtime import OrtValue, runtime

_KINDS = {FLOAT: np.dtype(np.float32), FLOAT16: np.dtype(np.float16)}


@dataclass(frozen=True)
class Stored:
    """Where a weight lies: from byte `offset` on in `file`."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    file: Path
    offset: int

    def read(self) -> NDArray[Any]:
        """The numbers, mapped and not copied."""
        return np.memmap(self.file, self.dtype, "r", self.offset, self.shape)


def stored_weights(path: Path, data: bytes | memoryview | None = None) -> Iterator[Stored]:
    """The float weights that the graph at `path` (or in `data`, if it was changed since) keeps in files of their own.

    Raises `PackageError` for a damaged graph and for a file outside of the graph's folder.
    """
    nodes = read_nodes(mapped(path) if data is None else data)
    for name, weight in nodes.weights.items():
        (whole,) = fields(weight.raw)
        entries = dict(external_entry(part) for part in fields(whole.body) if part.number == 13)
        if "location" in entries and weight.element in _KINDS:
            file = inside(path.parent, entries["location"])
            yield Stored(name, _KINDS[weight.element], weight.shape, file, int(entries.get("offset", 0)))


@dataclass(eq=False)
class SharedWeights:
    """The weights of the graph at `path` on `device` ("cpu", "cuda"); read when first asked for. For any thread."""

    path: Path
    device: str
    _values: dict[str, OrtValue] = field(default_factory=dict[str, OrtValue])
    _lock: Lock = field(default_factory=Lock)

    def values(self) -> Mapping[str, OrtValue]:
        """By name. They have to live as long as any session that uses them."""
        with self._lock:
            if not self._values:
                make = runtime().OrtValue.ortvalue_from_numpy
                for weight in stored_weights(self.path):
                    self._values[weight.name] = make(weight.read(), self.device, 0)
            return self._values


def external_entry(part: Field) -> tuple[str, str]:
    """A name ("location", "offset", "length") and its value, of where a weight lies."""
    texts = {each.number: each.text for each in fields(part.body)}
    return texts[1], texts[2]
