"""One touch of a round brush."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from editor.core.tiles import Samples


@dataclass(frozen=True)
class Dab:
    """A dab is drawn at the nearest eighth of a pixel (a large one, where nobody sees it, at the nearest half or whole
    one), so that a stroke needs few different ones.

    size: diameter in pixels. hardness in [0, 1]: the part of the radius that is fully covered. antialias: False
    gives whole pixels only."""

    size: float
    hardness: float
    antialias: bool = True

    def at(self, x: float, y: float) -> tuple[int, int, int, int]:
        """Its first pixel, and where within its middle pixel (x, y) lies, in `places`: (left, top, across, down)."""
        if not self.antialias:
            x, y = self._snapped(x), self._snapped(y)
        places, reach = self.places, self.reach
        across, down = math.floor(x * places + 0.5), math.floor(y * places + 0.5)
        return across // places - reach, down // places - reach, across % places, down % places

    @property
    def places(self) -> int:
        """Into how many a pixel is parted each way."""
        return 8 if self.size < 64 else 4 if self.size < 256 else 2 if self.size < 512 else 1

    @property
    def reach(self) -> int:
        """Pixels to each side of the middle one."""
        return math.ceil(self.size / 2 + 0.5)

    def pixels(self, across: int, down: int) -> Samples:
        """uint8 (2 * reach + 1, 2 * reach + 1), 255 fully covered."""
        reach, radius = self.reach, self.size / 2
        centres = np.arange(-reach, reach + 1, dtype=np.float32) + np.float32(0.5)
        x, y = centres - np.float32(across / self.places), centres - np.float32(down / self.places)
        distance = np.add.outer(y * y, x * x)
        cv2.sqrt(distance, distance)
        if not self.antialias:
            return np.where(distance <= max(radius, 0.5), 255, 0).astype(np.uint8)
        ramp = radius * (1 - self.hardness) + 1
        part = cv2.addWeighted(distance, -1 / ramp, distance, 0, (radius + 0.5) / ramp, dst=distance)
        np.clip(part, 0, 1, out=part)
        if self.hardness < 1:  # a hard edge is the share of the pixel that is covered; a soft one ends without a crease
            part *= part * (3 - 2 * part)
        return cv2.convertScaleAbs(part, alpha=255).astype(np.uint8, copy=False)

    def _snapped(self, value: float) -> float:
        return math.floor(value) + 0.5 if round(self.size) % 2 else math.floor(value + 0.5)
