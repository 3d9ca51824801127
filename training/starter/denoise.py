"""Trains the 8-channel UNet and its text encoder: one loss, the mean squared error of the predicted velocity.

The right answer is a function of picture and instruction, so most is decided at the first step, from pure noise: a
fixed share of each batch sits there, the rest is spread evenly over the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.libraries import torch
from training.starter.grammar import sample_phrase
from training.starter.instruction import Instruction
from training.starter.loop import Loop, LoopSettings
from training.starter.model import scheduler
from training.starter.pairs import Shard
from training.starter.shards import ShardRing
from training.starter.words import token_ids

if TYPE_CHECKING:
    from torch import Tensor

FIRST_STEP_SHARE = 0.5
"""Share of samples at the last timestep, where the input is pure noise."""
DROP = 0.05
"""u of the method: 5 % without text, 5 % without picture, 5 % without both."""


@dataclass(frozen=True, eq=False)
class Batch:
    """source: unscaled modes (N, 4, h, w); clean: scaled target latents; phrases: one a sample, "" where dropped."""

    source: Tensor
    clean: Tensor
    noise: Tensor
    timestep: Tensor
    phrases: tuple[str, ...]

    def to(self, device: str) -> Batch:
        source, clean, noise, timestep = (x.to(device) for x in (self.source, self.clean, self.noise, self.timestep))
        return Batch(source, clean, noise, timestep, self.phrases)


def conditioning(draws: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which samples lose their text and which their picture: text where r < 2u, picture where u <= r < 3u."""
    return draws < 2 * DROP, (draws >= DROP) & (draws < 3 * DROP)


def make_batch(shard: Shard, rng: np.random.Generator, count: int, scaling_factor: float) -> Batch:
    """`count` samples of one shard; everything random comes from `rng`."""
    picks = rng.integers(len(shard.instructions), size=count)
    no_text, no_image = conditioning(rng.random(count))
    source = shard.sources[shard.source_of[picks]].float()
    source[torch.from_numpy(no_image)] = 0.0
    clean = shard.targets[picks].float() * scaling_factor
    noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32))
    times = np.where(rng.random(count) < FIRST_STEP_SHARE, 999, rng.integers(1000, size=count))
    phrases = _phrases(rng, [shard.instructions[int(i)] for i in picks], no_text)
    return Batch(source, clean, noise, torch.from_numpy(times), phrases)


def _phrases(
    rng: np.random.Generator, instructions: Sequence[Instruction], dropped: NDArray[np.bool_]
) -> tuple[str, ...]:
    drawn = [sample_phrase(rng, one) for one in instructions]
    return tuple("" if drop else phrase for phrase, drop in zip(drawn, dropped, strict=True))


def velocity_loss(unet: Any, hidden: Tensor, batch: Batch, alphas: Tensor) -> Tensor:
    """hidden: (N, L, D) text embedding; alphas: cumulative products (1000,). The loss of the method, for velocity."""
    alpha = alphas[batch.timestep].sqrt().view(-1, 1, 1, 1)
    sigma = (1 - alphas[batch.timestep]).sqrt().view(-1, 1, 1, 1)
    noisy = alpha * batch.clean + sigma * batch.noise
    velocity = alpha * batch.noise - sigma * batch.clean
    predicted = unet(torch.cat([noisy, batch.source], 1), batch.timestep, hidden).sample
    return torch.nn.functional.mse_loss(predicted.float(), velocity)


def train_unet(
    folder: Path,
    parts: tuple[Any, Any, Any, Any],
    shards: ShardRing,
    settings: LoopSettings,
    *,
    seed: int,
    batch: int,
    device: str = "cpu",
) -> Loop:
    """Trains UNet and text encoder in place, resuming what `folder` holds; the loop returned has the average."""
    vae, unet, text, tokenizer = parts
    alphas = scheduler().alphas_cumprod.to(device)
    loop = Loop({"unet": unet, "text": text}, folder, settings)
    scaling = float(vae.config.scaling_factor)

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng((seed, 1, step))
        drawn = make_batch(shards.at(step, rng), rng, batch, scaling).to(device)
        hidden = text(token_ids(tokenizer, drawn.phrases).to(device)).last_hidden_state
        with torch.autocast(device.split(":")[0], torch.bfloat16):
            return velocity_loss(unet, hidden, drawn, alphas)

    loop.run(loss)
    return loop
