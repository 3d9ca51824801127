"""The errors of the editor. `str(error)` is one sentence that may be shown to a user as it is.

PalimpsestError          exit code 1
+-- UsageError           2: the command or a setting asks for something that does not exist
+-- InputUnreadable      3: a file is missing, damaged, too large, or of a kind that is not read
+-- OutputNotWritable    5: a file cannot be written where or as it was asked for
+-- ChangeRefused        2: the document does not allow a change; it is as it was
+-- Cancelled            130: the user stopped it
"""

from __future__ import annotations

from typing import ClassVar


class PalimpsestError(Exception):
    """Base of everything that the editor raises on purpose; `exit_code` is what a command ends with."""

    exit_code: ClassVar[int] = 1


class UsageError(PalimpsestError):
    """A name, suffix or value that the program does not know; the sentence lists the known ones."""

    exit_code = 2


class InputUnreadable(PalimpsestError):
    """A file cannot be opened; the sentence names the file and the reason."""

    exit_code = 3


class OutputNotWritable(PalimpsestError):
    """A file cannot be written; nothing was left behind, and an older file of that name is untouched."""

    exit_code = 5


class ChangeRefused(PalimpsestError):
    """The document does not allow a change (a locked layer, an empty selection); the sentence says what would help."""

    exit_code = 2


class Cancelled(PalimpsestError):
    """The user stopped the work; nothing was changed."""

    exit_code = 130
