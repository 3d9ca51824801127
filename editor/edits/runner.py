"""Who runs edits: what the window hands to the edits, so that these need neither the engine nor Qt."""

from __future__ import annotations

from typing import Protocol

from editor.core.observe import Observed
from inference.types import EditRequest, Event


class EngineStatus(Observed):
    """state: "" before the first edit, "starting", "ready", "busy", "died", or "resting" while it has given its memory
    back. model: the package that is loaded, or was.

    provider: what it runs on ("cpu", "cuda"), "" until it is known. reasons: (provider, why not) of those passed over.
    Changes are told on the thread of the window.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state: str = ""
        self.model: str = ""
        self.provider: str = ""
        self.reasons: tuple[tuple[str, str], ...] = ()


class EditListener(Protocol):
    """Called on the thread of the window; after `on_done` or `on_error` comes nothing more."""

    def on_event(self, event: Event) -> None: ...

    def on_done(self) -> None: ...

    def on_error(self, text: str, kind: str) -> None:
        """text: a sentence for the user. kind: the error's class in `inference.errors` ("Cancelled", "EngineDied")."""
        ...


class EditHandle(Protocol):
    def cancel(self) -> None:
        """Stop within one call of the model; `on_error` with "Cancelled" follows, unless it was done already."""
        ...


class EditRunner(Protocol):
    def start(self, package_name: str, request: EditRequest, listener: EditListener) -> EditHandle:
        """Begin an edit, after those already begun. Never raises: what goes wrong comes to the listener."""
        ...

    def status(self) -> EngineStatus:
        """Always the same object."""
        ...

    def prewarm(self, package_name: str) -> None:
        """Start the engine and load the model while nothing else is to do; what goes wrong shows in the status."""
        ...

    def close(self) -> None: ...
