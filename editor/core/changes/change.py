"""What a change is: a named function from one document to the next."""

from __future__ import annotations

from typing import Protocol

from editor.core.document import Document


class Change(Protocol):
    """label: what the history panel calls it ("Brush stroke", "Opacity of Sky"). merge_key: a change whose key is not
    "" and equals that of the step before it replaces that step, so that one drag of a slider is one step.

    Undo needs nothing from a change: the history keeps the document before it, which shares all untouched tiles.
    """

    @property
    def label(self) -> str: ...

    @property
    def merge_key(self) -> str: ...

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused where the document does not allow it (a locked layer, nothing selected)."""
        ...
