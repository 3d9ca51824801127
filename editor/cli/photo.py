"""The picture of an edit: read for the model, and put back into its own colours for the file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from editor.cli.layered import flat_image, is_layered, opened
from editor.core.errors import UsageError
from editor.core.formats.colour import from_srgb, to_srgb
from editor.core.formats.flat import read_flat
from editor.core.formats.format import FlatImage
from editor.core.pixels import Pixels, to_8_bit
from inference import memory
from inference.models import weights_bytes
from inference.package import ModelPackage

Mask = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Photo:
    """flat: as it was read. srgb: its pixels as the model takes them. mask: uint8 (H, W), or None."""

    flat: FlatImage
    srgb: Pixels
    mask: Mask | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        return self.flat.notes

    def with_edit(self, edited: Pixels) -> FlatImage:
        """The edited sRGB pixels in the photo's own colours, with all else that the file held."""
        return replace(self.flat, pixels=from_srgb(edited, self.flat.icc, self.flat.pixels, self.srgb))


def read_photo(source: Path, mask: Path | None, package: ModelPackage) -> Photo:
    """Read the photo, and the mask if there is one, within what memory allows beside the model.

    Raises InputUnreadable, and UsageError for a mask of another size.
    """
    largest = largest_beside(package)
    if is_layered(source):
        found = opened(source, largest)
        flat = flat_image(found.document, found.notes)
    else:
        flat = read_flat(source, max_pixels=largest)
    size = flat.width, flat.height
    return Photo(flat, to_srgb(flat.pixels, flat.icc), None if mask is None else read_mask(mask, size, largest))


def largest_beside(package: ModelPackage) -> int:
    """The pixels that memory allows beside the model."""
    return memory.max_pixels(memory.available_memory(), weights_bytes(package))


def read_mask(path: Path, size: tuple[int, int], largest: int) -> Mask:
    """uint8 (H, W) from any picture. size: (width, height) of the picture. Raises UsageError for another size."""
    mask = flat_image(opened(path, largest).document) if is_layered(path) else read_flat(path, max_pixels=largest)
    if (mask.width, mask.height) != size:
        sizes = f"{mask.width} x {mask.height} and the picture {size[0]} x {size[1]}"
        raise UsageError(f"The mask {path} has to be as large as the picture: it is {sizes}.")
    return _grey(to_8_bit(mask.pixels))


def _grey(pixels: NDArray[np.uint8]) -> Mask:
    """Luma, times alpha where there is one: what is transparent takes no edit."""
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY), np.uint8)
    if pixels.shape[2] == 3:
        return grey
    return np.asarray(cv2.multiply(grey, np.ascontiguousarray(pixels[..., 3]), scale=1 / 255), np.uint8)
