"""The models: which there are, adding another one, and training one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from editor.actions.action import Action
from editor.actions.desk import Desk

WEIGHTS = (".safetensors", ".ckpt")


def is_model(path: Path) -> bool:
    """True for what is dropped to be a model and not a picture: a folder, or a file of weights."""
    return path.suffix.lower() in WEIGHTS or path.is_dir()


def sorted_out(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """(models, pictures)"""
    models = [path for path in paths if is_model(path)]
    return models, [path for path in paths if path not in models]


def show(desk: Desk) -> None:
    desk.ports.dialogs.show("models")


def train(desk: Desk) -> None:
    """Pairs to train on, trainings, and their results."""
    desk.ports.dialogs.show("training")


def add(desk: Desk, *sources: Path) -> None:
    """See what models are at these places, and offer to add them."""
    desk.ports.dialogs.show("models", *sources)


ACTIONS: tuple[Action, ...] = (
    Action("model.show", "Models...", show, (), "Model", 4, icon="sparkle"),
    Action("model.train", "Training...", train, (), "Model", 4),
    Action("model.add", "Add a model", add, palette=False),
)
