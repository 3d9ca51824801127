"""A Stable Diffusion 1 sized model on 12 GB."""

from __future__ import annotations

from training.recipe import TrainingRecipe

RECIPE = TrainingRecipe(
    name="12gb",
    about="For a full-size model on a graphics card with 12 GB: additions to its weights, in batches of four.",
    rank=32,
    batch=4,
    gradient_checkpointing=True,
)
