"""The optimizer, its learning rate as a function of the step, and its state as tensors and numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from importlib import import_module, util
from typing import TYPE_CHECKING, Any

from training.libraries import torch
from training.recipe import TrainingRecipe

if TYPE_CHECKING:
    from torch import Tensor


BETAS = (0.9, 0.99)
"""Of AdamW. A training has a few hundred steps: a second moment of 0.999 would remember more than all of them."""


def make_optimizer(parameters: Iterable[Any], recipe: TrainingRecipe, device: str) -> tuple[Any, str]:
    """AdamW (arXiv 1711.05101), and a note for the user where it is not the one that the recipe asks for."""
    note = ""
    values: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.weight_decay, "betas": BETAS}
    if recipe.eight_bit_adam:
        if device == "cuda" and util.find_spec("bitsandbytes"):
            return import_module("bitsandbytes").optim.AdamW8bit(list(parameters), **values), note
        why = "bitsandbytes is not installed" if device == "cuda" else "bitsandbytes needs a graphics card"
        note = f"The optimizer keeps 32 bits in place of 8, which takes more memory: {why}."
    return torch.optim.AdamW(list(parameters), fused=device in ("cpu", "cuda"), **values), note


def rate_at(step: int, steps: int, recipe: TrainingRecipe) -> float:
    """The learning rate of step `step` (from 0) of `steps`: up in a line, then down half a cosine to nearly 0."""
    warm = max(1, round(recipe.warmup * steps))
    if step < warm:
        return recipe.lr * (step + 1) / warm
    return recipe.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def optimizer_state(optimizer: Any) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Tensors and plain numbers by "parameter number.name"."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, float] = {}
    state: Mapping[int, Mapping[str, Any]] = optimizer.state_dict()["state"]
    for index, entry in state.items():
        for name, value in entry.items():
            (tensors if isinstance(value, torch.Tensor) else numbers)[f"{index}.{name}"] = value
    return tensors, numbers


def restore_optimizer(optimizer: Any, tensors: Mapping[str, Tensor], numbers: Mapping[str, float]) -> None:
    """Puts back what `optimizer_state` took; the parameters have to be the same ones in the same order."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in (*tensors.items(), *numbers.items()):
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
