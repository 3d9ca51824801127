"""Maps that say what an edit did to colours, fitted on a small view so that they can be repeated on the photo's own
pixels.

Pictures are float32 (h, w, 3) in [0, 1]. Two maps:
* `ColourMap`: one map of colour for the whole picture. It has thousands of pixels for each of its weights, so the
  autoencoder's and the model's errors average out. Curves of red, green, blue and luma, and chroma weighted by luma,
  fitted robustly: an additive model with P-splines (Eilers and Marx, Statistical Science 1996).
* `local_affine`: a colour matrix and offset per pixel, from window moments (guided filter: He, Sun and Tang, PAMI
  2013), from wide windows to narrow ones; each window's correction is shrunk by how much more it explains than chance
  would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatImage = NDArray[np.float32]

LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)

_LEVELS = 65536
_KNOTS = 32
_CHROMA_KNOTS = 8
_ROUNDS = 5
_SAMPLES = 8192
_ROUGHNESS, _SHRINKAGE = 3.0, 0.02  # penalties on second differences and on size, at this many pixels:
_PENALTY_PIXELS = 24576
_SMALLEST_SCALE = 0.012  # residuals below it are never outliers
_RADII = (1 / 4, 1 / 8, 1 / 16, 1 / 24)  # of the windows, as shares of the long side
_RIDGE = 1e-3
_CORRELATED = 16  # pixels that share one error: an autoencoder's errors come in patches


def float32(values: ArrayLike) -> FloatImage:
    return np.asarray(values, np.float32)


def blurred(image: FloatImage, sigma: float) -> FloatImage:
    """Gaussian; (h, w) or (h, w, C) with any number of channels up to 4."""
    return float32(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)).reshape(image.shape)


def smoothstep(low: float, high: float, values: ArrayLike) -> FloatImage:
    """0 up to `low`, 1 from `high` on, a cubic between; falls where low > high."""
    t = np.clip((float32(values) - low) / (high - low), 0.0, 1.0)
    return float32(t * t * (3.0 - 2.0 * t))


@dataclass(frozen=True, eq=False)
class ColourMap:
    """A change of colour as a sum of tables over 65536 levels.

    channels: float32 (3, 3, 65536), [input channel, output channel]; luma: float32 (3, 65536); chroma: float32 (2, 3,
    65536), over luma, to be multiplied with red - luma and blue - luma.
    """

    channels: FloatImage
    luma: FloatImage
    chroma: FloatImage

    def change(self, planes: Sequence[NDArray[np.uint8] | NDArray[np.uint16]]) -> list[FloatImage]:
        """What to add to red, green and blue: three float32 planes, for three planes of 8 or 16 bits."""
        step = 257 if planes[0].dtype == np.uint8 else 1
        red, green, blue = (float32(plane) for plane in planes)
        grey = LUMA[0, 0] * red + LUMA[0, 1] * green + LUMA[0, 2] * blue
        level = (grey * step).astype(np.uint16)
        unit = step / (_LEVELS - 1)
        chromas = ((red - grey) * unit, (blue - grey) * unit)
        return [self._output(channel, planes, level, chromas, step) for channel in range(3)]

    def change_of(self, image: FloatImage) -> FloatImage:
        """The same for float32 (h, w, 3) in [0, 1]."""
        levels = (np.clip(image, 0.0, 1.0) * (_LEVELS - 1) + 0.5).astype(np.uint16)
        return np.stack(self.change([np.ascontiguousarray(levels[..., channel]) for channel in range(3)]), axis=2)

    def _output(
        self,
        channel: int,
        planes: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
        level: NDArray[np.uint16],
        chromas: tuple[FloatImage, FloatImage],
        step: int,
    ) -> FloatImage:
        total = _looked_up(level, self.luma[channel])
        for source, plane in enumerate(planes):
            total += _looked_up(plane, self.channels[source, channel, ::step])
        for source, chroma in enumerate(chromas):
            total += chroma * _looked_up(level, self.chroma[source, channel])
        return total


def fit_colour_map(before: FloatImage, after: FloatImage) -> ColourMap:
    """The map of colour that takes most pixels of `before` to `after`: iteratively reweighted least squares, Cauchy-
    like weights.
    """
    colours, changes = _sample(before.reshape(-1, 3), (after - before).reshape(-1, 3))
    design, penalty = _design(colours), _penalty() * (max(len(colours), 1024) / _PENALTY_PIXELS)
    weights = np.ones(len(colours), np.float32)
    solution = np.zeros((design.shape[1], 3), np.float32)
    for _ in range(_ROUNDS):
        weighted = design * weights[:, None]
        moments, targets = (weighted.T @ design).astype(np.float64), (weighted.T @ changes).astype(np.float64)
        solution = float32(np.linalg.solve(moments + penalty, targets))
        residual = float32(np.sqrt(np.square(changes - design @ solution).mean(axis=1)))
        scale = 2.5 * max(float(np.quantile(residual, 0.5)), _SMALLEST_SCALE)
        weights = float32(1.0 / np.square(1.0 + np.square(residual / scale)))
    return _tabulated(solution)


def local_affine(before: FloatImage, after: FloatImage) -> tuple[FloatImage, FloatImage]:
    """The change as a matrix and an offset per pixel: float32 (h, w, 3, 3) [input, output] and (h, w, 3).

    after is about before + before @ matrix + offset.
    """
    height, width = before.shape[:2]
    matrices, offsets = np.zeros((height, width, 3, 3), np.float32), np.zeros_like(before)
    change = after - before
    squares = _outer(before, before)
    for share in _RADII:
        radius = max(2, round(share * max(height, width)))
        matrix, offset = _window_fit(before, squares, change, radius)
        matrices += matrix
        offsets += offset
        change = after - before - times(before, matrices) - offsets
    return matrices, offsets


def times(image: FloatImage, matrices: FloatImage) -> FloatImage:
    """Each pixel's colour (a row) times its own matrix: (h, w, 3) and (h, w, 3, 3) to (h, w, 3)."""
    return float32(np.einsum("hwi,hwij->hwj", image, matrices))


