"""Laying a colour over pixels, as opaque as a coverage says, or taking opacity away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from editor.core.tiles import Samples

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Paint:
    """colour: straight RGBA, 0..255. opacity in [0, 1]. erase: take opacity away; on a mask, paint 0."""

    colour: tuple[int, int, int, int] = (0, 0, 0, 255)
    opacity: float = 1.0
    erase: bool = False

    def over(self, base: Samples, cover: Samples) -> Samples:
        """base: uint8 (h, w, 4), or (h, w, 1) of a mask, in which the colour's luma is painted. cover: uint8 (h, w).

        A new array like `base`, rounded to nearest; where cover is 0 it is `base`, hidden colours included.
        """
        alpha = 1.0 if self.erase and base.shape[2] == 4 else self._alpha(base)
        strength = cover * np.float32(self.opacity * alpha / 255)
        if base.shape[2] == 1:
            return _mixed(base[..., 0], self._luma, strength)[..., np.newaxis]
        if self.erase:
            result = base.copy()
            result[..., 3] = _mixed(base[..., 3], 0.0, strength)
            return result
        return self._laid(base, strength)

    def _alpha(self, base: Samples) -> float:
        return 1.0 if self.erase and base.shape[2] == 1 else self.colour[3] / 255

    @property
    def _luma(self) -> float:
        red, green, blue = self.colour[:3]
        return 0.0 if self.erase else 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def _laid(self, base: Samples, strength: Floats) -> Samples:
        result = np.empty_like(base)
        own, share = base[..., 3], strength
        if bool((own == 255).all()):
            result[..., 3] = 255
        else:
            below = own.astype(np.float32) * np.float32(1 / 255) * (np.float32(1) - strength)
            alpha = strength + below
            share = np.divide(strength, np.maximum(alpha, np.float32(1e-9)), dtype=np.float32)
            result[..., 3] = _rounded(alpha * np.float32(255))
        for channel, value in enumerate(self.colour[:3]):
            result[..., channel] = _mixed(base[..., channel], value, share)
        return result


def _mixed(base: Samples, value: float, share: Floats) -> Samples:
    """One channel, (h, w): on the way from `base` to `value` as far as `share`. In place: it is felt while painting."""
    start = base.astype(np.float32)
    way = np.float32(value) - start
    way *= share
    way += start
    return _rounded(way)


def _rounded(values: Floats) -> Samples:
    return (values + np.float32(0.5)).astype(np.uint8)
