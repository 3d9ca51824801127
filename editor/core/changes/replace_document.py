"""A whole document that was made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from editor.core.document import Document


@dataclass(frozen=True, eq=False)
class Replace:
    """Puts `document` in place of the present one: for work done in the background (flattening, a kept variant)."""

    document: Document
    label: str
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        return self.document
