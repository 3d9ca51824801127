"""What the model sees of a picture: the whole of it, at the model's size, padded by reflection.

The released code of InstructPix2Pix crops to a multiple of 64; a layer has to line up with its photo, so nothing is
cropped here.

Down by area averages, which weigh every pixel of the photo the same, so that nothing aliases and no ringing is added;
up by cubic interpolation, which is sharper than linear and smooth enough that the model takes no pixel blocks for
content. A large source is read in strips and never copied to float as a whole.

The model sees colours without their transparency. Averages are weighted by alpha, so a hidden colour under a fully
transparent pixel has no part in them; where a whole area is transparent, the nearest visible colours run into it,
because a black or white hole would be one more thing to edit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.types import FloatImage, Pixels

STRIP_PIXELS = 1 << 18
LONGEST_ROW = 1 << 16  # above it strips of columns are read, so that a strip stays small


@dataclass(frozen=True, eq=False)
class View:
    """A picture as the model takes it.

    pixels: float32 (1, 3, H, W) in [-1, 1], padded. crop: (top, left, h, w) of the picture within the padding.
    """

    pixels: NDArray[np.float32]
    crop: tuple[int, int, int, int]

    @property
    def image(self) -> FloatImage:
        """The picture at the model's size without the padding: float32 (h, w, 3) in [0, 1]."""
        return self.uncrop(self.pixels)

    def uncrop(self, decoded: NDArray[np.float32]) -> FloatImage:
        """What the model made of this view, float32 (1, 3, H, W), without the padding: (h, w, 3), clipped to [0, 1]."""
        top, left, height, width = self.crop
        inside = decoded[0, :, top : top + height, left : left + width].transpose(1, 2, 0)
        return np.clip(inside * np.float32(0.5) + np.float32(0.5), 0, 1).astype(np.float32, order="C")


def model_view(image: Pixels, size: int, multiple: int, shapes: Sequence[tuple[int, int]] = ()) -> View:
    """The view of `image`, uint8 or uint16 (H, W, 3 or 4), with a long side of `size` before padding.

    It is padded by reflection (edge not repeated), half on each side, to the smallest of `shapes` (H, W) that holds it;
    where there is none, up to the next `multiple`.
    """
    height, width = view_size(image.shape[0], image.shape[1], size)
    colours = _averaged(image, min(height, image.shape[0]), min(width, image.shape[1]))
    if colours.shape[:2] != (height, width):
        colours = _as_image(cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC), (height, width, 3))
    rows, columns = padded_size(height, width, multiple, shapes)
    (above, below), (left, right) = _margins(height, rows), _margins(width, columns)
    padded = colours[_reflected(height, above, below)][:, _reflected(width, left, right)]
    pixels = np.clip(padded, 0, 1).transpose(2, 0, 1)[np.newaxis] * np.float32(2) - np.float32(1)
    return View(np.ascontiguousarray(pixels), (above, left, height, width))


def view_size(height: int, width: int, size: int) -> tuple[int, int]:
    """(h, w) with a long side of `size`, in the aspect of (height, width) as nearly as pixels allow; at least 1."""
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def common_shapes(size: int, multiple: int) -> tuple[tuple[int, int], ...]:
    """The few (H, W) that views at a long side of `size` are padded to where every shape has to be prepared for.

    Short sides of 1/2, 5/8, 3/4 and all of the long one, up to the next `multiple`, lying and standing: those of 2:1,
    16:9, 4:3 with 3:2, and of the square.
    """
    long = _up(size, multiple)
    shorts = [_up(long * eighths / 8, multiple) for eighths in (4, 5, 6, 8)]
    return tuple(dict.fromkeys(shape for short in shorts for shape in ((short, long), (long, short))))