def _looked_up(plane: NDArray[np.uint8] | NDArray[np.uint16], table: FloatImage) -> FloatImage:
    return float32(cv2.LUT(plane, np.ascontiguousarray(table))).reshape(plane.shape)


def _sample(colours: FloatImage, changes: FloatImage) -> tuple[FloatImage, FloatImage]:
    """At most `_SAMPLES` pixels, always the same ones."""
    if len(colours) <= _SAMPLES:
        return colours, changes
    chosen = np.random.RandomState(0).permutation(len(colours))[:_SAMPLES]
    return colours[chosen], changes[chosen]


def _design(colours: FloatImage) -> FloatImage:
    """One row per pixel: 1, hats of red, green, blue and luma, hats of luma times red - luma and blue - luma."""
    grey = float32(colours @ LUMA[0])
    hats = [_hats(values, _KNOTS) for values in (colours[:, 0], colours[:, 1], colours[:, 2], grey)]
    wide = _hats(grey, _CHROMA_KNOTS)
    chromas = [wide * (colours[:, channel] - grey)[:, None] for channel in (0, 2)]
    return float32(np.concatenate([np.ones((len(colours), 1), np.float32), *hats, *chromas], axis=1))


def _hats(values: FloatImage, knots: int) -> FloatImage:
    """Piecewise linear basis: float32 (N, knots), two entries a row."""
    place = np.clip(values, 0.0, 1.0) * (knots - 1)
    left = np.minimum(place.astype(np.int32), knots - 2)
    basis, rows = np.zeros((len(values), knots), np.float32), np.arange(len(values))
    basis[rows, left] = 1.0 - (place - left)
    basis[rows, left + 1] = place - left
    return basis


def _penalty() -> NDArray[np.float64]:
    """Keeps curves smooth and, where there is no such colour, small."""
    sizes = (_KNOTS,) * 4 + (_CHROMA_KNOTS,) * 2
    penalty = np.zeros((1 + sum(sizes),) * 2)
    penalty[0, 0] = 1e-6
    at = 1
    for size in sizes:
        second = np.diff(np.eye(size), 2, axis=0)
        block = slice(at, at + size)
        finer = ((size - 1) / 15) ** 3  # the same roughness of a curve, whatever the distance of its knots
        penalty[block, block] = _ROUGHNESS * finer * second.T @ second + _SHRINKAGE * 16 / size * np.eye(size)
        at += size
    return penalty


def _tabulated(solution: FloatImage) -> ColourMap:
    curves = solution[1 : 1 + 4 * _KNOTS].reshape(4, _KNOTS, 3)
    chroma = solution[1 + 4 * _KNOTS :].reshape(2, _CHROMA_KNOTS, 3)
    channels = np.stack([_table(curve) for curve in curves[:3]])
    return ColourMap(channels, _table(curves[3]) + solution[0][:, None], np.stack([_table(curve) for curve in chroma]))


def _table(curve: FloatImage) -> FloatImage:
    """(knots, 3) to (3, 65536)."""
    at, knots = np.linspace(0.0, 1.0, _LEVELS), np.linspace(0.0, 1.0, len(curve))
    return float32(np.stack([np.interp(at, knots, curve[:, channel]) for channel in range(3)]))


def _window_fit(
    before: FloatImage, squares: FloatImage, change: FloatImage, radius: int
) -> tuple[FloatImage, FloatImage]:
    """One scale of `local_affine`, with James and Stein's positive-part shrinkage; the windows that cover a pixel are
    averaged.
    """
    height, width = before.shape[:2]
    mean, mean_change = _means(before, radius), _means(change, radius)
    variance = _means(squares, radius) - _outer(mean, mean)
    covariance = _means(_outer(before, change), radius) - _outer(mean, mean_change)
    matrix = np.linalg.solve(variance + _RIDGE * np.eye(3, dtype=np.float32), covariance)
    explained = (matrix * covariance).sum(axis=(2, 3)) + np.square(mean_change).sum(axis=2)
    left = np.maximum(_means(np.square(change), radius).sum(axis=2) - explained, 1e-9)
    independent = min(2 * radius + 1, height) * min(2 * radius + 1, width) / _CORRELATED
    kept = np.clip(1.0 - 4.0 / independent * left / np.maximum(explained, 1e-9), 0.0, 1.0)
    matrix = float32(matrix * kept[..., None, None])
    offset = kept[..., None] * mean_change - times(mean, matrix)
    return _means(matrix, radius), _means(float32(offset), radius)


def _outer(a: FloatImage, b: FloatImage) -> FloatImage:
    return a[..., :, None] * b[..., None, :]


def _means(image: FloatImage, radius: int) -> FloatImage:
    """Means over square windows, plane by plane (OpenCV slows down above four channels)."""
    planes = np.moveaxis(image.reshape(*image.shape[:2], -1), 2, 0)
    size, border = (2 * radius + 1, 2 * radius + 1), cv2.BORDER_REFLECT
    means = [cv2.boxFilter(np.ascontiguousarray(plane), cv2.CV_32F, size, borderType=border) for plane in planes]
    return float32(np.stack([float32(mean) for mean in means], axis=2)).reshape(image.shape)
