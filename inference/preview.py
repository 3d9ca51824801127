"""Cheap pictures of an unfinished edit: a linear map from latent to colour, fitted from the package's own decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.noise import normal

Floats = NDArray[np.float32]

# Patches of constant latent: inside one, the decoder shows the colour that this latent stands for.
_PATCHES, _PATCH = 4, 4


@dataclass(frozen=True, eq=False)
class LatentToRgb:
    """matrix: float32 (C + 1, 3), from a scaled latent and a constant 1 to RGB in [-1, 1]."""

    matrix: Floats

    @classmethod
    def fit(cls, pairs: Iterable[tuple[Floats, Floats]]) -> LatentToRgb:
        """Least squares over pairs of scaled latent (1, C, h, w) and decoded picture (1, 3, H, W) in [-1, 1].

        A slight pull towards grey keeps the map small where the latents leave it open (a picture of one colour).
        """
        rows, colours = zip(*(_samples(latent, image) for latent, image in pairs), strict=True)
        x, y = np.concatenate(rows), np.concatenate(colours)
        pull = 1e-3 * len(x) * np.eye(x.shape[1])
        return cls(np.linalg.solve(x.T @ x + pull, x.T @ y).astype(np.float32))

    def image(self, latent: Floats) -> Floats:
        """A scaled latent (1, C, h, w) as float32 (1, 3, h, w) in [-1, 1]."""
        colours = np.clip(_design(latent) @ self.matrix, -1.0, 1.0)
        return np.ascontiguousarray(colours.T.reshape(1, 3, *latent.shape[2:]), np.float32)


def probe(
    decode: Callable[[Floats], Floats], channels: int, size: tuple[int, int] = (_PATCHES * _PATCH, _PATCHES * _PATCH)
) -> tuple[Floats, Floats]:
    """A pair for `LatentToRgb.fit` from a few latents of any kind: all colours, whatever the picture at hand has.

    size: (h, w) of the latent.
    """
    rows, columns = (-(-side // _PATCH) for side in size)
    patches = normal(0, 0, (1, channels, rows, columns))
    large = patches.repeat(_PATCH, axis=2).repeat(_PATCH, axis=3)[:, :, : size[0], : size[1]]
    latent = np.ascontiguousarray(large, np.float32)
    return latent, decode(latent)


def _samples(latent: Floats, image: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    height, width = latent.shape[2:]
    picture = np.ascontiguousarray(image[0].transpose(1, 2, 0))
    small = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.float64)
    return _design(latent).astype(np.float64), small.reshape(-1, 3)


def _design(latent: Floats) -> Floats:
    channels = latent.shape[1]
    flat = latent[0].reshape(channels, -1).T
    return np.concatenate([flat, np.ones((len(flat), 1), np.float32)], axis=1)
