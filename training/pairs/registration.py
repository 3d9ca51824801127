"""Whether two pictures lie on each other: phase correlation of their edges, confirmed by moving one back.

Kuglin and Hines, "The phase correlation image alignment method", 1975; whitened by half, and not at all, beside that
(Knapp and Carter, "The generalized correlation method for estimation of time delay", 1976): after a blur the fine
detail is gone, and it is fine detail that whitening makes loud. Without PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pairs.pair import Rgb

Plane = NDArray[np.float32]
"""float32 (H, W)."""

WINDOW = 640
"""Pixels of the side of what is looked at in full; a larger picture is looked at as a whole, reduced, before that."""

_WHITENING = (1.0, 0.5, 0.0)
_LEAST = 0.75  # pixels: what resizing does by itself stays below
_FARTHEST = 0.4  # of a side
_TINY = 1e-6


@dataclass(frozen=True)
class Offset:
    """How far the second picture lies to the right of the first, and below it, in pixels."""

    right: int
    down: int

    @property
    def far(self) -> int:
        return max(abs(self.right), abs(self.down))

    def from_(self, other: Offset) -> Offset:
        return Offset(self.right - other.right, self.down - other.down)


@dataclass(frozen=True)
class _Scale:
    """How edges are looked for, and what makes a shift of them sure.

    sigma: of the Gaussian before, in pixels. alike: the correlation that the edges must have once they are moved back.
    share: of the correlation that such a shift costs by itself, this much has to come back. settled: a correlation
    without a shift from which on no other scale is asked.

    Chosen on 20 photos of scikit-image with the 51 edits of `training.starter.kinds`, moved by 0, 1, 2, 5 and 20 px.
    """

    sigma: float
    alike: float
    share: float
    settled: float


_SCALES = (
    _Scale(1.0, 0.3, 0.3, 0.2),
    _Scale(4.0, 0.8, 0.5, 0.2),
    _Scale(8.0, 0.8, 0.5, 0.2),
    _Scale(12.0, 0.8, 0.5, 0.2),
)
_SOFTER, _COARSE = 4.0, 16.0
_NOWHERE = Offset(0, 0)


def offset_between(source: Rgb, target: Rgb) -> Offset | None:
    """Where `target` shows what `source` shows, moved by a pixel or more; None where it does not, or nobody can say.

    Both are uint8 (H, W, 3) of one size. A picture that is mirrored, repainted, blurred, or shows its edges twice, as
    an embossed one does, is not moved.
    """
    first, second = _luma(source), _luma(target)
    if max(first.shape) <= WINDOW:
        return _shift(first, second)
    scale = WINDOW / max(first.shape)
    coarse = _shift(_reduced(first, scale), _reduced(second, scale))
    return _looked_closer(first, second, coarse and Offset(round(coarse.right / scale), round(coarse.down / scale)))


def words_for(offset: Offset) -> str:
    """As "7 pixels to the right and 2 up"."""
    across = (abs(offset.right), "to the right" if offset.right > 0 else "to the left")
    down = (abs(offset.down), "down" if offset.down > 0 else "up")
    (count, where), *more = [(count, where) for count, where in (across, down) if count]
    unit = "pixel" if count == 1 else "pixels"
    return " and ".join([f"{count} {unit} {where}", *(f"{count} {where}" for count, where in more)])


def _looked_closer(first: Plane, second: Plane, coarse: Offset | None) -> Offset | None:
    """The offset to the pixel, from the two parts with the most in them. Without a coarse one both have to agree: what
    moves in one place alone is an edit."""
    rough = coarse or _NOWHERE
    found: list[Offset] = []
    for one, other in _windows(first, second, rough):
        fine = _shift(one, other) or _NOWHERE
        found.append(Offset(rough.right + fine.right, rough.down + fine.down))
    if coarse is not None:
        return found[0] if found and found[0].far else coarse
    if len(found) < 2 or not found[0].far or not found[1].far:
        return None
    return found[0] if found[0].from_(found[1]).far <= 1 else None


def _windows(first: Plane, second: Plane, moved: Offset) -> list[tuple[Plane, Plane]]:
    """The same parts of both, `moved` apart, those with the most contrast first; two of them at most."""
    height, width = (length - abs(by) for length, by in zip(first.shape, (moved.down, moved.right), strict=True))
    one = first[max(0, -moved.down) :, max(0, -moved.right) :][:height, :width]
    other = second[max(0, moved.down) :, max(0, moved.right) :][:height, :width]
    tall, wide = min(height, WINDOW), min(width, WINDOW)
    parts = [
        (one[y : y + tall, x : x + wide], other[y : y + tall, x : x + wide])
        for y in _steps(height, tall)
        for x in _steps(width, wide)
    ]
    return sorted(parts, key=lambda part: -min(float(part[0].std()), float(part[1].std())))[:2]


def _steps(length: int, part: int) -> list[int]:
    """Where parts begin that lie beside each other, three at most."""
    count = min(3, length // part)
    return [(length - part) // 2] if count == 1 else [(length - part) * n // (count - 1) for n in range(count)]


def _shift(first: Plane, second: Plane) -> Offset | None:
    for scale in _SCALES:
        matched = _Match(_edges(first, scale.sigma), _edges(second, scale.sigma))
        best = matched.best
        if best.far and matched.is_moved(best, scale):
            return best
        if not best.far and matched.at(best) >= scale.settled and not _is_lost(first, second, scale.sigma):
            return None
    return None


def _is_lost(first: Plane, second: Plane, sigma: float) -> bool:
    """Whether one of them has much less detail of that fineness, beside the coarse: what is left tells little."""
    shares = [_detail(luma, sigma) / (_detail(luma, _COARSE) + _TINY) for luma in (first, second)]
    return max(shares) > _SOFTER * min(shares)


def _detail(luma: Plane, sigma: float) -> float:
    """How much there is between that fineness and half of it; coarse ones are looked at small, which is faster."""
    step = max(1.0, sigma / 2)
    small = _reduced(luma, 1 / step) if step > 1 else luma
    fine, coarse = (cv2.GaussianBlur(small, (0, 0), width / step) for width in (sigma, 2 * sigma))
    return float(np.asarray(fine - coarse, np.float32).std())


class _Match:
    """The edges of two pictures, and how alike they are at one offset and another."""

    def __init__(self, first: Plane, second: Plane) -> None:
        self._first, self._second = first, second

    @cached_property
    def best(self) -> Offset:
        """The most likely offset; none for one below `_LEAST`."""
        return max(self._candidates, key=self.at, default=_NOWHERE)

    def at(self, offset: Offset) -> float:
        """The correlation of what both show once the second is moved back, in [-1, 1]."""
        return _correlation(self._first, self._second, offset)

    def is_moved(self, offset: Offset, scale: _Scale) -> bool:
        """Whether moving back really helps: as much as it would with these edges, in this direction alone, and more
        than to mirror the picture."""
        there, here = self.at(offset), self.at(_NOWHERE)
        near = [one for one in self._candidates if one.from_(offset).far <= 1]
        if len(near) < 2:  # of the three ways to look, two have to find it
            return False
        if there < scale.alike or here > there * self._kept(offset, 1, scale.share):
            return False
        back = self.at(Offset(-offset.right, -offset.down))
        if back > there * self._kept(offset, 2, 0.5):
            return False
        turned = (self._second[:, ::-1], self._second[::-1], self._second[::-1, ::-1])
        return all(_correlation(self._first, other, _NOWHERE) < there for other in turned)

    def _kept(self, offset: Offset, times: int, share: float) -> float:
        """The share of its correlation with itself that a picture has after such a shift, or `share` of the way up."""
        twice = Offset(offset.right * times, offset.down * times)
        height, width = self._first.shape
        within = abs(twice.down) <= height // 2 and abs(twice.right) <= width // 2
        alone = _correlation(self._first, self._first, twice) if within else 0.0
        return alone + (1.0 - alone) * (1.0 - share)

    @cached_property
    def _candidates(self) -> tuple[Offset, ...]:
        return tuple(self._found())

    def _found(self) -> Iterator[Offset]:
        height, width = self._first.shape
        hann = np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F), np.float32)
        one, other = (np.fft.rfft2((edges - edges.mean()) * hann) for edges in (self._first, self._second))
        product = other * np.conj(one)
        loudness = np.abs(product) + _TINY
        for power in _WHITENING:
            right, down = _peak(np.fft.irfft2(product / loudness**power, s=(height, width)))
            if abs(right) <= _FARTHEST * width and abs(down) <= _FARTHEST * height:
                moved = max(abs(right), abs(down)) >= _LEAST
                yield Offset(round(right), round(down)) if moved else _NOWHERE


def _peak(surface: NDArray[np.floating]) -> tuple[float, float]:
    """(right, down) of the highest place, between the samples by a parabola; past the middle counts as negative."""
    height, width = surface.shape
    y, x = divmod(int(np.argmax(surface)), width)
    right = x + _vertex(surface[y, x - 1], surface[y, x], surface[y, (x + 1) % width])
    down = y + _vertex(surface[y - 1, x], surface[y, x], surface[(y + 1) % height, x])
    return (right - width if x > width // 2 else right), (down - height if y > height // 2 else down)


def _vertex(before: float, middle: float, after: float) -> float:
    bend = before - 2 * middle + after
    return float(0.5 * (before - after) / bend) if bend else 0.0


def _correlation(first: Plane, second: Plane, offset: Offset) -> float:
    height, width = first.shape
    right, down = offset.right, offset.down
    one = first[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    other = second[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
    if min(one.std(), other.std()) < _TINY:  # nothing there, which would be like anything
        return 0.0
    return float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0])


def _edges(luma: Plane, sigma: float) -> Plane:
    """The gradient's length, its root taken: no few strong edges shall speak for all."""
    soft = cv2.GaussianBlur(luma, (0, 0), sigma)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.sqrt(np.asarray(cv2.magnitude(across, down), np.float32))


def _luma(picture: Rgb) -> Plane:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def _reduced(luma: Plane, scale: float) -> Plane:
    size = (max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale)))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
