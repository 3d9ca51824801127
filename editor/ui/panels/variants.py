"""The strip of variants above the instruction bar; there only while there are any."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QScrollArea, QVBoxLayout, QWidget

from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession
from editor.edits.values import model_labels, short_name
from editor.ui import theme
from editor.ui.panels.variant_card import HEIGHT, MARGIN, PICTURE, VariantCard
from editor.ui.widgets.icon_button import IconButton

Trigger = Callable[..., object]

SCROLL_BAR = 12
CHOICE = {
    Qt.Key.Key_Left: "variant.previous",
    Qt.Key.Key_Up: "variant.previous",
    Qt.Key.Key_Right: "variant.next",
    Qt.Key.Key_Down: "variant.next",
}
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
DELETE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)

OTHER_MODEL = "variant.other_model"
MENU = (
    ("Keep as a layer", "variant.keep"),
    ("Keep all chosen", "variant.keep_chosen"),
    ("", ""),
    ("Again with a new seed", "variant.again"),
    ("Again, a little stronger", "variant.nudge"),
    ("Again with another model", OTHER_MODEL),
    ("Use its settings", "variant.copy_settings"),
    ("Use for training", "variant.use_for_training"),
    ("", ""),
    ("Discard", "variant.discard"),
    ("Discard all", "variant.discard_all"),
)
FOR_ANY = ("variant.discard", "variant.discard_all")
"""What can also be done with a variant that is not finished."""
NOT_FINISHED = "This variant is not finished yet: wait for it."


class VariantStrip(QWidget):
    """trigger: runs the action of an id. models: the names of those that may make a variant again."""

    def __init__(
        self, trigger: Trigger, parent: QWidget | None = None, models: Callable[[], tuple[str, ...]] = tuple
    ) -> None:
        super().__init__(parent)
        self._trigger, self._models = trigger, models
        self._session: EditSession | None = None
        self._disconnect: Callable[[], None] = lambda: None
        self._cards: dict[str, VariantCard] = {}
        self._revealed = ""
        self._revealing = False
        self._before_hold = ""
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

    def event(self, event: QEvent) -> bool:
        """While it has the focus, its keys are its own and no shortcuts."""
        if event.type() == QEvent.Type.ShortcutOverride and _is_own(cast(QKeyEvent, event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows and digits choose, Enter keeps, Shift+Enter keeps all chosen, Delete discards."""
        key, shift = Qt.Key(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if not _is_own(event):
            super().keyPressEvent(event)
        elif key in CHOICE:
            self._trigger(CHOICE[key])
        elif key in ENTER:
            self._trigger("variant.keep_chosen" if shift else "variant.keep")
        elif key in DELETE:
            self._trigger("variant.discard")
        else:
            self._choose_at(key - Qt.Key.Key_1)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A frame around the cards while the keys are theirs."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.current().colour("accent"), 1))
            painter.drawRoundedRect(QRectF(self._scroll.geometry()).adjusted(-2.5, -2.5, 2.5, 2.5), 4, 4)

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
            card.hide()
            card.deleteLater()
        if session is not None:
            labels = model_labels(items)
            for place, item in enumerate(items):
                card = self._cards.get(item.id) or self._new_card(item.id, place)
                shown = bool(session.chosen) and session.chosen[0] == item.id
                label = labels.get(item.settings.model, "")
                card.show_item(item, chosen=item.id in session.chosen, shown=shown, model=label)
            self._reveal(session)
            self._show_buttons(session)

    def _reveal(self, session: EditSession) -> None:
        """Scroll to the variant shown, once after it was chosen."""
        first = session.chosen[0] if session.chosen else ""
        if first != self._revealed:
            self._revealed, self._revealing = first, True
            self._scroll_to_shown()

    def _scroll_to_shown(self) -> None:
        """Also once a new card has its place, which it gets later; not any more after the user scrolled."""
        if self._revealing and self._revealed in self._cards:
            self._scroll.ensureWidgetVisible(self._cards[self._revealed], theme.GRID, 0)

    def _scrolled(self) -> None:
        self._revealing = False

    def _show_buttons(self, session: EditSession) -> None:
        has = bool(session.picked)
        for button in (self.before, self.split, self.keep):
            button.setEnabled(has)
        self.grid.setEnabled(bool(session.done))
        for mode, button in (("before", self.before), ("split", self.split), ("grid", self.grid)):
            button.setChecked(session.compare == mode)
        self.discard.setEnabled(bool(session.chosen))
        over = len(session.prunable)
        self.prune.setText(f"Discard {over} old")
        self.prune.setVisible(over > 0)
        taken, room = (f"{size / 2**20:.0f} MB" for size in (session.variant_bytes, session.variant_budget))
        self.prune.setToolTip(f"The variants take {taken}, more than the {room} meant for them.")

    def _new_card(self, id: str, place: int) -> VariantCard:
        session = self._session
        item = session.variant(id) if session is not None else None
        if item is None:
            raise KeyError(id)
        card = VariantCard(item, self)
        card.chosen.connect(self._choose)
        card.activated.connect(self._open_grid)
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
        menu.setToolTipsVisible(True)
        for title, action in MENU:
            if action == OTHER_MODEL:
                self._add_other_models(menu, title)
            elif title:
                entry = menu.addAction(title, lambda action=action: self._trigger(action))
                entry.setEnabled(action in FOR_ANY or bool(self._session and self._session.picked))
                entry.setToolTip("" if entry.isEnabled() else NOT_FINISHED)
            else:
                menu.addSeparator()
        menu.popup(at)

    def _add_other_models(self, menu: QMenu, title: str) -> None:
        """One entry with the one other model, or a menu of several; nothing where there is no other."""
        session = self._session
        shown = session.shown if session is not None else None
        others = [name for name in self._models() if shown is None or name != shown.settings.model]
        if len(others) > 1:
            place = menu.addMenu(title)
        elif others:
            place, title = menu, f"Again with {short_name(others[0])}"
        else:
            return
        for name in others:
            words = title if len(others) == 1 else name
            entry = place.addAction(words, lambda name=name: self._trigger(OTHER_MODEL, name))
            entry.setEnabled(session is not None and shown is not None and session.running is None)

    def _lay_out(self) -> None:
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        inside = QWidget(self)
        inside.setLayout(self._row)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(inside)
        self._scroll.setFixedHeight(HEIGHT + SCROLL_BAR)  # room for its bar, so that nothing moves when that appears
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.horizontalScrollBar().rangeChanged.connect(self._scroll_to_shown)
        self._scroll.horizontalScrollBar().actionTriggered.connect(self._scrolled)
        column = QHBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(8)
        column.addWidget(self._scroll, 1)
        column.addLayout(self._buttons())

    def _buttons(self) -> QVBoxLayout:
        self.before = IconButton("eye", "Hold to see the picture before", "\\", checkable=True, parent=self)
        self.split = IconButton(
            "columns-2", "Split: before and after, with a line to drag", "|", checkable=True, parent=self
        )
        self.grid = IconButton("grid-2x2", "Side by side", "#", checkable=True, parent=self)
        self.keep = IconButton("check", "Keep as a layer", "Return", parent=self)
        self.discard = IconButton("x", "Discard the chosen variants", "Del", parent=self)
        self.before.pressed.connect(self._hold)
        self.before.released.connect(self._let_go)
        self.split.clicked.connect(lambda: self._trigger("compare.split"))
        self.grid.clicked.connect(lambda: self._trigger("compare.grid"))
        self.keep.clicked.connect(lambda: self._trigger("variant.keep"))
        self.discard.clicked.connect(lambda: self._trigger("variant.discard"))
        self.prune = QPushButton(self)
        self.prune.setAccessibleName("Discard old variants")
        self.prune.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.prune.clicked.connect(self._prune)
        policy = self.prune.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.prune.setSizePolicy(policy)
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.before, self.split, self.grid, self.keep, self.discard):
            row.addWidget(button)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addSpacing(MARGIN + (PICTURE - theme.CONTROL) // 2)  # level with the middle of the pictures
        column.addLayout(row)
        column.addWidget(self.prune, 0, Qt.AlignmentFlag.AlignRight)
        column.addStretch(1)
        return column

    def _hold(self) -> None:
        """Before, as long as the button is held; then what was compared earlier."""
        if self._session is not None:
            self._before_hold, self._session.compare = self._session.compare, "before"

    def _let_go(self) -> None:
        if self._session is not None:
            self._session.compare = self._before_hold
            self._show_buttons(self._session)

    def _prune(self) -> None:
        if self._session is not None:
            self._session.discard(*(item.id for item in self._session.prunable))


def _is_own(event: QKeyEvent) -> bool:
    """Whether the strip does something with this key; digits may come from the keypad, Shift goes with Enter only."""
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    key = Qt.Key(event.key())
    if held == Qt.KeyboardModifier.ShiftModifier:
        return key in ENTER
    plain = key in CHOICE or key in ENTER or key in DELETE or Qt.Key.Key_1 <= key <= Qt.Key.Key_9
    return held == Qt.KeyboardModifier.NoModifier and plain
