"""What the compositor draws on: float32 pixels under a skia canvas. Skia has no types, so it stays in here."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from editor.core.blend import blend_named
from editor.core.tiles import Samples

Floats = NDArray[np.float32]

ROUNDING = np.float32(1e-6)  # more than float32 loses over many layers, far less than a step of 1/255

_skia: Any = importlib.import_module("skia")
_STRAIGHT, _PREMULTIPLIED = _skia.kUnpremul_AlphaType, _skia.kPremul_AlphaType
_NEAREST = _skia.SamplingOptions()


class Surface:
    """`pixels`: premultiplied float32 (height, width, 4) in [0, 1], transparent at first; what is drawn lands in them.

    Skia holds the interpreter's lock while it draws, so a surface should stay within a tile's size.
    """

    def __init__(self, width: int, height: int) -> None:
        self.pixels: Floats = np.zeros((height, width, 4), np.float32)
        info = _info(width, height, _skia.kRGBA_F32_ColorType, _PREMULTIPLIED)
        self._surface: Any = _skia.Surface.MakeRasterDirect(info, self.pixels, self.pixels.strides[0])
        self._canvas: Any = self._surface.getCanvas()

    def draw(self, pixels: Samples, x: int, y: int, blend: str, opacity: float) -> None:
        """pixels: straight uint8 (h, w, 4); their first lands at (x, y). blend: a name from BLENDS."""
        self._draw(pixels, _skia.kRGBA_8888_ColorType, _STRAIGHT, x, y, blend, opacity)

    def draw_straight(self, pixels: Floats, x: int, y: int, blend: str, opacity: float) -> None:
        """The same for straight float32 in [0, 1]."""
        self._draw(pixels, _skia.kRGBA_F32_ColorType, _STRAIGHT, x, y, blend, opacity)

    def draw_premultiplied(self, pixels: Floats, x: int, y: int, blend: str, opacity: float) -> None:
        """The same for premultiplied float32, such as another surface's pixels, which may be changed by less than
        ROUNDING."""
        if blend == "color-dodge":
            _settle_white(pixels)
        elif blend == "hue":
            _settle_grey(pixels)
        self._draw(pixels, _skia.kRGBA_F32_ColorType, _PREMULTIPLIED, x, y, blend, opacity)

    def straight(self) -> Samples:
        """A new uint8 (height, width, 4), straight alpha, rounded to nearest."""
        height, width = self.pixels.shape[:2]
        result = np.empty((height, width, 4), np.uint8)
        info = _info(width, height, _skia.kRGBA_8888_ColorType, _STRAIGHT)
        self._surface.readPixels(info, result, result.strides[0], 0, 0)
        return result

    def _draw(
        self, pixels: NDArray[Any], colour_type: Any, alpha_type: Any, x: int, y: int, blend: str, opacity: float
    ) -> None:
        if blend == "color-burn":
            _settle_white(self.pixels)
        elif blend == "saturation":
            _settle_grey(self.pixels)
        pixels = np.ascontiguousarray(pixels)
        info = _info(pixels.shape[1], pixels.shape[0], colour_type, alpha_type)
        # The image borrows the array's memory; drawing is done when drawImage returns.
        image = _skia.Image.MakeFromRaster(_skia.Pixmap(info, pixels, pixels.strides[0]))
        paint = _skia.Paint()
        paint.setBlendMode(getattr(_skia.BlendMode, blend_named(blend).skia))
        paint.setAlphaf(opacity)
        self._canvas.drawImage(image, x, y, _NEAREST, paint)


# Four formulas jump at white or at grey: burning and dodging divide by the distance to white, hue and saturation by
# that to grey. Rounding makes a white that was mixed from whites into not quite white, and specks of another colour
# would show. Pixels of a layer are never mixed; those of a backdrop or a group are, so these are put right before.


def _settle_white(pixels: Floats) -> None:
    alpha = pixels[..., 3]
    for channel in range(3):
        colour = pixels[..., channel]
        np.copyto(colour, alpha, where=alpha - colour < ROUNDING)


def _settle_grey(pixels: Floats) -> None:
    red, green, blue = (pixels[..., channel] for channel in range(3))
    highest, lowest = np.maximum(red, green), np.minimum(red, green)
    np.maximum(highest, blue, out=highest)
    grey = highest - np.minimum(lowest, blue) < ROUNDING
    if grey.any():
        for colour in (red, green, blue):
            np.copyto(colour, highest, where=grey)


def _info(width: int, height: int, colour_type: Any, alpha_type: Any) -> Any:
    return _skia.ImageInfo.Make(width, height, colour_type, alpha_type)
