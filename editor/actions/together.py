"""Several changes as one step."""

from __future__ import annotations

from dataclasses import dataclass

from editor.core.changes.change import Change
from editor.core.document import Document


@dataclass(frozen=True)
class Together:
    """All of `changes`, one after the other, or none where one is refused."""

    changes: tuple[Change, ...]
    label: str
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        """Raises ChangeRefused as the first change that does."""
        for change in self.changes:
            document = change.apply(document)
        return document
