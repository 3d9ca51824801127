"""Small pairs for tests; without pytest, for processes that tests start."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.pairs.pair import Grey, RawPair, Rgb
from training.pairs.store import PairStore


def picture(seed: int, side: int = 64) -> Rgb:
    """Soft blobs: like no other seed's, and unlike any copy of itself that lies elsewhere."""
    noise = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def negative(source: Rgb) -> Rgb:
    return (255 - source).astype(np.uint8)


def raw(seed: int, instruction: str = "make it a negative", mask: Grey | None = None) -> RawPair:
    source = picture(seed)
    return RawPair(instruction, source, negative(source), mask, origin={"kind": "test"})


def half_mask() -> Grey:
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    return mask


def files(store: PairStore) -> set[str]:
    """The hashes of the pictures that are there."""
    return {path.stem for path in (store.folder / "pictures").rglob("*.png")}


def everything(store: PairStore) -> list[Path]:
    """All files below the pictures' folder."""
    return [path for path in (store.folder / "pictures").rglob("*") if path.is_file()]
