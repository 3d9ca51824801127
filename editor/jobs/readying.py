"""A new model is loaded once in a process of its own, for what the engine keeps of that for later."""

from __future__ import annotations

from pathlib import Path

from inference.client import EngineClient
from inference.types import CancelToken


class Readying:
    """To be called with a model's folder, as `MakeReady`. provider: its name, or "auto"."""

    def __init__(self, provider: str = "auto") -> None:
        self._provider = provider

    def __call__(self, folder: Path, cancel: CancelToken) -> None:
        """Raises `EngineError`."""
        client = EngineClient(folder, self._provider)
        try:
            client.make_ready(cancel)
        finally:
            client.close()
