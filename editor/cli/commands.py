"""The first words that belong to the command line. Kept apart, so that deciding imports nothing else."""

from __future__ import annotations

# What `python -m training` does under the same name.
TRAINING_COMMANDS = ("train", "evaluate", "generate")

COMMANDS = ("edit", "convert", "flatten", "info", "replay", "models", "doctor", *TRAINING_COMMANDS)
