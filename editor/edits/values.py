"""What the strip of variants shows: results, how far an edit is, and what is said about it."""

from __future__ import annotations

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

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Kind = Literal["error", "info", "warning"]


@dataclass(frozen=True)
class Running:
    """How far the edit is. variant: its place in the run, from 0. seconds_left: of this variant, None until known."""

    variant: int
    variants: int
    stage: str
    step: int
    steps: int
    seconds_left: float | None = None

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

    run: which press of Generate it belongs to; index: its place in that run. source: the snapshot it was made from.
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
    recipe: Recipe | None = None
    layer: RasterLayer | None = None

    @property
    def done(self) -> bool:
        return self.state == "done"

    @property
    def bytes(self) -> int:
        """What its pixels take in memory."""
        planes = (self.pixels, self.preview, self.region.mask)
        tiles = 0 if self.layer is None else sum(tile_bytes(self.layer))
        return sum(plane.nbytes for plane in planes if plane is not None) + tiles


def tile_bytes(layer: RasterLayer) -> tuple[int, ...]:
    """The bytes of a layer's pixels and of its mask."""
    planes = [layer.plane, *([layer.mask.plane] if layer.mask is not None else [])]
    return tuple(len(plane.tiles) * SIDE * SIDE * plane.channels for plane in planes)
