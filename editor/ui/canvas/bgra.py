"""Pixels as the screen takes them: premultiplied BGRA in memory, and halves of halves of them."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from PIL import Image, ImageCms

from editor.core.formats import colour
from editor.core.formats import icc as profiles
from editor.core.tiles import Samples

DEEPEST = 6
"""Mip levels: 0 is the picture itself, DEEPEST a 64th of its sides, the smallest scale of the view."""


def for_screen(rgba: Samples) -> tuple[Samples, bool]:
    """(premultiplied BGRA, whether all of it is opaque) from straight uint8 (h, w, 4) RGBA."""
    if cv2.minMaxLoc(cv2.extractChannel(rgba, 3))[0] == 255:
        return _as_samples(cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA)), True
    return _as_samples(cv2.cvtColor(cv2.cvtColor(rgba, cv2.COLOR_RGBA2mRGBA), cv2.COLOR_RGBA2BGRA)), False


def half(pixels: Samples) -> Samples:
    """Every four pixels as one; both sides even."""
    height, width = pixels.shape[:2]
    return _as_samples(cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA))


def extended(pixels: Samples, right: int, bottom: int) -> Samples:
    """With the last column and row repeated, so that nothing from beyond the page mixes in when it is made smaller."""
    if not right and not bottom:
        return pixels
    return _as_samples(cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE))


class ScreenColours:
    """`colour.to_srgb` for the many small pieces of one document: its transform is made once, which takes ten times as
    long as using it on a tile. Does nothing at all for documents that are sRGB already."""

    def __init__(self, icc: bytes | None) -> None:
        self._transform = None if icc is None or colour.is_srgb(icc) else _transform(icc)

    def __call__(self, rgba: Samples) -> Samples:
        if self._transform is None or not rgba.size:
            return rgba
        image = Image.fromarray(np.ascontiguousarray(rgba[..., :3]))
        result = rgba.copy()
        result[..., :3] = np.asarray(self._transform.apply(image))
        return result


def _transform(icc: bytes) -> ImageCms.ImageCmsTransform:
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    source, target = profiles.opened(icc), profiles.built_in("sRGB")
    return ImageCms.ImageCmsTransform(source, target, "RGB", "RGB", intent, flags=flags)


def _as_samples(pixels: object) -> Samples:
    return cast(Samples, np.asarray(pixels))