def padded_size(height: int, width: int, multiple: int, shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """What `model_view` pads a picture of height and width to."""
    holding = [shape for shape in shapes if shape[0] >= height and shape[1] >= width]
    return min(holding, key=math.prod, default=(_up(height, multiple), _up(width, multiple)))


def _up(length: float, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple


def _margins(length: int, padded: int) -> tuple[int, int]:
    missing = padded - length
    return missing // 2, missing - missing // 2


def _reflected(length: int, before: int, after: int) -> NDArray[np.intp]:
    """Indices of a row of `length` with margins mirrored at its ends, again and again where a margin is longer."""
    period = max(2 * length - 2, 1)
    index = np.arange(-before, length + after) % period
    return np.minimum(index, period - index) if length > 1 else index


def _averaged(image: Pixels, height: int, width: int) -> FloatImage:
    """Alpha-weighted area averages, float32 (height, width, 3) in [0, 1]; neither side may grow."""
    if image.shape[1] > max(LONGEST_ROW, image.shape[0]):
        return _averaged(image.transpose(1, 0, 2), width, height).transpose(1, 0, 2).copy()
    sums = np.zeros((height, width * image.shape[2]), np.float32)
    for start, strip in _strips(image):
        rows = cv2.resize(_premultiplied(strip), (width, len(strip)), interpolation=cv2.INTER_AREA)
        first, weights = _row_weights(start, start + len(strip), image.shape[0], height)
        sums[first : first + len(weights)] += weights @ _as_image(rows, (len(strip), width * image.shape[2]))
    sums = sums.reshape(height, width, image.shape[2])
    return sums if image.shape[2] == 3 else _filled(sums[..., :3], sums[..., 3])


def _strips(image: Pixels) -> Iterator[tuple[int, FloatImage]]:
    """Rows of the source with the number of the first, colours and alpha in [0, 1]."""
    rows = max(1, STRIP_PIXELS // image.shape[1])
    for start in range(0, image.shape[0], rows):
        strip = image[start : start + rows].astype(np.float32, order="C")
        strip /= np.float32(np.iinfo(image.dtype).max)
        yield start, strip


def _premultiplied(strip: FloatImage) -> FloatImage:
    if strip.shape[2] == 4:
        for channel in range(3):  # four times as quick as one product of unlike shapes
            strip[..., channel] *= strip[..., 3]
    return strip


def _row_weights(start: int, stop: int, height: int, rows: int) -> tuple[int, NDArray[np.float32]]:
    """Which of `rows` averages the source rows [start, stop) of `height` fall into: the first, and shares (k, n)."""
    step = height / rows
    first, last = math.floor(start / step), min(math.ceil(stop / step), rows)
    lower = np.arange(first, last)[:, np.newaxis] * step
    source = np.arange(start, stop)
    shares = np.minimum(lower + step, source + 1) - np.maximum(lower, source)
    return first, (shares.clip(0) / step).astype(np.float32)


def _filled(sums: FloatImage, weights: FloatImage) -> FloatImage:
    """Colours of premultiplied `sums`; where the weight is 0, those of a coarser and coarser average; else mid grey."""
    if not weights.any():
        return np.full_like(sums, 0.5)
    known = weights > 0
    colours = _as_image(sums / np.where(known, weights, 1)[..., np.newaxis])
    return colours if known.all() else _as_image(np.where(known[..., np.newaxis], colours, _spread(sums, weights)))


def _spread(sums: FloatImage, weights: FloatImage) -> FloatImage:
    height, width = weights.shape
    half = ((width + 1) // 2, (height + 1) // 2)
    coarse = cv2.resize(np.dstack((sums, weights)), half, interpolation=cv2.INTER_AREA)
    coarse = _as_image(coarse, (half[1], half[0], 4))
    below = _filled(coarse[..., :3], coarse[..., 3])
    return _as_image(cv2.resize(below, (width, height), interpolation=cv2.INTER_LINEAR), sums.shape)


def _as_image(array: ArrayLike, shape: tuple[int, ...] | None = None) -> FloatImage:
    """float32, in the shape that OpenCV may have dropped an axis of."""
    image = np.asarray(array, np.float32)
    return image if shape is None else image.reshape(shape)
