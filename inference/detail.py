"""Carries an edit of the model's small view over to the photo's own pixels.

The model sees a view of 128 to 512 pixels through a lossy autoencoder, so its decoded result has neither the photo's
detail nor its exact colours. What is known of the edit is the pair `before` (the view, encoded and decoded) and `after`
(the edit, decoded): the autoencoder's errors are in both. Nothing here knows the instruction; for each place the pair
decides between
* the photo as it is, bit for bit, where nothing was changed;
* one map of colour for the whole picture (`guided.ColourMap`) where it explains the edit;
* local affine maps of colour (`guided.local_affine`) where light or place matter;
* the upsampled edit where something new was painted, with as much of the photo's own fine detail as the edit left in
  the view.

All of it comes down to `photo + photo @ matrix + share * colour_map(photo) + offset` with smooth fields, applied strip
by strip.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import ArrayLike

from inference.guided import (
    LUMA,
    ColourMap,
    FloatImage,
    blurred,
    fit_colour_map,
    float32,
    local_affine,
    smoothstep,
    times,
)
from inference.types import Pixels

_STRIP_PIXELS = 1 << 17  # about 20 MB of fields for each thread
_THREADS = 2
_NOISE = 0.03  # root mean square of what a model's prediction may be off by, which is no edit
_WINDOW, _WIDE_WINDOW = 0.03, 0.05  # Gaussian windows, as shares of the long side
_FINE, _COARSE = 1.2, 2.0  # in pixels of the view: above what detail starts, and what outlives the autoencoder
_ALPHA = -0.75  # of the cubic kernel, the same as OpenCV's


@dataclass(frozen=True, eq=False)
class Transfer:
    """An edit as fields at the view's size, to be added to the photo.

    matrix: float32 (h, w, 9), [input channel, output channel]; share: float32 (h, w) of the colour map; offset: float32
    (h, w, 3). Where all of them are zero the photo stays as it is.
    """

    matrix: FloatImage
    share: FloatImage
    offset: FloatImage
    colour_map: ColourMap


def full_resolution(source: Pixels, view: FloatImage, before: FloatImage, after: FloatImage) -> Pixels:
    """The photo with the edit.

    source: uint8 or uint16 (H, W, 3); view, before, after: float32 (h, w, 3) in [0, 1], the source at the model's size,
    the same encoded and decoded, and the decoded edit. Returns the source's shape and type. Raises ValueError for other
    arrays.
    """
    _check(source, view, before, after)
    if np.array_equal(before, after):
        return source.copy()
    transfer = fit_transfer(view, before, after)
    matrix = _Field(transfer.matrix, source.shape[:2], cubic=False) if transfer.matrix.any() else None
    share = _Field(transfer.share[..., None], source.shape[:2], cubic=False) if transfer.share.any() else None
    offset = _Field(transfer.offset, source.shape[:2], cubic=True)

    def edited(top: int, bottom: int) -> Pixels:
        planes = _split(source[top:bottom])
        change = offset.rows(top, bottom)
        if matrix is not None:
            _add_products(change, matrix.rows(top, bottom), planes)
        if share is not None:
            weight = share.rows(top, bottom)[0]
            for channel, curve in enumerate(transfer.colour_map.change(planes)):
                change[channel] += weight * curve
        return _changed(planes, change)

    return _by_strips(source, edited)


def plain(source: Pixels, after: FloatImage) -> Pixels:
    """`after`, float32 (h, w, 3) in [0, 1], enlarged (bicubic) to the source's shape and type. Raises ValueError for
    other arrays.
    """
    _check(source, after)
    field = _Field(after, source.shape[:2], cubic=True)

    def enlarged(top: int, bottom: int) -> Pixels:
        planes = _split(np.zeros_like(source[top:bottom]))
        return _changed(planes, field.rows(top, bottom))

    return _by_strips(source, enlarged)


def fit_transfer(view: FloatImage, before: FloatImage, after: FloatImage) -> Transfer:
    """What the edit did, from three float32 (h, w, 3) pictures in [0, 1]."""
    scale = _Scale(max(before.shape[:2]))
    changed = scale.energy(after - before)
    noise = _noise_floor(changed)
    colour_map = fit_colour_map(before, after)
    recoloured = colour_map.change_of(before)
    claim = _colour_claim(before, after, recoloured, changed, noise, scale)
    matrices, offsets = local_affine(before, after)
    local = _local_share(before, after, claim[..., None] * recoloured, matrices, offsets, scale)
    share = float32(claim * (1.0 - local))
    matrices, offsets = matrices * local[..., None, None], offsets * local[..., None]
    mapped = _clipped(before + share[..., None] * recoloured + times(before, matrices) + offsets)
    seen = _clipped(view + share[..., None] * colour_map.change_of(view) + times(view, matrices) + offsets)
    painted, gain = _painted_and_gain(seen, mapped, after, changed, share, scale)
    goal = mapped + painted[..., None] * (after - mapped)
    offset = goal - gain[..., None] * (mapped - offsets)
    edited = 1.0 - _untouched(view, before, after, changed, noise, claim)
    matrix = gain[..., None, None] * (np.eye(3, dtype=np.float32) + matrices) - np.eye(3, dtype=np.float32)
    return Transfer(
        float32(edited[..., None] * matrix.reshape(*edited.shape, 9)),
        float32(edited * gain * share),
        float32(edited[..., None] * offset),
        colour_map,
    )


@dataclass(frozen=True)
class _Scale:
    """Windows in pixels of a view with this long side."""

    long_side: int

    @property
    def window(self) -> float:
        return max(1.5, _WINDOW * self.long_side)

    def energy(self, error: ArrayLike) -> FloatImage:
        """float32 (h, w): the mean square around each pixel."""
        return blurred(float32(np.square(float32(error)).mean(axis=2)), self.window)

    def wide_sum(self, product: FloatImage) -> FloatImage:
        """float32 (h, w): the channels' sum, over the wide window."""
        return blurred(float32(product.sum(axis=2)), max(2.0, _WIDE_WINDOW * self.long_side))

    def softened(self, share: FloatImage) -> FloatImage:
        return blurred(share, max(1.0, self.window / 2))


