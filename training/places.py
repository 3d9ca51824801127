"""Where the program keeps what is the user's own, for commands that are not told so. Without PyTorch."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

import resources
from inference.package import ModelPackage
from inference.store import ModelStore

HOME_VARIABLE = "PALIMPSEST_HOME"
"""The environment variable that names another folder, as in the editor."""


def user_folder() -> Path:
    """The user's data folder."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home).expanduser() if home else platformdirs.user_data_path("palimpsest", appauthor=False)


def pairs_folder() -> Path:
    """The store of the user's pairs."""
    return user_folder() / "pairs"


def runs_folder() -> Path:
    """One folder for each training."""
    return user_folder() / "runs"


def model_store() -> ModelStore:
    """The models at hand: the bundled ones and the user's."""
    return ModelStore(user_folder() / "models", Path(resources.__file__).resolve().parent / "models")


def find_package(name_or_folder: str) -> ModelPackage:
    """The installed model of that name, else the package in that folder; the default one for "".

    Raises `inference.errors.PackageError`.
    """
    store = model_store()
    return store.find(name_or_folder) if name_or_folder else store.default()
