"""The image resources of a Photoshop file: resolution, profile, EXIF, preview, and the recipes of edit layers."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RESOLUTION, THUMBNAIL, PROFILE, VERSION, EXIF = 1005, 1036, 1039, 1057, 1058
RECIPES = 4890
"""One of the numbers 4000 to 4999, which the format leaves to plug-ins; other programs hand them on."""

_INCH = 1
MOST_APART = 1 << 20
THUMBNAIL_SIDE = 160


@dataclass(frozen=True)
class KeptRecipe:
    """How an edit layer was made. name: of the layer. (x, y): from the (0, 0) of the layer's plane, which the recipe
    counts from, to the corner of what the file holds of it."""

    name: str
    recipe: Mapping[str, Any]
    x: int = 0
    y: int = 0


@dataclass(frozen=True)
class Recipes:
    """The recipes by the number of their layer in the file."""

    of: Mapping[int, KeptRecipe] = field(default_factory=dict[int, KeptRecipe])

    def get(self, number: int, name: str) -> KeptRecipe | None:
        """None too where another program gave the number to another layer."""
        kept = self.of.get(number)
        return kept if kept is not None and kept.name == name else None

    def encoded(self) -> bytes:
        entries = [
            {"layer": number, "name": kept.name, "x": kept.x, "y": kept.y, "recipe": dict(kept.recipe)}
            for number, kept in self.of.items()
        ]
        return json.dumps({"format": 1, "recipes": entries}).encode()


def encoded(resources: Mapping[int, bytes]) -> bytes:
    """The whole section, with its length."""
    body = b"".join(_resource(number, data) for number, data in sorted(resources.items()))
    return struct.pack(">I", len(body)) + body


def resolution(dpi: tuple[float, float]) -> bytes:
    """dpi: (horizontal, vertical); 16.16 fixed point."""
    across, down = (min(0x7FFFFFFF, round(value * 65536)) for value in dpi)
    return struct.pack(">I2HI2H", across, _INCH, _INCH, down, _INCH, _INCH)


def dpi_of(data: bytes) -> tuple[float, float] | None:
    """The opposite of `resolution`; None for what makes no sense."""
    if len(data) < 16:
        return None
    across, _, _, down, _, _ = struct.unpack(">I2HI2H", data[:16])
    return (across / 65536, down / 65536) if across > 65536 and down > 65536 else None


def version() -> bytes:
    """Says that the merged picture is a real one."""
    name = "Palimpsest".encode("utf-16-be")
    text = struct.pack(">I", len(name) // 2) + name
    return struct.pack(">IB", 1, 1) + text + text + struct.pack(">I", 1)


def thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """The small picture that file managers show; pixels: uint8 (h, w, 3)."""
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    data = buffer.getvalue()
    row = (image.width * 24 + 31) // 32 * 4
    return struct.pack(">6I2H", 1, image.width, image.height, row, row * image.height, len(data), 24, 1) + data


def recipes_of(data: bytes) -> Recipes:
    """The recipes in a resource; none where it is not ours or is damaged."""
    try:
        entries = json.loads(data)["recipes"]
        found = {int(entry["layer"]): _kept(entry) for entry in entries}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Recipes()
    return Recipes(found)


def _kept(entry: Any) -> KeptRecipe:
    x, y = int(entry["x"]), int(entry["y"])
    if max(abs(x), abs(y)) > MOST_APART:
        raise ValueError("a layer that far from itself")
    return KeptRecipe(str(entry["name"]), _mapping(entry["recipe"]), x, y)


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a recipe is an object")
    return cast(dict[str, Any], value)


def _resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


def decoded(section: bytes) -> dict[int, bytes]:
    """The opposite of `encoded` without the length; what is behind a damaged entry is left out."""
    found, at = dict[int, bytes](), 0
    while at + 12 <= len(section) and section[at : at + 4] in (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"):
        number, letters = struct.unpack_from(">HB", section, at + 4)
        at += 6 + (1 + letters) + (1 + letters) % 2
        if at + 4 > len(section):
            break
        (length,) = struct.unpack_from(">I", section, at)
        found.setdefault(number, section[at + 4 : at + 4 + length])
        at += 4 + length + length % 2
    return found