def _noise_floor(changed: FloatImage) -> float:
    """Below it a change is none. An edit that leaves a twentieth of the picture alone shows its own noise there."""
    return float(np.clip(1.5 * np.sqrt(np.quantile(changed, 0.05)), 0.004, _NOISE))


def _colour_claim(
    before: FloatImage, after: FloatImage, recoloured: FloatImage, changed: FloatImage, noise: float, scale: _Scale
) -> FloatImage:
    """float32 (h, w) in [0, 1]: how far the colour map holds at each place.

    Over the whole picture it has to explain the change, and what `after` looks like. At a place the change has to agree
    with what the map predicts: the regression of the one on the other is near 1 where it holds and near 0 where nothing
    was done, however noisy both are. Where the map predicts too little to tell, all the places that look unchanged
    answer together.
    """
    predicted = _clipped(before + recoloured) - before
    missed = float(scale.energy(after - before - predicted).mean())
    total, beyond_noise = float(changed.mean()), max(missed - 0.8 * _NOISE**2, 0.0)
    spread = float(np.var(after - after.mean(axis=(0, 1))))
    trust = (
        smoothstep(0.8, 0.92, 1.0 - beyond_noise / max(total, 1e-9))
        * smoothstep(0.5, 0.75, 1.0 - beyond_noise / max(spread, 1e-9))
        * smoothstep(0.1, 0.3, (total - missed) / _NOISE**2)
    )
    smooth = blurred(predicted, _COARSE)
    common = scale.wide_sum(blurred(after - before, _COARSE) * smooth)
    size = scale.wide_sum(np.square(smooth))
    still = changed < noise**2
    together = 1.0
    if still.mean() > 0.02:
        together = float(np.clip(common[still].sum() / max(float(size[still].sum()), 1e-9), 0.0, 1.0))
    prior = 3.0 * (_NOISE / 2) ** 2
    return trust * smoothstep(0.25, 0.75, (common + prior * together) / (size + prior))


def _local_share(
    before: FloatImage,
    after: FloatImage,
    recoloured: FloatImage,
    matrices: FloatImage,
    offsets: FloatImage,
    scale: _Scale,
) -> FloatImage:
    """float32 (h, w) in [0, 1]: where the local maps are needed because the colour map leaves clearly more unexplained.

    Judged without the finest detail, which the autoencoder alters by itself where a map is steep, and mostly over the
    whole picture: an edit depends on place or it does not.
    """
    placed = _clipped(before + times(before, matrices) + offsets)
    by_colour = scale.energy(blurred(after - _clipped(before + recoloured), _COARSE))
    by_place = scale.energy(blurred(after - placed, _COARSE))
    floor = (0.5 * _NOISE) ** 2
    ratio = (0.2 * by_colour + 0.8 * by_colour.mean() + floor) / (0.2 * by_place + 0.8 * by_place.mean() + floor)
    return scale.softened(smoothstep(1.9, 2.5, ratio))


