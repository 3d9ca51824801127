"""What is open and what is at hand: all that actions work on, without Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from editor.actions.files import Files
from editor.actions.ports import Clipboard, Dialogs, Models, Pairs, Screen
from editor.core.changes import Change, Replace
from editor.core.document import Document, find
from editor.core.errors import PalimpsestError
from editor.core.history import History, default_budget
from editor.core.observe import Observed
from editor.core.settings import Settings
from editor.edits.background import Background, Job
from editor.edits.generate import Generation
from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession
from editor.edits.values import Kind, Message, VariantItem
from editor.tools.settings import ToolSettings

SMALL = 1 << 20
"""Pixels of a page on which every change is done at once, without being noticed."""


@dataclass(eq=False)
class Task:
    """Work that takes a while. fraction in [0, 1]. writes: it puts a file on the disk, which leaving waits for.
    cancelled: what to clear away when nobody wants it any more."""

    title: str
    writes: bool = False
    fraction: float = 0.0
    job: Job | None = None
    cancelled: Callable[[], object] = lambda: None


@dataclass(frozen=True, eq=False)
class Ports:
    """What the window gives the desk."""

    dialogs: Dialogs
    clipboard: Clipboard
    screen: Screen
    background: Background
    models: Models
    pairs: Pairs


class Desk(Observed):
    """documents: in the order of their tabs. current: the one shown. tool: the id of the tool in hand.

    selected: ids of the layers selected in the panel. tasks: what is going on in the background. message: what is said
    while no document is open; with one open, its own edit session says it. first_instruction: for the next document
    that opens. discarded: the variants last discarded, and the document they can be brought back to.
    """

    def __init__(
        self,
        ports: Ports,
        settings: Settings,
        session: Callable[[], EditSession],
        generation: Callable[[OpenDocument], Generation],
    ) -> None:
        """session: makes the dials of a new document. generation: makes what runs its edits."""
        super().__init__()
        self.ports = ports
        self.new_session = session
        self.files = Files(self)
        self.models = ports.models
        self.settings: Settings = settings
        self.tools = ToolSettings()
        self.documents: tuple[OpenDocument, ...] = ()
        self.current: OpenDocument | None = None
        self.tool: str = "move"
        self.selected: tuple[str, ...] = ()
        self.tasks: tuple[Task, ...] = ()
        self.message: Message | None = None
        self.first_instruction: str = ""
        self.discarded: tuple[OpenDocument, tuple[VariantItem, ...]] | None = None
        self._new_generation = generation
        self._generations: dict[int, Generation] = {}

    @property
    def document(self) -> Document | None:
        """The current document as it is now."""
        return self.current.document if self.current is not None else None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that a layer action means: those selected in the panel, or the active one."""
        document = self.document
        if document is None or document.active_layer is None:
            return ()
        selected = tuple(id for id in self.selected if find(document, id) is not None)
        return selected if document.active in selected else (document.active,)

    @property
    def generation(self) -> Generation | None:
        """The edits of the current document."""
        return self._generations[id(self.current)] if self.current is not None else None

    def new_history(self, document: Document, label: str = "Open") -> History:
        """With the memory that the settings give it."""
        return History(document, label, default_budget(self.settings.history_share))

    def add(self, opened: OpenDocument) -> None:
        """Open a tab and show it."""
        self._generations[id(opened)] = self._new_generation(opened)
        self.documents = (*self.documents, opened)
        if self.first_instruction:
            opened.edit.instruction, self.first_instruction = self.first_instruction, ""
        if self.current is None and self.message is not None:  # still to be read
            opened.edit.message, self.message = self.message, None
        self.show(opened)

    def show(self, opened: OpenDocument | None) -> None:
        """Bring a tab to the front."""
        self.selected = ()
        self.current = opened

    def remove(self, opened: OpenDocument) -> None:
        """Close a tab for good; what is not saved is gone."""
        at = self.documents.index(opened)
        others = tuple(other for other in self.documents if other is not opened)
        if self.current is opened:
            self.show(others[min(at, len(others) - 1)] if others else None)
        self.documents = others
        self._generations.pop(id(opened)).close()
        self.files.forget(opened)
        if self.discarded is not None and self.discarded[0] is opened:
            self.discarded = None
        opened.close()

    def do(self, change: Change) -> bool:
        """One step of the current document; where it is refused the reason is shown. True once it was done."""
        return self.current is not None and self._do(self.current, change)

    def _do(self, opened: OpenDocument, change: Change) -> bool:
        try:
            opened.do(change)
        except PalimpsestError as error:
            self.say(str(error), "warning")
            return False
        return True

    def do_aside(self, change: Change, done: Callable[[], object] = lambda: None) -> None:
        """As `do`, for changes that may draw the whole picture: a large one off the thread of the window.

        Where the document has moved on meanwhile, the change begins again on what it is now. done: after it was done.
        """
        if self.current is not None:
            self._do_aside(self.current, change, done)

    def _do_aside(self, opened: OpenDocument, change: Change, done: Callable[[], object]) -> None:
        document = opened.document
        if document.width * document.height <= SMALL:
            if self._do(opened, change):
                done()
            return
        task = self.begin(change.label)

        def succeeded(result: Document) -> None:
            self.end(task)
            if opened not in self.documents:
                return
            if opened.document is not document:
                self._do_aside(opened, change, done)
            elif self._do(opened, Replace(result, change.label)):
                done()

        def failed(error: Exception) -> None:
            self.end(task)
            if not isinstance(error, PalimpsestError):
                raise error  # a fault of the program: it goes where such faults are shown
            self.say(str(error), "warning")

        task.job = self.ports.background.run(lambda progress: change.apply(document), succeeded, failed)

    def say(self, text: str, kind: Kind = "info", *buttons: tuple[str, str]) -> None:
        """One sentence above the instruction bar. buttons: (title, action id)."""
        message = Message(text, kind, buttons)
        if self.current is not None:
            self.current.edit.message = message
        else:
            self.message = message

    def begin(self, title: str, writes: bool = False) -> Task:
        """Show that something is going on."""
        task = Task(title, writes)
        self.tasks = (*self.tasks, task)
        return task

    def advance(self, task: Task, fraction: float) -> None:
        task.fraction = fraction
        self.changed.emit("tasks")

    def cancel(self, task: Task) -> None:
        """Nobody wants it any more."""
        if task.job is not None:
            task.job.cancel()
        self.end(task)
        task.cancelled()
        self.say(f"{task.title} was cancelled.")

    def end(self, task: Task) -> None:
        self.tasks = tuple(other for other in self.tasks if other is not task)

    def close(self) -> None:
        """End every edit that still runs."""
        for generation in self._generations.values():
            generation.close()
