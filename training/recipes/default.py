"""Which recipe suits a model on this machine. Without PyTorch."""

from __future__ import annotations

from inference.device_memory import cuda_memory
from training.base_facts import BaseFacts
from training.recipe import TrainingRecipe
from training.recipes import RECIPES

SMALL = 100_000_000
"""A UNet of fewer numbers is trained in full, on a processor."""
_GIGABYTES = ((15, "24gb"), (11, "12gb"), (0, "8gb"))


def default_recipe(base: BaseFacts) -> TrainingRecipe:
    """The starter's for small models, else by the memory of the graphics card; without one the most sparing."""
    if 0 < base.parameters < SMALL:
        return RECIPES["starter"]
    card = cuda_memory()
    total = card.total / 1e9 if card else 0
    return RECIPES[next(name for least, name in _GIGABYTES if total >= least)]
