"""Low-rank additions that learn while the model's own weights rest (Hu et al., arXiv 2106.09685), by peft.

W x + B A x with A (rank, in) drawn and B (out, rank) zero at the start, so that the model begins as it was. The factor
alpha / rank is 1: the rank says how much can be learned, not how fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from training.libraries import torch
from training.train_errors import TrainError

TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out")
"""Layers of a UNet by the end of their names: attention, feed-forward, and the projections around them."""
DOWN, UP = ".lora_A.weight", ".lora_B.weight"

_ADAPTER = "default"


def add_lora(unet: Any, rank: int, seed: int) -> dict[str, Any]:
    """Adds a LoRA to the layers of `TARGETS` in `unet`, in place; its parameters, float32, by name, sorted.

    A layer's two are named LAYER.lora_A.weight and LAYER.lora_B.weight. All of A comes from `seed` alone.
    Raises `TrainError` where the UNet has none of these layers, or the rank is no positive number.
    """
    peft = cast("Any", import_module("peft"))
    if rank < 1:
        raise TrainError(f"A LoRA cannot have the rank {rank}: choose 1 or more.")
    config = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=list(TARGETS), init_lora_weights="gaussian")
    try:
        peft.inject_adapter_in_model(config, unet, _ADAPTER)
    except ValueError as error:
        raise TrainError("This model's UNet has no attention to train a LoRA in: train it in full.") from error
    for parameter in unet.parameters():
        parameter.requires_grad_(False)
    found = {name.replace(f".{_ADAPTER}.", "."): p for name, p in unet.named_parameters() if f".{_ADAPTER}." in name}
    found = dict(sorted(found.items()))
    _start(found, rank, seed)
    return found


def _start(parameters: dict[str, Any], rank: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in parameters.items():
        parameter.data = torch.zeros(parameter.shape, device=parameter.device)
        if name.endswith(DOWN):
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) / rank)
        parameter.requires_grad_(True)
