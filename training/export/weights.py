"""Weights that are read one tensor at a time, so that a model of any size passes through little memory.

A file is never mapped: what is read is a copy that is gone once it is written on, and the memory of the process stays
that of its largest tensor. Nothing here needs PyTorch.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from training.export.errors import ExportSourceError

Floats = NDArray[np.float32]

_HEADER_LIMIT = 100_000_000  # the limit that the safetensors format sets itself
_TYPES: Mapping[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}  # fmt: skip


@dataclass(frozen=True)
class Weight:
    """One tensor of a model. read: its values as float32, freshly read and the caller's own.

    dtype: as safetensors names it ("F16").
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], Floats]


Weights = Mapping[str, Weight]


@dataclass(frozen=True)
class Header:
    """Of a safetensors file. start: where its tensors begin, in bytes; metadata: what its author noted."""

    start: int
    tensors: Mapping[str, Mapping[str, Any]]
    metadata: Mapping[str, str]


def read_header(file: Path) -> Header:
    """Raises `ExportSourceError` where `file` is no safetensors file, or is cut short."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _HEADER_LIMIT:
                raise ValueError("its header is too long")
            header = cast("dict[str, dict[str, Any]]", json.loads(stream.read(length)))
        metadata = header.pop("__metadata__", {})
        ends = [8 + length + int(entry["data_offsets"][1]) for entry in header.values()]
        missing = max(ends, default=0) - file.stat().st_size
        if missing > 0:
            raise ValueError(f"it is cut short by {missing} bytes")
        return Header(8 + length, header, {str(key): str(value) for key, value in metadata.items()})
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        struct.error,
    ) as error:
        raise ExportSourceError(f"{file} is no safetensors file ({error}): fetch the file again.") from error


def safetensors_weights(*files: Path) -> dict[str, Weight]:
    """Every tensor of `files` by name. Raises `ExportSourceError`."""
    found: dict[str, Weight] = {}
    for file in files:
        header = read_header(file)
        found |= {name: _weight(file, header.start, name, entry) for name, entry in header.tensors.items()}
    return found


def folder_weights(folder: Path) -> dict[str, Weight]:
    """The tensors of one component of a diffusers folder: in one file or several, of the plain name or of a variant.

    Raises `ExportSourceError` where a file is missing or damaged.
    """
    return safetensors_weights(*weight_files(folder))


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a component: those that an index names, else the one file; plain names come first."""
    indices = sorted(folder.glob("*.safetensors.index*.json"), key=_plain_first)
    if indices:
        return _indexed(indices[0])
    files = sorted(folder.glob("*.safetensors"), key=_plain_first)
    if not files:
        raise ExportSourceError(f"{folder} holds no .safetensors weights: fetch the whole model.")
    return (files[0],)


def read_at(file: Path, dtype: str, shape: tuple[int, ...], offset: int) -> Floats:
    """`shape` numbers of the type that safetensors calls `dtype`, from byte `offset` on, as float32.

    Raises `ExportSourceError` where the file cannot be read or ends too early.
    """
    count = math.prod(shape)
    try:
        values = np.fromfile(file, np.dtype(_TYPES[dtype]), count, offset=offset)
    except OSError as error:
        raise ExportSourceError(f"{file} cannot be read ({error.strerror or error}): fetch it again.") from error
    if values.size != count:
        raise ExportSourceError(f"{file} is cut short: fetch it again.")
    if dtype == "BF16":
        values = (values.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False).reshape(shape)


def reshaped(weight: Weight, shape: tuple[int, ...]) -> Weight:
    """The same numbers in another shape."""
    return weight if weight.shape == shape else Weight(shape, weight.dtype, lambda: weight.read().reshape(shape))


def same_but_for_ones(one: Iterable[int], other: Iterable[int]) -> bool:
    """True where two shapes differ in sides of length 1 only."""
    return [side for side in one if side != 1] == [side for side in other if side != 1]


def _weight(file: Path, start: int, name: str, entry: Mapping[str, Any]) -> Weight:
    try:
        shape, dtype = tuple(int(side) for side in entry["shape"]), str(entry["dtype"])
        begin, end = (int(place) for place in entry["data_offsets"])
    except (KeyError, TypeError, ValueError) as error:
        raise ExportSourceError(f"{file} describes {name} wrongly: fetch the file again.") from error
    if dtype not in _TYPES:
        raise ExportSourceError(f"{file} stores {name} as {dtype}, which is not known here: choose another precision.")
    if end - begin != math.prod(shape) * np.dtype(_TYPES[dtype]).itemsize:
        raise ExportSourceError(f"{file} describes {name} wrongly: fetch the file again.")
    return Weight(shape, dtype, partial(read_at, file, dtype, shape, start + begin))


def _indexed(index: Path) -> tuple[Path, ...]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportSourceError(f"{index} cannot be read ({error}): fetch the file again.") from error
    files = tuple(sorted(index.parent / str(name) for name in names if Path(str(name)).name == str(name)))
    for file in files:
        if not file.is_file():
            raise ExportSourceError(f"{file} is missing, so this is no complete model: fetch the whole folder.")
    if len(files) != len(names) or not files:
        raise ExportSourceError(f"{index} names files outside of its folder: fetch the model again.")
    return files


def _plain_first(file: Path) -> tuple[int, str]:
    return (file.name.count("."), file.name)
