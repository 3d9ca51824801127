"""Keeps the chatter of the export libraries off the terminal: tracing warns of every shape that it reads."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast


@contextmanager
def quiet() -> Generator[None]:
    """No Python warnings, no log records below errors and no progress bars inside the block."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cast("Any", import_module("diffusers.utils.logging")).disable_progress_bar()
            yield
    finally:
        logging.disable(before)
