"""What the strip of variants shows: results, how far an edit is, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from editor.core.document import Document
from editor.core.layer import RasterLayer
from editor.core.tiles import SIDE
from editor.edits.recipe import Recipe
from editor.edits.region import Region
from editor.edits.settings import EditSettings

# A beginning that names share and that is worth leaving out.
_LONG_START = 4

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Kind = Literal["error", "info", "warning"]


@dataclass(frozen=True)
class Running:
    """How far the edit is. variant: how many were begun before it. seconds_left: of this variant, None until known.

    model: the one at work, where it is not simply the one that is chosen; else "".
    """

    variant: int
    variants: int
    stage: str
    step: int
    steps: int
    seconds_left: float | None = None
    model: str = ""

    @property
    def fraction(self) -> float:
        """Of the variant at work, in [0, 1]."""
        return self.step / self.steps if self.steps else 0.0


@dataclass(frozen=True)
class Message:
    """One sentence above the instruction bar. buttons: (title, action id)."""

    text: str
    kind: Kind = "info"
    buttons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class VariantItem:
    """One result, or one on its way.

    run: which press of Generate it belongs to; index: its place in that run. near: (run, index) of the variant that it
    stands beside in the strip, None for a place of its own. source: the snapshot it was made from.
    above: the edit layer that was edited again, or "": the source is then the composite below that layer.
    preview: uint8 (h, w, 3), rough. pixels: uint8 (rect.height, rect.width, 4) in the document's colours, for the
    whole region. layer: what keeping it adds. seconds_left: None until it can be told.
    """

    id: str
    index: int
    seed: int
    settings: EditSettings
    region: Region
    source: Document
    state: State = "waiting"
    progress: float = 0.0
    seconds_left: float | None = None
    preview: NDArray[np.uint8] | None = None
    pixels: NDArray[np.uint8] | None = None
    changed_fraction: float = 0.0
    outside_mask_changed: int = 0
    seconds: float = 0.0
    above: str = ""
    run: int = 0
    near: tuple[int, int] | None = None
    recipe: Recipe | None = None
    layer: RasterLayer | None = None

    @property
    def done(self) -> bool:
        return self.state == "done"

    @property
    def place(self) -> tuple[int, int]:
        """(run, index) of its place in the strip, which those beside each other share."""
        return self.near or (self.run, self.index)

    @property
    def bytes(self) -> int:
        """What its pixels take in memory."""
        planes = (self.pixels, self.preview, self.region.mask)
        tiles = 0 if self.layer is None else sum(tile_bytes(self.layer))
        return sum(plane.nbytes for plane in planes if plane is not None) + tiles


def in_order(items: Iterable[VariantItem]) -> tuple[VariantItem, ...]:
    """As they stand in the strip: run by run, each followed by those that were made to stand beside it."""
    return tuple(sorted(items, key=lambda item: (item.place, item.near is not None, item.run, item.index)))


def placed(items: tuple[VariantItem, ...], new: tuple[VariantItem, ...]) -> tuple[VariantItem, ...]:
    """The strip with `new` in it: at its end, or after those whose place the new ones share."""
    shared = [at for at, item in enumerate(items) if new and item.place == new[0].near]
    at = shared[-1] + 1 if shared else len(items)
    return (*items[:at], *new, *items[at:])


def model_labels(items: Iterable[VariantItem]) -> dict[str, str]:
    """What tells the models of these variants apart in little room, by name; nothing where all are of one model.

    Models that were made of each other have names that begin alike: that part goes.
    """
    names = list(dict.fromkeys(item.settings.model for item in items))
    if len(names) < 2:
        return {}
    start = _common_start(names)
    rests = {name: name.removeprefix(start).lstrip("-_. ") for name in names}
    return {name: f"\u2026{rest}" if start and rest else name for name, rest in rests.items()}


def _common_start(names: list[str]) -> str:
    """What all begin with; "" where that is too little to be worth leaving out."""
    first, last = min(names), max(names)
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:same] if same >= _LONG_START else ""


def short_name(name: str, length: int = 24) -> str:
    """A model's name for where there is little room: names differ most at their ends, so the middle goes."""
    if len(name) <= length:
        return name
    end = (length - 1) // 2
    return f"{name[: length - 1 - end]}\u2026{name[-end:]}"


def tile_bytes(layer: RasterLayer) -> tuple[int, ...]:
    """The bytes of a layer's pixels and of its mask."""
    planes = [layer.plane, *([layer.mask.plane] if layer.mask is not None else [])]
    return tuple(len(plane.tiles) * SIDE * SIDE * plane.channels for plane in planes)
