"""The models that commands can name."""

from __future__ import annotations

from editor.core import paths
from inference.store import ModelStore


def library() -> ModelStore:
    """The user's models and those that ship with the program."""
    return ModelStore(paths.user_models(), paths.bundled_models())
