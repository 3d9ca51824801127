"""Variants in a record for crash recovery: results that were neither kept nor thrown away.

One file for each, written once, beside the tiles; the list of those that count is renamed into place.
"""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from editor.core.atomic import replacing, write_bytes
from editor.core.formats.layered_format import StoredVariant

_LOG = logging.getLogger(__name__)
LIST = "variants.json"
HEAD = "variant.json"


Makers = Mapping[str, Callable[[], StoredVariant]]
"""What makes each variant, by its id, in the order of the strip: only those not yet written are made."""


def write_variants(folder: Path, variants: Makers) -> None:
    """Make these the variants of the record in `folder`. Those already there are not written again.

    Raises OutputNotWritable.
    """
    names = {_name(id): make for id, make in variants.items()}
    present = set(_listed(folder))
    for name in names.keys() - present:
        _write(folder / name, names[name]())
    if present or names:
        write_bytes(folder / LIST, json.dumps(list(names)).encode())
    for name in present - names.keys():
        (folder / name).unlink(missing_ok=True)


def read_variants(folder: Path) -> tuple[StoredVariant, ...]:
    """The variants of the record in `folder`; one that is damaged is left out. Never raises."""
    found: list[StoredVariant] = []
    for name in _listed(folder):
        try:
            found.append(_read(folder / name))
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            _LOG.warning("a variant in %s cannot be read: %s", folder, error)
    return tuple(found)


def _name(id: str) -> str:
    if not id or not all(letter.isalnum() or letter in "-_" for letter in id):
        raise ValueError(f"{id!r} is no id of a variant")
    return f"variant-{id}.zip"


def _listed(folder: Path) -> list[str]:
    try:
        names: Any = json.loads((folder / LIST).read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        _LOG.warning("the variants in %s cannot be read: %s", folder, error)
        return []
    texts = cast("list[Any]", names) if isinstance(names, list) else []
    return [text for text in texts if isinstance(text, str) and Path(text).name == text]


def _write(path: Path, variant: StoredVariant) -> None:
    head = json.dumps({"id": variant.id, "meta": dict(variant.meta), "x": variant.x, "y": variant.y}).encode()
    planes = {"pixels": variant.pixels, **({} if variant.mask is None else {"mask": variant.mask})}
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(HEAD, head)
        for name, plane in planes.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.save(entry, np.ascontiguousarray(plane), allow_pickle=False)


def _read(path: Path) -> StoredVariant:
    with zipfile.ZipFile(path) as archive:
        head = json.loads(archive.read(HEAD))
        planes = {name: _plane(archive, name) for name in ("pixels", "mask") if f"{name}.npy" in archive.namelist()}
    pixels, mask = planes["pixels"], planes.get("mask")
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4:
        raise ValueError(f"{path.name} holds no picture")
    if mask is not None and (mask.dtype != np.uint8 or mask.shape != pixels.shape[:2]):
        raise ValueError(f"{path.name} holds no mask of its picture's size")
    return StoredVariant(str(head["id"]), dict(head["meta"]), pixels, int(head["x"]), int(head["y"]), mask)


def _plane(archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
    with archive.open(f"{name}.npy") as entry:
        return cast("NDArray[np.uint8]", np.load(entry, allow_pickle=False))
