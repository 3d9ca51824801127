"""The errors of the exporter. `str(error)` is one sentence that may be shown to a user as it is.

ExportError
+-- ExportSourceError    the model to export is missing, damaged, a pickle, or of a kind that cannot be edited with
+-- ExportTargetError    the package cannot be written where it was asked for
+-- ExportCancelled      the user stopped the work
"""

from __future__ import annotations


class ExportError(Exception):
    """Base of everything that the exporter raises on purpose."""


class ExportSourceError(ExportError):
    """The source cannot be exported; the sentence says why and what to do."""


class ExportTargetError(ExportError):
    """The target cannot be written."""


class ExportCancelled(ExportError):
    """The export was stopped by its `CancelToken`; nothing was written."""

    def __init__(self) -> None:
        super().__init__("The export was cancelled.")
