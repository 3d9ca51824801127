"""Trains the bundled model's autoencoder on scenes alone: mean squared error and a small pull towards unit latents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from training.starter.loop import Loop, LoopSettings
from training.starter.model import Size, autoencoder
from training.starter.pool import Scenes, scene_pool

KL_WEIGHT = 1e-6
"""Weight of the KL term, summed over the latent and divided by the number of pixel values."""


def train_autoencoder(folder: Path, size: Size, settings: LoopSettings, *, seed: int, scenes: int, batch: int) -> Path:
    """Returns the diffusers folder of the averaged autoencoder, `folder/vae`, whose mode has unit spread."""
    torch.manual_seed(seed)
    pool = scene_pool(folder.parent / "pool", seed=seed, count=scenes, size=192)
    vae = quiet(autoencoder(size))
    loop = Loop({"vae": vae}, folder, settings)

    def loss(step: int) -> torch.Tensor:
        crops = random_crops(pool, np.random.default_rng((seed, step)), batch, 64)
        with torch.autocast("cpu", torch.bfloat16):
            return _reconstruct(vae, to_model(crops))

    loop.run(loss)
    with loop.averaged():
        vae.register_to_config(scaling_factor=1 / latent_spread(vae, pool[:: max(1, scenes // 64)]))
        vae.save_pretrained(folder / "vae")
    return folder / "vae"


@torch.no_grad()
def quiet(vae: AutoencoderKL) -> AutoencoderKL:
    """Starts with a posterior of small variance: under unit noise a young encoder says nothing and stays silent."""
    vae.quant_conv.bias[vae.config.latent_channels :] = -6.0  # pyright: ignore
    return vae


def _reconstruct(vae: AutoencoderKL, images: torch.Tensor) -> torch.Tensor:
    moments = vae.quant_conv(vae.encoder(images)).float()  # pyright: ignore
    mean, logvar = moments.chunk(2, dim=1)
    logvar = logvar.clamp(-30.0, 10.0)
    latent = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
    decoded = vae.decoder(vae.post_quant_conv(latent)).float()  # pyright: ignore
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum() / images.numel()
    return torch.nn.functional.mse_loss(decoded, images) + KL_WEIGHT * kl


def random_crops(pool: Scenes, rng: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    """uint8 (count, size, size, 3): crops anywhere, mirrored and turned at random."""
    limit = pool.shape[1] - size + 1
    picks = zip(rng.integers(len(pool), size=count), rng.integers(limit, size=(count, 2)), strict=True)
    crops = [pool[i, y : y + size, x : x + size] for i, (y, x) in picks]
    return np.stack([np.rot90(c[:, :: rng.choice((1, -1))], rng.integers(4)) for c in crops])


def to_model(images: NDArray[np.uint8]) -> torch.Tensor:
    """uint8 (N, H, W, 3) to float32 (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(images.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2).contiguous()


@torch.no_grad()
def latent_spread(vae: AutoencoderKL, images: Scenes) -> float:
    """Standard deviation of the posterior's mode over `images` uint8 (N, H, W, 3)."""
    modes = [vae.encode(to_model(images[i : i + 8])).latent_dist.mode() for i in range(0, len(images), 8)]  # pyright: ignore
    return float(torch.cat(modes).std())
