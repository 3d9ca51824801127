"""What learns, as one module with one call, so that ranks keep in step by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from training.libraries import torch

if TYPE_CHECKING:
    from torch import Tensor


class Network(torch.nn.Module):
    """The UNet, and in front of it the text encoder where that learns too."""

    def __init__(self, modules: Mapping[str, Any]) -> None:
        """modules: "unet", and "text_encoder" where texts come as ids."""
        torch.nn.Module.__init__(self)
        self.unet = modules["unet"]
        self.text_encoder = modules.get("text_encoder")

    def forward(self, noisy: Tensor, source: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        """noisy, source: (N, C, h, w); text: embeddings (N, L, D), or int64 ids (N, L). The prediction (N, C, h, w)."""
        return self.unet(torch.cat([noisy, source], 1), timestep, encoder_hidden_states=self.hidden(text)).sample

    def hidden(self, text: Tensor) -> Tensor:
        """What the UNet reads: embeddings as they are, ids through the encoder; float (N, L, D)."""
        return text if text.is_floating_point() or self.text_encoder is None else self.text_encoder(text)[0]
