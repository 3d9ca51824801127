"""One tab: its canvas, and in its place the grid that compares variants."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from editor.core.changes import Change
from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.errors import PalimpsestError
from editor.core.tiles import Samples
from editor.edits.apply import shown
from editor.edits.compare import difference, heat_map
from editor.edits.open_document import OpenDocument
from editor.edits.values import VariantItem, model_labels, short_name
from editor.tools.settings import ToolSettings
from editor.ui.canvas.canvas import Canvas
from editor.ui.canvas.compare import Cell, CompareGrid
from editor.ui.canvas.viewport import Viewport

REPAINT = ("variants", "chosen", "compare", "split", "grid", "difference")


class DocumentView(QWidget):
    """Shows the document, or a variant laid over the very source it was made from; the document stays as it is."""

    refused = Signal(str)

    def __init__(
        self,
        opened: OpenDocument,
        settings: ToolSettings,
        do: Callable[[Change], object],
        trigger: Callable[..., object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.opened = opened
        self._trigger = trigger
        self._laid: dict[str, tuple[Document, VariantItem, Document]] = {}
        self._cells: tuple[object, ...] = ()
        self.canvas = Canvas(self)
        self.canvas.settings = settings
        self.grid = CompareGrid(self)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.canvas)
        self._stack.addWidget(self.grid)
        self.canvas.change_made.connect(do)
        self.canvas.refused.connect(self.refused)
        self.canvas.split_moved.connect(self._split_moved)
        self._connect_grid()
        ends = [
            opened.on("document", self.refresh),
            opened.edit.changed.connect(lambda name: self.refresh() if name in REPAINT else None),
        ]
        self.destroyed.connect(lambda: [end() for end in ends])
        self.refresh()

    @property
    def viewport(self) -> Viewport:
        """What is seen of the two: zooming and the keyboard are meant for it."""
        return self.grid if self._stack.currentWidget() is self.grid else self.canvas

    def refresh(self) -> None:
        """Show what the session says is to be seen."""
        session = self.opened.edit
        ids = {variant.id for variant in session.variants}
        self._laid = {id: known for id, known in self._laid.items() if id in ids}
        item = session.shown
        laid = self._lay(item) if item is not None else None
        document = self.opened.document
        self.canvas.show_document(document if laid is None else laid)
        mode = session.compare if session.compare in ("before", "split") and laid is not None else ""
        other = self._other_side(item) if mode == "split" and item is not None else None
        if item is not None and other is not None:
            self.canvas.set_compare("split", other[1], session.split, _sides(other[0], item))
        else:
            self.canvas.set_compare(mode, document if mode else None, session.split)
        self._show_grid(session.compare == "grid")

    def _other_side(self, item: VariantItem) -> tuple[VariantItem, Document] | None:
        """The second chosen variant, which a split compares with the shown one; None where only one is chosen."""
        others = [other for other in self.opened.edit.picked if other is not item]
        laid = self._lay(others[0]) if others else None
        return None if laid is None else (others[0], laid)

    def _lay(self, item: VariantItem) -> Document | None:
        """The document with the variant in place; None where it does not fit into the document any more."""
        document, known = self.opened.document, self._laid.get(item.id)
        if known is not None and known[0] is document and known[1] is item:
            return known[2]
        try:
            laid = shown(document, item)
        except PalimpsestError as error:
            self.refused.emit(str(error))
            return None
        self._laid[item.id] = document, item, laid
        return laid

    def _show_grid(self, wanted: bool) -> None:
        items = self._compared() if wanted else ()
        entering = bool(items) and self.viewport is self.canvas
        if not items:
            self._leave_grid()
            return
        if entering:
            self._stack.setCurrentWidget(self.grid)
            self.grid.setFocus()
        self._fill_grid(items)
        if entering:
            self.grid.fit()

    def _leave_grid(self) -> None:
        self._cells = ()
        if self.viewport is self.grid:
            focused = self.grid.hasFocus()
            self._stack.setCurrentWidget(self.canvas)
            self.grid.show_cells([])
            if focused:
                self.canvas.setFocus()

    def _compared(self) -> tuple[VariantItem, ...]:
        """As many finished variants as the grid shows: those around the one shown in place, else the latest; with all
        that are chosen, where these fit."""
        session = self.opened.edit
        done = session.done
        at = next((place for place, item in enumerate(done) if item is session.shown), len(done) - 1)
        start = min(at // session.grid * session.grid, max(0, len(done) - session.grid))
        chosen = [place for place, item in enumerate(done) if item.id in session.chosen] or [start]
        if chosen[-1] - chosen[0] < session.grid:
            start = max(min(start, chosen[0]), chosen[-1] + 1 - session.grid)
        return done[start : start + session.grid]

    def _fill_grid(self, items: tuple[VariantItem, ...]) -> None:
        session = self.opened.edit
        cells = tuple((item, self._lay(item) or self.opened.document) for item in items)
        chosen = next((place for place, item in enumerate(items) if item.id in session.chosen[:1]), -1)
        named = bool(model_labels(session.variants))
        state = (*cells, session.difference, named)
        if state == self._cells:
            self.grid.choose(chosen)
            return
        self._cells = state
        self.grid.show_cells([Cell(document, _caption(item, named)) for item, document in cells], chosen)
        maps = [self._map(item, document) for item, document in cells]
        self.grid.set_difference(maps if session.difference else None)

    def _map(self, item: VariantItem, laid: Document) -> Callable[[], Samples]:
        """What changed, as a picture, made on another thread; every map has the same scale."""
        before = self.opened.document
        return lambda: heat_map(difference(composite(before, before.rect), composite(laid, laid.rect)))

    def _connect_grid(self) -> None:
        self.grid.chosen.connect(self._choose)
        self.grid.activated.connect(self._open_one)
        self.grid.left.connect(lambda: self._trigger("compare.leave"))

    def _choose(self, place: int) -> None:
        items = self._compared()
        if place < len(items):
            self.opened.edit.choose(items[place].id)

    def _open_one(self, place: int) -> None:
        self._choose(place)
        self._trigger("compare.leave")

    def event(self, event: QEvent) -> bool:
        """D belongs to the grid while it is shown, whatever it does elsewhere."""
        if event.type() == QEvent.Type.ShortcutOverride and self._is_difference(cast(QKeyEvent, event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """D shows what changed, while the grid is shown."""
        if self._is_difference(event):
            self._trigger("compare.difference")
        else:
            super().keyPressEvent(event)

    def _is_difference(self, event: QKeyEvent) -> bool:
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        return plain and event.key() == Qt.Key.Key_D and self.viewport is self.grid

    def _split_moved(self, split: float) -> None:
        self.opened.edit.split = split


def _caption(item: VariantItem, named: bool) -> str:
    """named: say which model made it."""
    model = f", {short_name(item.settings.model)}" if named else ""
    return f"seed {item.seed}{model}, {item.changed_fraction:.0%} changed"


def _sides(left: VariantItem, right: VariantItem) -> tuple[str, str]:
    """What tells two variants apart."""
    if left.settings.model != right.settings.model:
        return short_name(left.settings.model), short_name(right.settings.model)
    return f"seed {left.seed}", f"seed {right.seed}"
