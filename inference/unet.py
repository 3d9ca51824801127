"""The network that is asked in every step of an edit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.errors import PackageError
from inference.session import OnnxModel, Tensor
from inference.types import CancelToken

Floats = NDArray[np.float32]


class UNet:
    """Finds the three inputs by name, else by rank; raises `PackageError` where the graph wants anything besides."""

    def __init__(self, model: OnnxModel) -> None:
        self._model = model
        self._sample = self._input("sample", 4)
        self._timestep = self._input("timestep", 0, 1)
        self._text = self._input("encoder_hidden_states", 3)
        known = {self._sample.name, self._timestep.name, self._text.name}
        unknown = [tensor.name for tensor in model.inputs if tensor.name not in known]
        if unknown:
            raise PackageError(
                f"{model.path} also takes {', '.join(unknown)}, so it is a kind of model not known here."
            )

    def predict(self, sample: Floats, timestep: float, text: Floats, cancel: CancelToken | None = None) -> Floats:
        """float32 (N, C, h, w), the noise or v as the package's prediction type says.

        sample: float32 (N, 2 C, h, w), the noisy latent and beside it the image condition.
        timestep: may be fractional, and stays so unless the graph takes whole ones only.
        text: float32 (N, L, D), or (1, L, D) for all.
        Raises `Cancelled` once the running operator is done, and what `OnnxModel.run` raises.
        """
        count = len(sample)
        feeds = {
            self._sample.name: sample,
            self._timestep.name: np.full(self._timestep_shape(count), timestep, np.float64),
            self._text.name: np.broadcast_to(text, (count, *text.shape[1:])),
        }
        return np.asarray(self._model.run(feeds, cancel)[0], np.float32)

    def _timestep_shape(self, count: int) -> tuple[int, ...]:
        """One number of rank 0, or a vector as long as the batch, or as the graph fixes it."""
        shape = self._timestep.shape
        return tuple(side if isinstance(side, int) else count for side in shape)

    def _input(self, name: str, *ranks: int) -> Tensor:
        fitting = [tensor for tensor in self._model.inputs if len(tensor.shape) in ranks]
        named = [tensor for tensor in fitting if tensor.name == name]
        if not fitting:
            raise PackageError(f"{self._model.path} has no input {name!r}, so it is no UNet of a diffusion model.")
        return (named or fitting)[0]
