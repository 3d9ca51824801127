"""Trains the bundled model's autoencoder on scenes alone: mean squared error and a small pull towards unit latents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.libraries import torch
from training.starter.loop import Loop, LoopSettings
from training.starter.model import Size, autoencoder
from training.starter.pool import Scenes

if TYPE_CHECKING:
    from torch import Tensor

KL_WEIGHT = 1e-6
"""Weight of the KL term, summed over the latent and divided by the number of pixel values."""


def train_autoencoder(
    folder: Path, size: Size, settings: LoopSettings, pool: Scenes, *, seed: int, batch: int, device: str = "cpu"
) -> Path:
    """Returns the diffusers folder of the averaged autoencoder, its scaling factor set for unit spread."""
    torch.manual_seed(seed)
    vae = quiet(autoencoder(size)).to(device)
    loop = Loop({"vae": vae}, folder, settings)

    def loss(step: int) -> Tensor:
        crops = random_crops(pool, np.random.default_rng((seed, step)), batch, 64)
        with torch.autocast(device.split(":")[0], torch.bfloat16):
            return _reconstruct(vae, to_model(crops).to(device))

    loop.run(loss)
    with loop.averaged():
        vae.register_to_config(scaling_factor=1 / latent_spread(vae.to("cpu"), pool[:: max(1, len(pool) // 64)]))
        vae.save_pretrained(folder / "vae")
    return folder / "vae"


@torch.no_grad()
def quiet(vae: Any) -> Any:
    """Starts with a posterior of small variance: under unit noise a young encoder says nothing and stays silent."""
    vae.quant_conv.bias[vae.config.latent_channels :] = -6.0
    return vae


def _reconstruct(vae: Any, images: Tensor) -> Tensor:
    moments = vae.quant_conv(vae.encoder(images)).float()
    mean, logvar = moments.chunk(2, dim=1)
    logvar = logvar.clamp(-30.0, 10.0)
    latent = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
    decoded = vae.decoder(vae.post_quant_conv(latent)).float()
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum() / images.numel()
    return torch.nn.functional.mse_loss(decoded, images) + KL_WEIGHT * kl


def random_crops(pool: Scenes, rng: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    """uint8 (count, size, size, 3): crops anywhere, mirrored and turned at random."""
    limit = pool.shape[1] - size + 1
    picks = zip(rng.integers(len(pool), size=count), rng.integers(limit, size=(count, 2)), strict=True)
    crops = [pool[i, y : y + size, x : x + size] for i, (y, x) in picks]
    return np.stack([np.rot90(c[:, :: int(rng.choice((1, -1)))], int(rng.integers(4))) for c in crops])


def to_model(images: NDArray[np.uint8]) -> Tensor:
    """uint8 (N, H, W, 3) to float32 (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(images.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2).contiguous()


@torch.no_grad()
def latent_spread(vae: Any, images: Scenes) -> float:
    """Standard deviation of the posterior's mode over `images` uint8 (N, H, W, 3)."""
    modes = [vae.encode(to_model(images[i : i + 8])).latent_dist.mode() for i in range(0, len(images), 8)]
    return float(torch.cat(modes).std())
