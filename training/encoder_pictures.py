"""How a picture becomes what an encoder takes: resized, cut and normalised as its settings say. No PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.pairs.pair import Rgb

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BICUBIC = 3
_WAYS = {2: "bilinear", 3: "bicubic", 1: "lanczos", 0: "nearest"}


@dataclass(frozen=True)
class Preparation:
    """short: the short side is brought to it, in pixels, or 0 where the picture is squashed instead. crop: the square
    that is cut out of the middle, or that the picture is squashed to. way: Pillow's number of the resampling."""

    short: int
    crop: int
    way: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __str__(self) -> str:
        way = _WAYS.get(self.way, str(self.way))
        if not self.short:
            return f"squashed to {self.crop} x {self.crop} px ({way})"
        return f"short side to {self.short} px ({way}), the middle {self.crop} x {self.crop} px"


def preparation(settings: Mapping[str, Any], size: int, clip: bool) -> Preparation:
    """From an encoder's preprocessor_config.json; what it leaves open is as its authors have it.

    size: what the encoder itself takes, in pixels. clip: CLIP's habits, else those of DINO, whose short side is 256 for
    224.
    """
    mean, std = (CLIP_MEAN, CLIP_STD) if clip else (IMAGENET_MEAN, IMAGENET_STD)
    mean, std = tuple(settings.get("image_mean", mean)), tuple(settings.get("image_std", std))
    way, wanted = int(settings.get("resample", _BICUBIC)), settings.get("size")
    cuts = bool(settings.get("do_center_crop", "crop_size" in settings or not settings))
    crop = _side(settings.get("crop_size"), size)
    if not cuts:
        return Preparation(0, _side(wanted, size), way, mean, std)
    short = _side(wanted, size if clip else round(size * 256 / 224))
    return Preparation(short, crop, way, mean, std)


def prepared(picture: Rgb, how: Preparation) -> NDArray[np.float32]:
    """float32 (3, crop, crop), normalised."""
    image = Image.fromarray(picture)
    way = Image.Resampling(how.way)
    if not how.short:
        image = image.resize((how.crop, how.crop), way)
    else:
        short, long = min(image.size), max(image.size)
        far = int(how.short * long / short)
        image = image.resize((how.short, far) if image.width <= image.height else (far, how.short), way)
        left, top = (image.width - how.crop) // 2, (image.height - how.crop) // 2
        image = image.crop((left, top, left + how.crop, top + how.crop))
    values = np.asarray(image, np.float32) / 255
    normal = (values - np.asarray(how.mean, np.float32)) / np.asarray(how.std, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1), np.float32)


def _side(value: object, default: int) -> int:
    """Of 224, {"shortest_edge": 224} or {"height": 224, "width": 224}."""
    if isinstance(value, Mapping):
        sides = cast("Mapping[str, Any]", value)
        value = sides.get("shortest_edge", sides.get("height"))
    return int(value) if isinstance(value, int | float) else default
