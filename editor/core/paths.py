"""Where the program keeps what is its own: the user's models, its log, and what ships with it."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

import resources

HOME_VARIABLE = "PALIMPSEST_HOME"


def user_folder() -> Path:
    """The user's data folder; the environment variable PALIMPSEST_HOME names another."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home).expanduser() if home else platformdirs.user_data_path("palimpsest", appauthor=False)


def user_models() -> Path:
    """The models that the user added."""
    return user_folder() / "models"


def user_downloads() -> Path:
    """What is being fetched for models, until they are installed."""
    return user_folder() / "downloads"


def user_pairs() -> Path:
    """The store of the user's pairs for training."""
    return user_folder() / "pairs"


def user_runs() -> Path:
    """One folder for each training."""
    return user_folder() / "runs"


def bundled_models() -> Path:
    """The models that ship with the program, in a checkout and in an installed wheel."""
    return Path(resources.__file__).resolve().parent / "models"


def log_file() -> Path:
    """Where unexpected errors are written down."""
    return user_folder() / "palimpsest.log"


def sample_photo() -> Path:
    """The photo that ships with the program."""
    return Path(resources.__file__).resolve().parent / "samples" / "photo.jpg"
