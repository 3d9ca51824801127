"""A Stable Diffusion 1 sized model on 8 GB."""

from __future__ import annotations

from training.recipe import TrainingRecipe

RECIPE = TrainingRecipe(
    name="8gb",
    about="For a full-size model on a graphics card with 8 GB: small additions to its weights, slowly and sparingly.",
    rank=16,
    batch=1,
    accumulation=4,
    precision="fp16",
    gradient_checkpointing=True,
    eight_bit_adam=True,
    ema_on_cpu=True,
)
