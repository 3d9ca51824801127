"""The one loss: mean squared error of what the model predicts, noise or velocity, as its scheduler says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inference.schedule import Schedule
from training.libraries import torch

if TYPE_CHECKING:
    from torch import Tensor

LEAST_SNR = 0.005
"""The least signal to noise that weights reckon with, about where Stable Diffusion's own schedule ends: a schedule that
ends in pure noise would give its last step no weight at all, and that is where an edit begins."""


class Noising:
    """Noise levels of training. `x = alpha * clean + sigma * noise`; v = alpha * noise - sigma * clean (2202.00512)."""

    def __init__(self, scheduler_config: Mapping[str, object], device: Any = "cpu") -> None:
        """scheduler_config: as in scheduler_config.json. Raises `inference.errors.PackageError`."""
        schedule = Schedule.from_config(scheduler_config)
        self.steps = schedule.length
        self.velocity = schedule.prediction_type == "v_prediction"
        cumprod = torch.from_numpy(schedule.alphas_cumprod)
        self._alpha: Tensor = cumprod.sqrt().float().to(device)
        self._sigma: Tensor = (1 - cumprod).sqrt().float().to(device)

    def levels(self, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma at int64 (N,) timesteps, float32 (N, 1, 1, 1)."""
        return self._alpha[timestep].view(-1, 1, 1, 1), self._sigma[timestep].view(-1, 1, 1, 1)

    def noisy(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        alpha, sigma = self.levels(timestep)
        return alpha * clean + sigma * noise

    def wanted(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """What the model should answer."""
        if not self.velocity:
            return noise
        alpha, sigma = self.levels(timestep)
        return alpha * noise - sigma * clean

    def weights(self, timestep: Tensor, gamma: float) -> Tensor:
        """Min-SNR weights (arXiv 2303.09556), float32 (N,): min(snr, gamma) / snr for noise, / (snr + 1) for velocity.

        gamma 0 weighs all alike. Finite and above 0, also where a schedule ends without any signal.
        """
        alpha, sigma = (level.view(-1).double() for level in self.levels(timestep))
        if not gamma:
            return torch.ones_like(alpha).float()
        snr = ((alpha / sigma) ** 2).clamp(min=LEAST_SNR)
        return (snr.clamp(max=gamma) / (snr + 1 if self.velocity else snr)).float()


def weighted_loss(predicted: Tensor, wanted: Tensor, weights: Tensor, inside: Tensor | None = None) -> Tensor:
    """The mean over samples of weights (N,) x each one's mean squared error, a scalar in float32.

    predicted, wanted: (N, C, h, w). inside: (N, 1, h, w), how much each place counts beside the others of its sample;
    a sample with a small mask counts as much as one without.
    """
    square: Any = (predicted.float() - wanted.float()).square()
    if inside is None:
        each: Any = square.mean(dim=(1, 2, 3))
    else:
        each = (square.mean(dim=1, keepdim=True) * inside).sum(dim=(1, 2, 3)) / inside.sum(dim=(1, 2, 3))
    return (each * weights).mean()
