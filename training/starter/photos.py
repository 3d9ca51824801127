"""The photographs that scikit-image's wheel holds: none of them was ever trained on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "hubble_deep_field.jpg")


def photo(name: str, long_side: int) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB, `long_side` pixels long. Raises FileNotFoundError for an unknown name."""
    path = Path(skimage.__file__).parent / "data" / name
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(path)
    return resized(np.asarray(pixels[..., ::-1], np.uint8), long_side)


def resized(pixels: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
    """The picture with its long side brought to `long_side`."""
    scale = long_side / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)
