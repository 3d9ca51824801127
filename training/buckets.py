"""Which few shapes pictures are brought to, so that different ones fit into one batch. Without PyTorch.

A picture is seen as an edit sees it (`inference.view`): scaled to a long side of `size` and padded by reflection, half
on each side. Nothing is cut off, and proportions stay. The shapes are those that the engine prepares for where it has
to prepare: few enough that each one's batches are mixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.view import common_shapes, model_view, padded_size, view_size
from training.items import Pictures

Shape = tuple[int, int]
"""(H, W) in pixels."""


@dataclass(frozen=True)
class Shapes:
    """size: the long side in pixels before padding. multiple: what both sides have to be divisible by."""

    size: int
    multiple: int

    @property
    def all(self) -> tuple[Shape, ...]:
        return common_shapes(self.size, self.multiple)

    @property
    def largest(self) -> Shape:
        return max(self.all, key=lambda shape: shape[0] * shape[1])

    def of(self, height: int, width: int) -> Shape:
        """The shape that a picture of (height, width) is brought to: the smallest that holds it."""
        return padded_size(*view_size(height, width, self.size), self.multiple, self.all)

    def view(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A picture, uint8 (H, W, 3), as the model takes it: float32 (3, H', W') in [-1, 1]."""
        return model_view(picture, self.size, self.multiple, self.all).pixels[0]

    def seen(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture at the model's size without the padding: uint8 (h, w, 3)."""
        view = model_view(picture, self.size, self.multiple, self.all)
        return np.round(view.image * 255).astype(np.uint8)

    def crop(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(top, left, h, w) of a picture of (height, width) within the padding."""
        h, w = view_size(height, width, self.size)
        rows, columns = self.of(height, width)
        return (rows - h) // 2, (columns - w) // 2, h, w

    def inside(self, mask: NDArray[np.uint8], factor: int) -> NDArray[np.float32]:
        """How much of each place of the latent lies in a mask: float32 (1, H' / factor, W' / factor) in [0, 1]."""
        seen = np.asarray(self.view(np.repeat(mask[..., None], 3, axis=2))[0] * 0.5 + 0.5, np.float32)
        height, width = seen.shape
        small = cv2.resize(seen, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32).clip(0, 1).reshape(1, height // factor, width // factor)


def shape_of(pictures: Pictures, shapes: Shapes) -> Shape:
    """The bucket of an item."""
    return shapes.of(*pictures.source.shape[:2])
