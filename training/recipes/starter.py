"""The bundled model, on a processor."""

from __future__ import annotations

from training.recipe import TrainingRecipe

RECIPE = TrainingRecipe(
    name="starter",
    about="Teaches the bundled model in minutes, without a graphics card.",
    method="full",
    lr=5e-4,
    batch=8,
    precision="bf16",
    ema_decay=0.99,
    min_snr=0.0,
    first_step_share=0.5,
    replay=0.4,
    keep=True,
    train_text=True,
)
