"""Another selection."""

from __future__ import annotations

from dataclasses import dataclass, replace

from editor.core.document import Document
from editor.core.tiles import TileMap


@dataclass(frozen=True, eq=False)
class SetSelection:
    """selection: one channel in document coordinates; None selects everything."""

    selection: TileMap | None
    label: str = "Select"
    merge_key: str = ""

    def apply(self, document: Document) -> Document:
        if self.selection is document.selection:
            return document
        return replace(document, selection=self.selection)
