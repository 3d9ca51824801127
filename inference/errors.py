"""The errors of the engine. `str(error)` is one sentence that may be shown to a user as it is.

EngineError
+-- Cancelled            the user stopped the work
+-- PackageError         a model package is missing, incomplete, damaged or refused
+-- ProviderError        no execution provider could be used, or an unknown one was asked for
+-- RequestError         a request asks for something that this model or sampler cannot do
+-- EngineMemoryError    there is not enough memory for the request
+-- EngineDied           the engine's process ended while it was working
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of everything that the engine raises on purpose."""


class Cancelled(EngineError):
    """The work was stopped by its `CancelToken`."""

    def __init__(self) -> None:
        super().__init__("The edit was cancelled.")


class PackageError(EngineError):
    """A model package cannot be used; the sentence names the file and the reason."""


class ProviderError(EngineError):
    """An execution provider is unknown or does not work on this machine."""


class RequestError(EngineError):
    """A request that this model or sampler cannot carry out."""


class EngineMemoryError(EngineError):
    """There is not enough memory for this request."""


class EngineDied(EngineError):
    """The engine's process ended before it answered."""
