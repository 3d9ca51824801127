"""A Stable Diffusion 1 sized model on 16 to 24 GB."""

from __future__ import annotations

from training.recipe import TrainingRecipe

RECIPE = TrainingRecipe(
    name="24gb",
    about="For a full-size model on a graphics card with 16 to 24 GB: all weights of its UNet learn.",
    method="full",
    lr=2e-5,
    batch=4,
    gradient_checkpointing=True,
    eight_bit_adam=True,
    ema_on_cpu=True,
)
