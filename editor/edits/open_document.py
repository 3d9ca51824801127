"""One tab: a document with its history, its file and its edits."""

from __future__ import annotations

from pathlib import Path

from editor.core.changes.change import Change
from editor.core.document import Document
from editor.core.history import History
from editor.core.observe import Observed
from editor.edits.session import EditSession


class OpenDocument(Observed):
    """path: None until it was saved or opened. saved_step: the id of the step that lies in the file, -1 for none.

    notes: sentences on what its file did not give. `changed` also emits "document" and "modified" when the history
    moves. title: the name without a star.
    """

    def __init__(
        self,
        history: History,
        path: Path | None = None,
        title: str = "",
        edit: EditSession | None = None,
        notes: tuple[str, ...] = (),
        *,
        saved: bool = True,
    ) -> None:
        """saved: the document as it is now lies in a file, or is new and empty, so that closing it loses nothing."""
        super().__init__()
        self.history = history
        self.path: Path | None = path
        self.title: str = title or (path.name if path is not None else "Untitled")
        self.saved_step: int = history.current.id if saved else -1
        self.edit: EditSession = edit if edit is not None else EditSession()
        self.notes: tuple[str, ...] = notes
        self.format: str = ""
        self.variants_modified: bool = False
        self._disconnect = history.changed.connect(self._moved)

    @property
    def document(self) -> Document:
        return self.history.document

    @property
    def modified(self) -> bool:
        return self.history.current.id != self.saved_step or self.variants_modified

    def do(self, change: Change) -> Document:
        """Raises ChangeRefused."""
        return self.history.do(change)

    def saved_at(self, step: int, path: Path, format: str = "") -> None:
        """The step of that id lies in `path` now; where the history has moved on, the document stays modified."""
        self.path, self.title = path, path.name
        self.format = format or self.format
        self.variants_modified = False
        self.saved_step = step
        self.changed.emit("modified")

    def close(self) -> None:
        """End the history and let go of it."""
        self._disconnect()
        self.history.close()

    def _moved(self, before: Document, after: Document) -> None:
        self.changed.emit("document")
        self.changed.emit("modified")
