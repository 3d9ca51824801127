"""The first words that belong to the command line. Kept apart, so that deciding imports nothing else."""

from __future__ import annotations

# What `python -m training` does under the same name, in the order of the work, and what the help says of it.
TRAINING_COMMANDS = {
    "pairs": "Collect pairs to train on: list, add, edit, remove, export.",
    "train": "Teach a model what pairs show, or go on with a training.",
    "package": "Make a model package of what a training has learnt.",
    "report": "Compare a training's model with the one that it came from.",
    "evaluate": "Judge a model on pairs.",
    "generate": "",  # not made yet: it says so,
}

COMMANDS = ("edit", "convert", "flatten", "info", "replay", "models", "doctor", *TRAINING_COMMANDS)
