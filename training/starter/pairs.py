"""Training pairs as latents: shards of (source, target, instruction), each determined by (seed, shard number)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.libraries import torch
from training.starter.autoencoder import to_model
from training.starter.grammar import sample_instruction
from training.starter.instruction import Instruction
from training.starter.kinds import present_colours, target
from training.starter.pool import Scenes

if TYPE_CHECKING:
    from torch import Tensor

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Shard:
    """`sources[source_of[i]]` edited by `instructions[i]` gives `targets[i]`: unscaled modes (N, 4, h, w)."""

    sources: Tensor
    targets: Tensor
    source_of: NDArray[np.int64]
    instructions: tuple[Instruction, ...]


def make_shard(
    vae: Any, pool: Scenes, *, seed: int, number: int, sources: int, each: int, shape: tuple[int, int]
) -> Shard:
    """`sources` scenes of `shape` (H, W), each with `each` instructions."""
    rng = np.random.default_rng((seed, number))
    images = [random_view(pool, rng, shape) for _ in range(sources)]
    instructions: list[Instruction] = []
    edited: list[Bytes] = []
    for image in images:
        pixels = np.asarray(image / np.float32(255), np.float32)
        colours = present_colours(pixels)
        drawn = [sample_instruction(rng, colours) for _ in range(each)]
        instructions += drawn
        edited += [np.round(target(pixels, one) * 255).astype(np.uint8) for one in drawn]
    source_of = np.repeat(np.arange(sources), each)
    return Shard(encode(vae, np.stack(images)), encode(vae, np.stack(edited)), source_of, tuple(instructions))


def random_view(pool: Scenes, rng: np.random.Generator, shape: tuple[int, int]) -> Bytes:
    """A crop of a random scene brought to `shape`, mirrored half the time, now and then recoloured or toned."""
    height, width = shape
    scene: Bytes = pool[int(rng.integers(len(pool)))]
    scale = rng.uniform(0.6, 1.0) * scene.shape[0] / max(shape)
    h, w = int(height * scale), int(width * scale)
    side = len(scene)  # scenes are square
    y, x = (int(rng.integers(side - length + 1)) for length in (h, w))
    cut: Bytes = scene[y : y + h, x : x + w]
    view = np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    view = view[:, :: int(rng.choice((1, -1)))]
    if rng.random() < 0.15:
        view = view[..., rng.permutation(3)]
    if rng.random() < 0.3:
        view = _toned(view, rng.uniform(0.6, 1.6, 3) if rng.random() < 0.5 else rng.uniform(0.6, 1.7))
    return np.ascontiguousarray(view)


def _toned(view: Bytes, gamma: float | NDArray[np.float64]) -> Bytes:
    return np.round(255 * (view / 255.0) ** gamma).astype(np.uint8)


@torch.no_grad()
def encode(vae: Any, images: Bytes, batch: int = 32) -> Tensor:
    """uint8 (N, H, W, 3) to the unscaled posterior mode, float32 (N, 4, H / 4, W / 4)."""
    modes: list[Tensor] = []
    for start in range(0, len(images), batch):
        with torch.autocast("cpu", torch.bfloat16):
            moments = vae.encode(to_model(images[start : start + batch])).latent_dist
        modes.append(moments.mode().float())
    return torch.cat(modes)
