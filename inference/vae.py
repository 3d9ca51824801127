"""Pictures to latents and back, with the package's own scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.errors import PackageError
from inference.network import Network
from inference.package import ModelPackage
from inference.tiling import Axis, axis, tiled
from inference.types import CancelToken

Floats = NDArray[np.float32]


# Of a tile's side: 128 pixels of 512, over which one tile gives way to the next.
_OVERLAP = 0.25


class Vae:
    """The autoencoder of a package: C latent channels, `factor` pixels per latent pixel and side.

    tile: side in pixels, a multiple of `factor`, of the overlapping tiles in which pictures are computed that are
    larger; None for whole pictures. Tiles take less memory. Each has statistics of its own in the networks' norms, so
    that the result differs a little from that of the whole picture, in tone and not at the seams.
    """

    def __init__(self, encoder: Network, decoder: Network, package: ModelPackage, tile: int | None = None) -> None:
        self._encoder, self._decoder = encoder, decoder
        self._channels, self._factor = package.latent_channels, package.factor
        self._scale, self._shift = package.scaling_factor, package.shift_factor
        self._tile = None if tile is None else max(2, tile // package.factor)

    def encode(self, image: Floats, cancel: CancelToken | None = None) -> Floats:
        """float32 (N, 3, H, W) in [-1, 1] to the mode of the posterior, float32 (N, C, H / factor, W / factor).

        It is not multiplied by the scaling factor: so InstructPix2Pix takes its image condition.
        Raises `PackageError` where the graph gives something else, and what `Network.run` raises; `Cancelled` also
        between tiles.
        """
        rows, columns = (self._axis(side // self._factor) for side in image.shape[2:])
        return tiled(lambda part: self._encode(part, cancel), image, rows, columns, self._factor, 1)

    def decode(self, latent: Floats, cancel: CancelToken | None = None) -> Floats:
        """A latent as the UNet knows it, float32 (N, C, h, w), to float32 (N, 3, h factor, w factor), about [-1, 1].

        The scaling factor and the shift are taken out here. Raises as `encode`.
        """
        unscaled = np.asarray(latent, np.float32) / np.float32(self._scale) + np.float32(self._shift)
        rows, columns = (self._axis(side) for side in latent.shape[2:])
        return tiled(lambda part: self._decode(part, cancel), unscaled, rows, columns, 1, self._factor)

    def _axis(self, length: int) -> Axis:
        tile = length if self._tile is None else self._tile
        return axis(length, tile, max(1, round(tile * _OVERLAP)))

    def _encode(self, image: Floats, cancel: CancelToken | None) -> Floats:
        output = self._encoder.run({self._encoder.inputs[0].name: image}, cancel)[0]
        # Exporters give the mode itself, or mean and log variance one after the other.
        mode = output[:, : self._channels] if output.shape[1] == 2 * self._channels else output
        self._check(
            self._encoder, mode, (len(image), self._channels, *(side // self._factor for side in image.shape[2:]))
        )
        return np.ascontiguousarray(mode, np.float32)

    def _decode(self, latent: Floats, cancel: CancelToken | None) -> Floats:
        image = self._decoder.run({self._decoder.inputs[0].name: latent}, cancel)[0]
        self._check(self._decoder, image, (len(latent), 3, *(side * self._factor for side in latent.shape[2:])))
        return np.ascontiguousarray(image, np.float32)

    def _check(self, model: Network, output: NDArray[np.generic], shape: tuple[int, ...]) -> None:
        if output.shape != shape:
            raise PackageError(
                f"{model.path} answers with the shape {output.shape} where its config.json lets expect {shape}, "
                "so the package does not fit together; get it again."
            )