def _painted_and_gain(
    seen: FloatImage, mapped: FloatImage, after: FloatImage, changed: FloatImage, share: FloatImage, scale: _Scale
) -> tuple[FloatImage, FloatImage]:
    """Two fields (h, w): how much of what the maps miss is added, in [0, 1]; the gain on the photo's detail, in [0, 3].

    The gain is the regression of the edit's fine luma on that of the mapped view with the view itself as instrument:
    the autoencoder's own patterns are in both decoded pictures but not in the view, so they do not count as detail that
    was kept. Where something new was painted, detail has to be seen in the edit to be kept at all.
    """
    fine_seen, fine_mapped, fine_after = _fine_luma(seen), _fine_luma(mapped), _fine_luma(after)
    kept, there = scale.wide_sum(fine_seen * fine_after), scale.wide_sum(fine_seen * fine_mapped)
    overall = _ratio(float(kept.mean()), float(there.mean()))
    missed = scale.energy(after - mapped)
    coarse = scale.energy(blurred(after - mapped, _COARSE))
    typical = float(changed.mean())
    spread = float(np.var(after - after.mean(axis=(0, 1))))
    unexplained = smoothstep(0.06, 0.2, coarse / (0.5 * changed + 0.5 * typical + 1e-9))
    lost = abs(1.0 - overall)
    everywhere = smoothstep(0.15, 0.4, lost) * smoothstep(0.05, 0.15, missed.mean() / max(min(typical, spread), 1e-9))
    here = smoothstep(_NOISE**2, (2.0 * _NOISE) ** 2, missed) * (1.0 - share * (1.0 - unexplained))
    painted = scale.softened(float32(np.maximum(here, everywhere)))
    prior = 3.0 * 0.005**2
    gain = np.clip((kept + prior * overall * (1.0 - here)) / (np.maximum(there, 0.0) + prior), 0.0, 3.0)
    if overall > 1.15:  # sharpened, or by chance a ratio of two faint details that have nothing to do with each other
        gain = gain * smoothstep(0.55, 0.7, _correlation(fine_mapped, fine_after))
    # What blurs the view's finest detail leaves none of what is finer still.
    gain = gain * smoothstep(0.2, 0.8, gain)
    doubted = np.maximum(smoothstep(0.1, 0.25, lost) * (1.0 - share), smoothstep(0.28, 0.42, lost))
    trusted = np.maximum(painted, doubted)
    return painted, float32(1.0 + trusted * (gain - 1.0))


def _untouched(
    view: FloatImage, before: FloatImage, after: FloatImage, changed: FloatImage, noise: float, claim: FloatImage
) -> FloatImage:
    """float32 (h, w): 1 where the photo stays as it is. Smooth areas of a blurred picture look unchanged too, but
    lost their detail.
    """
    still = smoothstep((2.0 * noise) ** 2, noise**2, changed) * (1.0 - smoothstep(0.0, 0.3, claim))
    fine_view = still[..., None] * _fine_luma(view)
    kept, there = (fine_view * _fine_luma(after)).mean(), (fine_view * _fine_luma(before)).mean()
    return float32(still * (1.0 - smoothstep(0.2, 0.4, abs(1.0 - _ratio(float(kept), float(there))))))


def _clipped(image: ArrayLike) -> FloatImage:
    return float32(np.clip(float32(image), 0.0, 1.0))


def _fine_luma(image: FloatImage) -> FloatImage:
    """float32 (h, w, 1): luma alone, since autoencoders drop fine chroma."""
    grey = float32(image @ LUMA[0])
    return (grey - blurred(grey, _FINE))[..., None]


def _correlation(a: FloatImage, b: FloatImage) -> float:
    return float((a * b).mean() / np.sqrt(max(float(np.square(a).mean() * np.square(b).mean()), 1e-18)))


def _ratio(kept: float, there: float) -> float:
    """Near 1 where there is no detail to tell from."""
    return float(np.clip((kept + 1e-7) / max(there + 1e-7, 1e-9), -1.0, 3.0))


