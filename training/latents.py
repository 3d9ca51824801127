"""Pictures as latents, computed once and kept on disk by content: what they were made from and by which weights."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.buckets import Shapes
from training.disk_cache import Array, DiskCache, key_of
from training.libraries import torch


def weights_hash(module: Any) -> str:
    """SHA-256 of a module's weights, whatever they are called."""
    digest = hashlib.sha256()
    for tensor in module.state_dict().values():
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Latents:
    """The posterior's modes of pictures: not sampled, and not multiplied by the scaling factor."""

    def __init__(self, vae: Any, shapes: Shapes, cache: DiskCache) -> None:
        self._vae, self._shapes, self._cache = vae, shapes, cache
        self._hash = weights_hash(vae)
        self.factor = 2 ** (len(vae.config.block_out_channels) - 1)

    def of(self, picture: NDArray[np.uint8], *, mirrored: bool = False) -> Array:
        """uint8 (H, W, 3) to float32 (C, h, w), as an edit would see it, or its mirror image."""
        key = key_of("latent", self._hash, self._shapes.size, self._shapes.multiple, mirrored, picture)
        return self._cache.get(key, lambda: self._encoded(picture, mirrored))

    def inside(self, mask: NDArray[np.uint8], *, mirrored: bool = False) -> Array:
        """How much of each place lies in the mask: float32 (1, h, w)."""
        return self._shapes.inside(np.ascontiguousarray(mask[:, ::-1]) if mirrored else mask, self.factor)

    @torch.no_grad()
    def _encoded(self, picture: NDArray[np.uint8], mirrored: bool) -> Array:
        # One picture at a time, so that its bits do not depend on what else is there.
        seen = self._shapes.view(np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture)
        pixels = torch.from_numpy(seen)[None].to(self._vae.device, self._vae.dtype)
        mode: Any = self._vae.encode(pixels).latent_dist.mode()
        return mode[0].float().cpu().numpy()
