"""The bar at the foot of the canvas: what to change, how many variants, the dials, and Generate."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession
from editor.edits.suggest import suggest
from editor.edits.times import about
from editor.ui import theme
from editor.ui.bind import Binding, bind
from editor.ui.icons import icon
from editor.ui.panels.dials import DialsPopover
from editor.ui.panels.instruction_field import InstructionField
from editor.ui.widgets.labels import secondary

COUNTS = (1, 2, 3, 4, 6, 9)
Trigger = Callable[..., object]


class InstructionBar(QWidget):
    """trigger: runs the action of an id. models: the names that may be chosen."""

    def __init__(self, trigger: Trigger, models: Callable[[], tuple[str, ...]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trigger = trigger
        self._session: EditSession | None = None
        self._opened: OpenDocument | None = None
        self._bindings: list[Binding] = []
        theme.set_role(self, "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.field = InstructionField(self._suggestions, self._own, self)
        self.scope = secondary("", self)
        self.count = _count_box(self)
        self.dials_button = QPushButton(icon("sliders-horizontal"), "Dials", self)
        self.dials_button.setToolTip("How much to change, steps, seed and model")
        self.generate = QPushButton(self)
        self.generate.setAccessibleName("Generate")
        self.progress = QProgressBar(self)
        self.dials = DialsPopover(models, trigger, self)
        self._lay_out()
        self._connect()
        self.show_document(None)

    def show_document(self, opened: OpenDocument | None) -> None:
        """Show the edits of another tab."""
        for binding in self._bindings:
            binding.end()
        self._bindings = []
        self._opened, self._session = opened, opened.edit if opened is not None else None
        self.setEnabled(opened is not None)
        if opened is not None:
            self._follow(opened, opened.edit)
        self.dials.show_session(self._session)
        self._refresh()

    def focus(self) -> None:
        """Put the cursor into the instruction."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def _follow(self, opened: OpenDocument, session: EditSession) -> None:
        self._bindings = [bind(session, "instruction", self.field), bind(session, "count", self.count)]
        for model in (opened, session):
            following = Binding()
            following.until(model.changed.connect(self._noticed))
            self._bindings.append(following)

    def _noticed(self, name: str) -> None:
        if name == "running":
            self.field.close_suggestions()
        if name in ("instruction", "running", "document", "again", "engine", "variants"):
            self._refresh()

    def _refresh(self) -> None:
        session = self._session
        running = session.running if session is not None else None
        self.scope.setText(self._scope())
        self.progress.setVisible(running is not None)
        theme.set_role(self.generate, "" if running else "main")
        if session is not None and running is not None:
            self._show_progress(running.variant, running.fraction, running.variants)
            left = about(running.seconds_left)
            self.generate.setText(f"Cancel ({left})" if left else "Cancel")
            self.generate.setToolTip("Stop the edit (Esc)")
        else:
            self.generate.setText("Generate")
            self.generate.setToolTip("Make the variants (Ctrl+Return)")
        self.generate.setEnabled(running is not None or bool(session and session.instruction.strip()))

    def _show_progress(self, variant: int, fraction: float, variants: int) -> None:
        self.progress.setRange(0, 1000 * max(1, variants))
        self.progress.setValue(round(1000 * (variant + fraction)))

    def _scope(self) -> str:
        if self._opened is None or self._session is None:
            return ""
        if self._session.running is not None:
            return _stage(self._session)
        if self._session.again:
            return "again"
        return "whole picture" if self._opened.document.selection is None else "in the selection"

    def _suggestions(self, text: str) -> tuple[str, ...]:
        facts = self._session.facts if self._session is not None else None
        return suggest(text, self._own(), facts.instructions if facts is not None else ())

    def _own(self) -> tuple[str, ...]:
        return self._session.own_instructions if self._session is not None else ()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        for widget in (self.scope, self.count, self.dials_button, self.generate):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignBottom)
        self.scope.setMinimumWidth(self.fontMetrics().horizontalAdvance("variant 4 of 4, step 88"))
        self.scope.setFixedHeight(theme.CONTROL)
        self.generate.setMinimumWidth(self.fontMetrics().horizontalAdvance("Cancel (about 88 min)") + 24)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(3)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing jumps when it appears
        self.progress.setSizePolicy(policy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.progress)
        column.addLayout(row)

    def _connect(self) -> None:
        self.field.submitted.connect(lambda: self._trigger("edit.generate"))
        self.generate.clicked.connect(lambda: self._trigger("edit.generate"))
        self.dials_button.clicked.connect(lambda: self.dials.open_above(self.dials_button))


def _stage(session: EditSession) -> str:
    running = session.running
    if running is None:
        return ""
    if running.stage == "load" or session.engine == "starting":
        return "starting the model"
    return f"variant {running.variant + 1} of {running.variants}, step {running.step}"


def _count_box(parent: QWidget) -> QComboBox:
    box = QComboBox(parent)
    for count in COUNTS:
        box.addItem(f"{count} variants" if count > 1 else "1 variant", count)
    box.setToolTip("How many variants to make")
    box.setAccessibleName("Number of variants")
    return box
