"""Laying a colour over pixels, as opaque as a coverage says, or taking opacity away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from editor.core.tiles import Samples


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
        strength = cover[..., np.newaxis] * np.float32(self.opacity * alpha / 255)
        if base.shape[2] == 1:
            return _rounded(base + (np.float32(self._luma) - base) * strength)
        if self.erase:
            return np.concatenate([base[..., :3], _rounded(base[..., 3:] * (1 - strength))], axis=2)
        return self._laid(base, strength)

    def _alpha(self, base: Samples) -> float:
        return 1.0 if self.erase and base.shape[2] == 1 else self.colour[3] / 255

    @property
    def _luma(self) -> float:
        red, green, blue = self.colour[:3]
        return 0.0 if self.erase else 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def _laid(self, base: Samples, strength: NDArray[np.floating]) -> Samples:
        colour = np.array(self.colour[:3], np.float32)
        result = np.empty_like(base)
        own = base[..., 3:]
        if bool((own == 255).all()):
            result[..., :3] = _rounded(base[..., :3] + (colour - base[..., :3]) * strength)
            result[..., 3] = 255
            return result
        below = own * np.float32(1 / 255) * (1 - strength)
        alpha = strength + below
        share = strength / np.maximum(alpha, np.float32(1e-9))
        result[..., :3] = _rounded(base[..., :3] + (colour - base[..., :3]) * share)
        result[..., 3:] = _rounded(alpha * 255)
        return result


def _rounded(values: NDArray[np.floating]) -> Samples:
    return (values + np.float32(0.5)).astype(np.uint8)
