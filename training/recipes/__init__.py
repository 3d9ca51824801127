"""The recipes, one file each, from the least to the most that they ask of a machine. Without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from training.recipe import TrainingRecipe
from training.recipes.eight import RECIPE as EIGHT
from training.recipes.starter import RECIPE as STARTER
from training.recipes.twelve import RECIPE as TWELVE
from training.recipes.twentyfour import RECIPE as TWENTYFOUR

RECIPES: Mapping[str, TrainingRecipe] = MappingProxyType(
    {recipe.name: recipe for recipe in (STARTER, EIGHT, TWELVE, TWENTYFOUR)}
)
