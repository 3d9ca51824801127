"""A pool of rendered scenes on disk, so that drawing them does not compete with learning from them."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from training.starter.scenes import scene_at

Scenes = NDArray[np.uint8]


def scene_pool(folder: Path, *, seed: int, count: int, size: int, workers: int = 2) -> Scenes:
    """uint8 (count, size, size, 3), memory-mapped; rendered on the first call, read back on later ones."""
    path = folder / f"scenes-{seed}-{count}-{size}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".part")
        _render_all(aside, seed, count, size, workers)
        aside.replace(path)
    return np.load(path, mmap_mode="r")


def _render_all(path: Path, seed: int, count: int, size: int, workers: int) -> None:
    pool: Any = cast("Any", np.lib.format).open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, size, size, 3))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as processes:
        for index, scene in enumerate(processes.map(partial(_render, seed, size), range(count), chunksize=16)):
            pool[index] = scene
    pool.flush()


def _render(seed: int, size: int, index: int) -> Scenes:
    cv2.setNumThreads(1)
    return scene_at(seed, index, size)
