"""How the bundled model is trained: one recipe for two CPU cores, one for a GPU. The same code reads both."""

from __future__ import annotations

from dataclasses import dataclass

from training.starter.loop import LoopSettings
from training.starter.model import LARGE, SMALL, Size

SQUARE = (128, 128)
LANDSCAPE, PORTRAIT = (96, 128), (128, 96)
WIDE, TALL = (80, 128), (128, 80)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result. scenes: how many are rendered, at 192 px; shapes: (H, W) of the pairs.

    A shard has `sources` scenes x `each` instructions and is joined by the next one after `steps_each` steps; a step
    draws from the last `keep` shards.
    """

    size: Size
    scenes: int
    autoencoder: LoopSettings
    autoencoder_batch: int
    words_steps: int
    unet: LoopSettings
    unet_batch: int
    shapes: tuple[tuple[int, int], ...] = (SQUARE, LANDSCAPE, SQUARE, PORTRAIT, LANDSCAPE, WIDE, SQUARE, TALL)
    sources: int = 256
    each: int = 6
    steps_each: int = 288
    keep: int = 24
    seed: int = 7
    device: str = "cpu"


RECIPES: dict[str, Recipe] = {
    "cpu": Recipe(
        size=SMALL,
        scenes=6000,
        autoencoder=LoopSettings(steps=6500, lr=1.5e-3, cooldown=0.3, save_every=500),
        autoencoder_batch=8,
        words_steps=1200,
        unet=LoopSettings(steps=11500, lr=7e-4, warmup=300),
        unet_batch=16,
    ),
    "gpu": Recipe(
        size=LARGE,
        scenes=40000,
        autoencoder=LoopSettings(steps=40000, lr=1e-3, save_every=2000),
        autoencoder_batch=64,
        words_steps=3000,
        unet=LoopSettings(steps=150000, lr=4e-4, warmup=1000, ema_decay=0.9998, save_every=2000),
        unet_batch=128,
        sources=1024,
        steps_each=144,
        device="cuda",
    ),
}
