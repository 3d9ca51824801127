"""The part of the page that an edit looks at, and its pixels on the way to the model and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.errors import ChangeRefused
from editor.core.formats.colour import from_srgb, to_srgb
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer
from editor.core.selection import bounds
from editor.edits.settings import EditSettings
from inference.types import EditRequest

Samples = NDArray[np.uint8]

# What the model sees around a selection, as a share of its size and at least: it has to know where it is.
CONTEXT = 0.25
LEAST_CONTEXT = 32


@dataclass(frozen=True, eq=False)
class Region:
    """rect: on the page, in document pixels. mask: uint8 (rect.height, rect.width), 255 takes the edit; None takes it
    everywhere."""

    rect: Rect
    mask: Samples | None = None


@dataclass(frozen=True, eq=False)
class Cut:
    """The source of an edit. pixels: uint8 (h, w, 4) in the document's colours; srgb: the same for the model."""

    region: Region
    pixels: Samples
    srgb: Samples
    icc: bytes | None

    @property
    def sha256(self) -> str:
        return picture_hash(self.pixels)


def region_of(document: Document, size: int = 512) -> Region:
    """The selection with context around it, or the whole page without one.

    size: the long side that the model sees; a smaller region is grown to it where the page allows, so that the model
    gets no enlarged pixels. Raises ChangeRefused where a selection selects nothing on the page.
    """
    if document.selection is None:
        return Region(document.rect)
    selected = bounds(document.selection) & document.rect
    if selected.empty:
        raise ChangeRefused("Nothing on the page is selected: select the part to edit, or select nothing to edit all.")
    rect = with_context(selected, document.rect, size)
    return Region(rect, np.ascontiguousarray(document.selection.read(rect)[..., 0]))


def with_context(selected: Rect, page: Rect, size: int) -> Rect:
    """`selected` padded by a quarter of its size, at least 32 px and up to `size`, pushed into the page."""
    x, width = _padded(selected.x, selected.width, page.width, size)
    y, height = _padded(selected.y, selected.height, page.height, size)
    return Rect(x, y, width, height)


def below(document: Document, layer_id: str) -> Document:
    """The document with nothing but what lies below a layer, in its groups too. KeyError for an unknown layer."""
    layers = _below(document.layers, layer_id)
    if layers is None:
        raise KeyError(layer_id)
    return replace(document, layers=layers, active="", selection=None)


def cut(document: Document, region: Region) -> Cut:
    """The composite in the region, as it is and in sRGB. Takes about as long as drawing the region."""
    pixels = composite(document, region.rect)
    return Cut(region, pixels, cast(Samples, to_srgb(pixels, document.icc)), document.icc)


def request_for(document: Document, region: Region, settings: EditSettings, seeds: Sequence[int]) -> EditRequest:
    """What the engine is asked. Raises RequestError for dials out of range."""
    return request_of(cut(document, region), settings, seeds)


def request_of(source: Cut, settings: EditSettings, seeds: Sequence[int]) -> EditRequest:
    """As `request_for`, for a source that was cut already. An opaque picture goes without its alpha."""
    opaque = bool(source.srgb[..., 3].min() == 255)
    image = np.ascontiguousarray(source.srgb[..., :3]) if opaque else source.srgb
    return EditRequest(image=image, mask=source.region.mask, seeds=tuple(seeds), **asdict(settings))


def in_own_colours(source: Cut, result: NDArray[np.uint8] | NDArray[np.uint16]) -> Samples:
    """An engine's result (h, w, 3 or 4) in the document's colours: uint8 (h, w, 4) with the source's alpha.

    Pixels that the edit left alone, and those that cannot be seen, have exactly their values in the source.
    """
    edited = np.empty_like(source.pixels)
    edited[..., :3] = result[..., :3]
    edited[..., 3] = source.pixels[..., 3]
    result = cast(Samples, from_srgb(edited, source.icc, source.pixels, source.srgb))
    if not source.pixels[..., 3].all():
        unseen = source.pixels[..., 3] == 0
        result[unseen] = source.pixels[unseen]
    return result


def picture_hash(pixels: Samples) -> str:
    """SHA-256 over shape and samples; colours that cannot be seen do not count."""
    if pixels.ndim == 3 and pixels.shape[2] == 4 and not pixels[..., 3].all():
        pixels = np.where(pixels[..., 3:] == 0, np.uint8(0), pixels)
    state = hashlib.sha256(repr(pixels.shape).encode())
    state.update(np.ascontiguousarray(pixels).data)
    return state.hexdigest()


def _padded(start: int, length: int, page: int, size: int) -> tuple[int, int]:
    wanted = max(length + 2 * max(LEAST_CONTEXT, round(length * CONTEXT)), size)
    if wanted >= page:
        return 0, page
    first = start - (wanted - length) // 2
    clipped = min(max(first, 0), page - wanted)
    return clipped, wanted


def _below(layers: tuple[Layer, ...], layer_id: str) -> tuple[Layer, ...] | None:
    for index, layer in enumerate(layers):
        if layer.id == layer_id:
            return layers[:index]
        if isinstance(layer, GroupLayer):
            children = _below(layer.children, layer_id)
            if children is not None:
                return (*layers[:index], replace(layer, children=children))
    return None
