"""The whole document at another resolution."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.core.changes.checks import check_size
from editor.core.changes.planes import in_page
from editor.core.document import Document
from editor.core.geometry import Rect
from editor.core.layer import GroupLayer, Layer, Mask, RasterLayer
from editor.core.tiles import Samples, TileMap

_MARGIN = 4  # pixels that the cubic filter looks beyond its place, rounded up


@dataclass(frozen=True)
class ResizeDocument:
    """Scales every layer, mask and the selection so that the page has the given size: area averages when it gets
    smaller, bicubic when it gets larger. Layers keep their sub-pixel place on the page."""

    width: int
    height: int
    label: str = "Resize image"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused for a size that is no size."""
        check_size(self.width, self.height)
        if (self.width, self.height) == (document.width, document.height):
            return document
        scaling = _Scaling(document.width, document.height, self.width, self.height)
        layers = tuple(_scaled(layer, scaling, (0, 0), (0, 0)) for layer in document.layers)
        result = replace(document, width=self.width, height=self.height, layers=layers)
        selection = document.selection
        if selection is not None:
            selection = in_page(scaling.plane(selection, (0, 0), (0, 0)), result.rect)
        return replace(result, selection=selection)


def _scaled(layer: Layer, scaling: _Scaling, old: tuple[int, int], new: tuple[int, int]) -> Layer:
    """old, new: where the (0, 0) of what holds the layer lies on the page, before and after."""
    x, y = round(layer.x * scaling.x), round(layer.y * scaling.y)
    before, after = (old[0] + layer.x, old[1] + layer.y), (new[0] + x, new[1] + y)
    mask = layer.mask
    if mask is not None:
        mask = Mask(scaling.plane(mask.plane, before, after), mask.enabled)
    if isinstance(layer, GroupLayer):
        children = tuple(_scaled(child, scaling, before, after) for child in layer.children)
        return replace(layer, x=x, y=y, mask=mask, children=children)
    assert isinstance(layer, RasterLayer)
    return replace(layer, x=x, y=y, mask=mask, plane=scaling.plane(layer.plane, before, after))


@dataclass(frozen=True)
class _Scaling:
    """From a page of one size to a page of another."""

    width: int
    height: int
    new_width: int
    new_height: int

    @property
    def x(self) -> float:
        return self.new_width / self.width

    @property
    def y(self) -> float:
        return self.new_height / self.height

    def plane(self, plane: TileMap, old: tuple[int, int], new: tuple[int, int]) -> TileMap:
        """old, new: where the plane's (0, 0) lies on the page, before and after."""
        result = TileMap(plane.channels, None, plane.blank)
        if not plane.tiles:
            return result
        for source, target in self._pieces(plane.bounds.moved(*old)):
            pixels = plane.read(source.moved(-old[0], -old[1]))
            if (pixels != plane.blank).any():
                pixels = resized(pixels, target.width, target.height)
                result = result.with_pixels(pixels, target.x - new[0], target.y - new[1])
        return result

    def _pieces(self, area: Rect) -> Iterator[tuple[Rect, Rect]]:
        """(source, target) rectangles of the page that cover `area`, both in whole pixels, none larger than the page.

        Every q-th column and row falls between pixels on both sides, q being the old side over the sides' greatest
        common divisor: cuts there need no sub-pixel shift.
        """
        horizontally = list(_spans(area.x, area.right, self.width, self.new_width))
        for top, bottom, new_top, new_bottom in _spans(area.y, area.bottom, self.height, self.new_height):
            for left, right, new_left, new_right in horizontally:
                yield Rect.between(left, top, right, bottom), Rect.between(new_left, new_top, new_right, new_bottom)


def _spans(start: int, end: int, side: int, new_side: int) -> Iterator[tuple[int, int, int, int]]:
    step = side // math.gcd(side, new_side)
    new_step = new_side // math.gcd(side, new_side)
    first, last = (start - _MARGIN) // step, -(-(end + _MARGIN) // step)
    per_page = max(1, side // step)
    at = first
    while at < last:
        following = min(last, (at // per_page + 1) * per_page)  # cut at the page's edges
        yield at * step, following * step, at * new_step, following * new_step
        at = following


def resized(pixels: Samples, width: int, height: int) -> Samples:
    """uint8 (h, w, channels) at another size; RGBA is weighed by its alpha, against dark fringes."""
    smaller = width * height < pixels.shape[0] * pixels.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    if pixels.shape[2] == 1 or bool((pixels[..., 3] == 255).all()):
        result = cast(Samples, cv2.resize(pixels, (width, height), interpolation=how))
        return result.reshape(height, width, pixels.shape[2])
    values = pixels.astype(np.float32)
    values[..., :3] *= values[..., 3:] / 255
    scaled = cast(NDArray[np.float32], cv2.resize(values, (width, height), interpolation=how))
    alpha = np.clip(scaled[..., 3:], 0, 255)
    scaled[..., :3] *= 255 / np.maximum(alpha, 1e-3)
    scaled[..., 3:] = alpha
    result = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    result[result[..., 3] == 0] = 0
    return result
