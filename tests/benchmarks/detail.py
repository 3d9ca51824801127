"""Full-resolution apply against the exact target: the upsampled decode, the residual, local affine maps, and what the
program does.

python tests/benchmarks/detail.py [--long-side 512] [--view 192] [--kinds night blur ...] [--photos 4]

A weak autoencoder stands in for a model's: 4x4 blocks on four principal components, quantised, slightly blurred, fitted
on other pictures. The edit is the exact one at the view's size, through that autoencoder; once as it is, once with a
smooth field and white noise (0.02 each) added as a model's errors. Kinds with chance in them have no exact target and
are left out. PSNR in dB, at most 60.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from inference.detail import full_resolution, plain
from training.starter.instruction import Instruction
from training.starter.kinds import KINDS, Kind, present_colours, target
from training.starter.photos import photo

FloatImage = NDArray[np.float32]
Method = Callable[[NDArray[np.uint8], FloatImage, FloatImage, FloatImage], NDArray[np.uint8]]

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
FITTED_ON = (
    "motorcycle_right.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "retina.jpg",
    "brick.png",
    "grass.png",
    "gravel.png",
)
BLOCK, COMPONENTS, STEP, BLUR = 4, 4, 0.12, 0.6
NOISES = (0.0, 0.02)


class Autoencoder:
    """float32 (h, w, 3) in [0, 1] to the same shape; h and w are multiples of 4."""

    def __init__(self) -> None:
        views = [shrunk(photo(name, 1024), 224) for name in FITTED_ON]
        views = [view[..., order] for view in views for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
        blocks = np.concatenate([_blocks(view) for view in views])
        self._mean = blocks.mean(axis=0)
        _, spread, basis = np.linalg.svd(blocks - self._mean, full_matrices=False)
        self._basis = basis[:COMPONENTS] * (spread[:COMPONENTS] / len(blocks) ** 0.5)[:, None]

    def __call__(self, view: FloatImage) -> FloatImage:
        height, width = view.shape[:2]
        latent = (_blocks(view) - self._mean) @ np.linalg.pinv(self._basis)
        decoded = np.round(latent / STEP) * STEP @ self._basis + self._mean
        grid = decoded.reshape(height // BLOCK, width // BLOCK, BLOCK, BLOCK, 3)
        image = np.ascontiguousarray(grid.transpose(0, 2, 1, 3, 4), np.float32).reshape(height, width, 3)
        return np.clip(cv2.GaussianBlur(image, (0, 0), BLUR), 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Case:
    kind: str
    source: NDArray[np.uint8]
    goal: FloatImage
    view: FloatImage
    before: FloatImage
    after: FloatImage


def _blocks(view: FloatImage) -> FloatImage:
    height, width = view.shape[:2]
    grid = view.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(-1, BLOCK * BLOCK * 3)


def shrunk(pixels: NDArray[np.uint8], long_side: int) -> FloatImage:
    scale = long_side / max(pixels.shape[:2]) / BLOCK
    size = (round(pixels.shape[1] * scale) * BLOCK, round(pixels.shape[0] * scale) * BLOCK)
    view = cv2.resize(pixels.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    return np.clip(view, 0.0, 1.0)  # rounding leaves white a little above 1


def instruction(kind: Kind, picture: FloatImage) -> Instruction:
    if kind.name in ("recolour", "keep_only"):
        colour = (*present_colours(picture), "red")[0]
        other = "blue" if colour == "green" else "green"
        return Instruction(kind.name, colour=colour, to_colour=other if kind.name == "recolour" else "")
    if kind.name == "tint":
        return Instruction(kind.name, colour="green")
    if kind.name == "add_shape":
        return Instruction(kind.name, colour="red", shape="star", place="top left")
    return Instruction(kind.name)


def cases(long_side: int, view_side: int, names: tuple[str, ...], kinds: list[str]) -> Iterator[Case]:
    autoencoder = Autoencoder()
    for name in names:
        source = photo(name, long_side)
        picture, view = source.astype(np.float32) / 255, shrunk(source, view_side)
        before = autoencoder(view)
        print(f"{name}: autoencoder {psnr(before, view):.1f} dB", file=sys.stderr)
        for kind in KINDS:
            if not kind.random and (not kinds or kind.name in kinds):
                told = instruction(kind, picture)
                yield Case(kind.name, source, target(picture, told), view, before, autoencoder(target(view, told)))


def mistaken(after: FloatImage, amount: float, seed: int) -> FloatImage:
    """With a smooth field and white noise of that deviation."""
    random = np.random.default_rng(seed)
    white, field = (random.standard_normal(after.shape).astype(np.float32) for _ in range(2))
    field = cv2.GaussianBlur(field, (0, 0), after.shape[1] / 16)
    return np.clip(after + amount * (white + field / field.std()), 0.0, 1.0).astype(np.float32)


def decoded(source: NDArray[np.uint8], view: FloatImage, before: FloatImage, after: FloatImage) -> NDArray[np.uint8]:
    return np.asarray(plain(source, after), np.uint8)


def residual(source: NDArray[np.uint8], view: FloatImage, before: FloatImage, after: FloatImage) -> NDArray[np.uint8]:
    return _as_pixels(source.astype(np.float32) / 255 + _enlarged(after - before, source))


def affine(source: NDArray[np.uint8], view: FloatImage, before: FloatImage, after: FloatImage) -> NDArray[np.uint8]:
    """The usual guided filter: 17 by 17 windows, ridge 0.001."""
    mean, goal = _box(before), _box(after)
    variance = _box(_products(before, before)) - _products(mean, mean)
    covariance = _box(_products(before, after)) - _products(mean, goal)
    square = (*before.shape[:2], 3, 3)
    matrix = np.linalg.solve(variance.reshape(square) + 1e-3 * np.eye(3), covariance.reshape(square))
    offset = goal - np.einsum("hwi,hwij->hwj", mean, matrix)
    planes = [_enlarged(_box(matrix[..., channel, :]), source) for channel in range(3)]
    pixels = source.astype(np.float32) / 255
    mapped = sum(plane * pixels[..., channel, None] for channel, plane in enumerate(planes))
    return _as_pixels(mapped + _enlarged(_box(offset), source))


def ours(source: NDArray[np.uint8], view: FloatImage, before: FloatImage, after: FloatImage) -> NDArray[np.uint8]:
    return np.asarray(full_resolution(source, view, before, after), np.uint8)


METHODS: dict[str, Method] = {"plain": decoded, "residual": residual, "affine": affine, "ours": ours}


def _products(a: FloatImage, b: FloatImage) -> FloatImage:
    return (a[..., :, None] * b[..., None, :]).reshape(*a.shape[:2], 9)


def _box(image: FloatImage) -> FloatImage:
    planes = [np.ascontiguousarray(image[..., channel], np.float32) for channel in range(image.shape[2])]
    return np.stack([cv2.boxFilter(p, cv2.CV_32F, (17, 17), borderType=cv2.BORDER_REFLECT) for p in planes], axis=2)


def _enlarged(image: FloatImage, source: NDArray[np.uint8]) -> FloatImage:
    return cv2.resize(np.ascontiguousarray(image, np.float32), source.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _as_pixels(image: FloatImage) -> NDArray[np.uint8]:
    return np.round(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8)


def psnr(image: FloatImage, goal: FloatImage) -> float:
    return min(60.0, float(-10 * np.log10(max(np.mean(np.square(image.astype(np.float64) - goal)), 1e-10))))


def scores(case: Case) -> list[list[float]]:
    """One row per noise: the PSNR of each method."""
    seed = sum(map(ord, case.kind))
    rows: list[list[float]] = []
    for amount in NOISES:
        after = mistaken(case.after, amount, seed) if amount else case.after
        made = [method(case.source, case.view, case.before, after) for method in METHODS.values()]
        rows.append([psnr(image.astype(np.float32) / 255, case.goal) for image in made])
    return rows


def timing() -> str:
    source = cv2.resize(photo("coffee.png", 600), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    view = shrunk(source, 192)
    before = Autoencoder()(view)
    after = np.ascontiguousarray((1.0 - before) * np.linspace(1.0, 0.5, view.shape[1], dtype=np.float32)[None, :, None])
    start, busy = time.perf_counter(), time.process_time()
    full_resolution(np.asarray(source, np.uint8), view, before, after)
    return f"12 MP: {time.perf_counter() - start:.2f} s, {time.process_time() - busy:.2f} s of processor time"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long-side", type=int, default=512)
    parser.add_argument("--view", type=int, default=192)
    parser.add_argument("--photos", type=int, default=len(PHOTOS))
    parser.add_argument("--kinds", nargs="*", default=[])
    chosen = parser.parse_args()
    found: dict[str, list[list[list[float]]]] = {}
    for case in cases(chosen.long_side, chosen.view, PHOTOS[: chosen.photos], chosen.kinds):
        found.setdefault(case.kind, []).append(scores(case))
    names = " | ".join(METHODS)
    print(f"| kind | {names} | to the best | noisy: {names} | to the best |")
    print("|---" * (3 + 2 * len(METHODS)) + "|")
    means = {kind: np.mean(rows, axis=0) for kind, rows in found.items()}
    for kind, rows in [*means.items(), ("mean", np.mean(list(means.values()), axis=0))]:
        cells = [[*(f"{value:.1f}" for value in row), f"{row[-1] - max(row[:-1]):+.1f}"] for row in rows]
        print(f"| {kind} | " + " | ".join(" | ".join(row) for row in cells) + " |")
    print("\n" + timing())


if __name__ == "__main__":
    main()
