"""What an edit is conditioned on, the texts and the picture: encoded once and kept by content across requests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.caches import LruCache, content_key
from inference.models import Models
from inference.package import ModelPackage
from inference.types import CancelToken, Pixels
from inference.view import View, common_shapes, model_view, padded_size, view_size

Floats = NDArray[np.float32]

_PICTURES_KEPT = 4
_TEXTS_KEPT = 64


@dataclass(eq=False)
class Picture:
    """One picture as the model sees it.

    latent: float32 (1, C, h, w), the unscaled mode of its encoding.
    before: float32 (1, 3, H, W) in [-1, 1], decode(encode(view)); made when first needed.
    """

    view: View
    latent: Floats
    before: Floats | None = None


class Conditions:
    """Encodes through `models` what its caches do not have.

    few_shapes: pictures are padded to one of a few shapes, for providers that prepare a graph for each.
    """

    def __init__(self, package: ModelPackage, models: Models, few_shapes: bool = False) -> None:
        self._package, self._models, self._few_shapes = package, models, few_shapes
        self._pictures: LruCache[Picture] = LruCache(_PICTURES_KEPT)
        self._texts: LruCache[Floats] = LruCache(_TEXTS_KEPT)

    def text(self, text: str, cancel: CancelToken) -> Floats:
        """The embedding of one text: float32 (1, L, D). Raises `Cancelled`."""
        return self._texts.get_or_make(content_key(text), lambda: self._models.text.encode([text], cancel))

    def picture(self, image: Pixels, size: int, cancel: CancelToken) -> Picture:
        """`image` at a long side of `size`, encoded. Raises `Cancelled`, `RequestError`."""

        def make() -> Picture:
            view = model_view(image, size, self._package.multiple, self._shapes(size))
            return Picture(view, self._models.vae.encode(view.pixels, cancel))

        return self._pictures.get_or_make(content_key(image, size), make)

    def size(self, image: Pixels, size: int) -> tuple[int, int]:
        """(H, W) of what the model will see of `image`, padded."""
        height, width = view_size(image.shape[0], image.shape[1], size)
        return padded_size(height, width, self._package.multiple, self._shapes(size))

    def before(self, picture: Picture, cancel: CancelToken) -> Floats:
        """decode(encode(view)): float32 (1, 3, H, W) in [-1, 1]. Raises `Cancelled`."""
        if picture.before is None:
            picture.before = self._models.vae.decode(self.scaled(picture), cancel)
        return picture.before

    def scaled(self, picture: Picture) -> Floats:
        """The picture's latent on the scale that the UNet denoises and the decoder takes."""
        return ((picture.latent - self._package.shift_factor) * self._package.scaling_factor).astype(np.float32)

    def _shapes(self, size: int) -> tuple[tuple[int, int], ...]:
        return common_shapes(size, self._package.multiple) if self._few_shapes else ()

    def clear(self) -> None:
        self._pictures.clear()
        self._texts.clear()