class _Field:
    """A (h, w, C) picture, read as if enlarged to the photo's size, some rows at a time; the same rows whatever the
    strips.
    """

    def __init__(self, small: FloatImage, shape: tuple[int, ...], *, cubic: bool) -> None:
        height, width = min(small.shape[0], shape[0]), min(small.shape[1], shape[1])
        if (height, width) != small.shape[:2]:  # the view of a tiny picture is larger than the picture
            small = _shrunk(small, height, width)
        self._planes = np.ascontiguousarray(_planes(small))
        self._height, self._width = shape[0], shape[1]
        self._cubic = cubic

    def rows(self, top: int, bottom: int) -> FloatImage:
        """float32 (C, bottom - top, W)."""
        count, height, width = self._planes.shape
        at = (np.arange(top, bottom) + 0.5) * (height / self._height) - 0.5
        base = np.floor(at).astype(np.int64)
        strip = np.zeros((count, bottom - top, width), np.float32)
        for tap, weight in _taps(float32(at - base), self._cubic):
            strip += weight[:, None] * self._planes[:, np.clip(base + tap, 0, height - 1)]
        kind = cv2.INTER_CUBIC if self._cubic else cv2.INTER_LINEAR
        wide = cv2.resize(strip.reshape(-1, width), (self._width, count * (bottom - top)), interpolation=kind)
        return float32(wide).reshape(count, bottom - top, self._width)


def _shrunk(image: FloatImage, height: int, width: int) -> FloatImage:
    planes = [image[..., channel] for channel in range(image.shape[2])]
    areas = [cv2.resize(np.ascontiguousarray(plane), (width, height), interpolation=cv2.INTER_AREA) for plane in planes]
    return np.stack([float32(area).reshape(height, width) for area in areas], axis=2)


def _split(strip: Pixels) -> list[Pixels]:
    return [cast(Pixels, np.ascontiguousarray(strip[..., channel])) for channel in range(3)]


def _planes(image: FloatImage) -> FloatImage:
    return np.ascontiguousarray(np.moveaxis(image, 2, 0))


def _taps(fraction: FloatImage, cubic: bool) -> list[tuple[int, FloatImage]]:
    """Neighbours and their weights, for places that far between two rows."""
    if not cubic:
        return [(0, float32(1.0 - fraction)), (1, fraction)]
    outer = [_ALPHA * (((d - 5.0) * d + 8.0) * d - 4.0) for d in (fraction + 1.0, 2.0 - fraction)]
    inner = [((_ALPHA + 2.0) * d - (_ALPHA + 3.0)) * d * d + 1.0 for d in (fraction, 1.0 - fraction)]
    return [(-1, float32(outer[0])), (0, float32(inner[0])), (1, float32(inner[1])), (2, float32(outer[1]))]


def _add_products(change: FloatImage, matrix: FloatImage, planes: list[Pixels]) -> None:
    for source, plane in enumerate(planes):
        values = float32(plane) * np.float32(1.0 / np.iinfo(plane.dtype).max)
        for channel in range(3):
            change[channel] += matrix[3 * source + channel] * values


def _changed(planes: list[Pixels], change: FloatImage) -> Pixels:
    """The planes plus the change in [0, 1] units, rounded and clipped: exact where the change is 0."""
    eight = planes[0].dtype == np.uint8
    change *= 255.0 if eight else 65535.0
    depth = cv2.CV_8U if eight else cv2.CV_16U
    added = [cv2.add(float32(plane), part, dtype=depth) for plane, part in zip(planes, change, strict=True)]
    merged = np.stack([np.asarray(plane) for plane in added], axis=2)
    return merged.astype(np.uint8, copy=False) if eight else merged.astype(np.uint16, copy=False)


def _by_strips(source: Pixels, edited: Callable[[int, int], Pixels]) -> Pixels:
    """Every strip is its own work, so memory does not grow with the picture; NumPy and OpenCV release the interpreter
    lock.
    """
    height, width = source.shape[:2]
    result = np.empty_like(source)
    rows = max(1, _STRIP_PIXELS // width)

    def fill(top: int) -> None:
        bottom = min(top + rows, height)
        result[top:bottom] = edited(top, bottom)

    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        list(pool.map(fill, range(0, height, rows)))
    return result


def _check(source: Pixels, *small: FloatImage) -> None:
    if source.ndim != 3 or source.shape[2] != 3 or source.size == 0 or source.dtype.name not in ("uint8", "uint16"):
        raise ValueError(f"a photo is uint8 or uint16 (H, W, 3), not {source.dtype} {source.shape}")
    for image in small:
        if image.shape != small[0].shape or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.float32:
            raise ValueError(f"views are float32 (h, w, 3) of one size, not {image.dtype} {image.shape}")
        if image.size == 0:
            raise ValueError("a view needs at least one pixel")
