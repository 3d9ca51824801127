"""The errors of fetching. `str(error)` is one sentence that may be shown to a user as it is.

FetchError               exit code 4: the host, the network or what was sent
+-- FetchUsageError      2: the source is not one that can be fetched
+-- FetchTargetError     5: the disk is full or cannot be written
"""

from __future__ import annotations

from typing import ClassVar


class FetchError(Exception):
    """Base of everything that fetching raises on purpose; `exit_code` is what the command ends with."""

    exit_code: ClassVar[int] = 4


class FetchUsageError(FetchError):
    """The words given name nothing that can be fetched."""

    exit_code = 2


class FetchTargetError(FetchError):
    """Where the files should go, they cannot."""

    exit_code = 5
