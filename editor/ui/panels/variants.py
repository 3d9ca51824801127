"""The strip of variants above the instruction bar; there only while there are any."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QScrollArea, QVBoxLayout, QWidget

from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession
from editor.ui import theme
from editor.ui.panels.variant_card import HEIGHT, VariantCard
from editor.ui.widgets.icon_button import IconButton
from editor.ui.widgets.labels import line, secondary

Trigger = Callable[..., object]

MENU = (
    ("Keep as a layer", "variant.keep"),
    ("Keep all chosen", "variant.keep_chosen"),
    ("", ""),
    ("Again with a new seed", "variant.again"),
    ("Again, a little stronger", "variant.nudge"),
    ("Use its settings", "variant.copy_settings"),
    ("", ""),
    ("Discard", "variant.discard"),
    ("Discard all", "variant.discard_all"),
)


class VariantStrip(QWidget):
    """trigger: runs the action of an id."""

    def __init__(self, trigger: Trigger, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trigger = trigger
        self._session: EditSession | None = None
        self._disconnect: Callable[[], None] = lambda: None
        self._cards: dict[str, VariantCard] = {}
        theme.set_role(self, "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Variants")
        self._row = QHBoxLayout()
        self._lay_out()
        self.destroyed.connect(lambda: self._disconnect())
        self.show_document(None)

    def show_document(self, opened: OpenDocument | None) -> None:
        """Show the variants of another tab."""
        self._disconnect()
        self._session = opened.edit if opened is not None else None
        if self._session is not None:
            self._disconnect = self._session.changed.connect(self._noticed)
        self._refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows and digits choose, Enter keeps, Shift+Enter keeps all chosen, Delete discards."""
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._trigger("variant.next" if key == Qt.Key.Key_Right else "variant.previous")
        elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            self._choose_at(key - Qt.Key.Key_1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._trigger("variant.keep_chosen" if shift else "variant.keep")
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._trigger("variant.discard")
        else:
            super().keyPressEvent(event)

    @property
    def cards(self) -> tuple[VariantCard, ...]:
        """In the order of the strip."""
        session = self._session
        return tuple(self._cards[item.id] for item in session.variants) if session is not None else ()

    def _noticed(self, name: str) -> None:
        if name in ("variants", "chosen", "compare", "variant_budget"):
            self._refresh()

    def _refresh(self) -> None:
        session = self._session
        items = session.variants if session is not None else ()
        self.setVisible(bool(items))
        for id in [id for id in self._cards if id not in {item.id for item in items}]:
            card = self._cards.pop(id)
            self._row.removeWidget(card)
            card.deleteLater()
        if session is not None:
            for place, item in enumerate(items):
                card = self._cards.get(item.id) or self._new_card(item.id, place)
                shown = bool(session.chosen) and session.chosen[0] == item.id
                card.show_item(item, chosen=item.id in session.chosen, shown=shown)
            self._show_buttons(session)

    def _show_buttons(self, session: EditSession) -> None:
        has = bool(session.picked)
        for button in (self.before, self.split, self.keep):
            button.setEnabled(has)
        self.grid.setEnabled(bool(session.done))
        for mode, button in (("before", self.before), ("split", self.split), ("grid", self.grid)):
            button.setChecked(session.compare == mode)
        over = session.prunable
        self.prune.setText(f"{len(over)} old variants could go" if over else "")
        taken = session.variant_bytes / 2**20
        self.prune.setToolTip(f"The variants take {taken:.0f} MB of {session.variant_budget / 2**20:.0f} MB.")

    def _new_card(self, id: str, place: int) -> VariantCard:
        session = self._session
        item = session.variant(id) if session is not None else None
        if item is None:
            raise KeyError(id)
        card = VariantCard(item, self)
        card.chosen.connect(self._choose)
        card.activated.connect(lambda id: self._open_grid(id))
        card.menu_wanted.connect(self._menu)
        self._cards[id] = card
        self._row.insertWidget(place, card)
        return card

    def _choose(self, id: str, add: bool) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._session is not None:
            self._session.choose(id, add=add)

    def _choose_at(self, place: int) -> None:
        if self._session is not None and place < len(self._session.variants):
            self._session.choose(self._session.variants[place].id)

    def _open_grid(self, id: str) -> None:
        if self._session is not None:
            self._session.choose(id)
            self._session.compare = "grid"

    def _menu(self, id: str, at: QPoint) -> None:
        if self._session is not None and id not in self._session.chosen:
            self._session.choose(id)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for title, action in MENU:
            if title:
                menu.addAction(title, lambda action=action: self._trigger(action))
            else:
                menu.addSeparator()
        menu.popup(at)

    def _lay_out(self) -> None:
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addStretch(1)
        inside = QWidget(self)
        inside.setLayout(self._row)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        scroll.setFixedHeight(HEIGHT + 12)
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QHBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 0)
        column.setSpacing(8)
        column.addWidget(scroll, 1)
        column.addWidget(line(upright=True, parent=self))
        column.addLayout(self._buttons())

    def _buttons(self) -> QVBoxLayout:
        self.before = IconButton("eye", "Before and after: hold to see the picture before", "\\", checkable=True)
        self.split = IconButton("columns-2", "Split: before and after beside each other", "|", checkable=True)
        self.grid = IconButton("grid-2x2", "Side by side", "#", checkable=True)
        self.keep = IconButton("check", "Keep as a layer", "Return")
        self.discard = IconButton("x", "Discard the chosen variants", "Del")
        self.before.pressed.connect(lambda: self._compare("before"))
        self.before.released.connect(lambda: self._compare(""))
        self.split.clicked.connect(lambda: self._trigger("compare.split"))
        self.grid.clicked.connect(lambda: self._trigger("compare.grid"))
        self.keep.clicked.connect(lambda: self._trigger("variant.keep"))
        self.discard.clicked.connect(lambda: self._trigger("variant.discard"))
        self.prune = secondary("", self)
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.before, self.split, self.grid, self.keep, self.discard):
            row.addWidget(button)
        column = QVBoxLayout()
        column.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.prune, 0, Qt.AlignmentFlag.AlignRight)
        column.addStretch(1)
        return column

    def _compare(self, mode: str) -> None:
        if self._session is not None:
            self._session.compare = mode
