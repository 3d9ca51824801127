"""The bar at the foot of the canvas: what to change, how many variants, the dials, and Generate."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from editor.edits.open_document import OpenDocument
from editor.edits.session import EditSession
from editor.edits.suggest import suggest
from editor.edits.times import about
from editor.edits.values import Running, short_name
from editor.ui import theme
from editor.ui.bind import Binding, bind
from editor.ui.icons import icon
from editor.ui.panels.dials import DialsPopover
from editor.ui.panels.instruction_field import InstructionField
from editor.ui.widgets.labels import ElidedLabel

COUNTS = tuple(range(1, 10))
SCOPE_HEIGHT = 16
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
        self.scope, self.stage = QLabel(self), ElidedLabel("", self)
        self.count = _count_box(self)
        self.dials_button = QPushButton(
            icon("sliders-horizontal"), " Dials", self
        )  # Fusion leaves no room between the two
        self.dials_button.setAccessibleName("Dials")
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
        if name in ("instruction", "running", "document", "again", "engine", "also"):
            self._refresh()

    def _refresh(self) -> None:
        session = self._session
        running = session.running if session is not None else None
        self.scope.setText(self._scope())
        self.stage.setText(_stage(session) if session is not None else "")
        self.progress.setVisible(running is not None)
        if running is not None:
            self._show_progress(running.variant, running.fraction, running.variants)
            left = about(self._seconds_left(running))
            self._show_button(f"Cancel ({left})" if left else "Cancel", "Stop the edit (Esc)", "")
        else:
            both = " with both models" if session is not None and session.also is not None else ""
            self._show_button("Generate", f"Make the variants{both} (Ctrl+Return)", "main")
        self.generate.setEnabled(running is not None or bool(session and session.instruction.strip()))

    def _show_button(self, text: str, tip: str, role: str) -> None:
        """A role is given only where it is another one: the stylesheet is then looked up anew."""
        self.generate.setText(text)
        self.generate.setToolTip(tip)
        self.generate.setAccessibleName(text)
        if self.generate.property("role") != role:
            theme.set_role(self.generate, role)

    def _seconds_left(self, running: Running) -> float | None:
        """Of all variants still to come, each as long as the last finished one or, before that, as this one."""
        left = running.seconds_left
        waiting = running.variants - running.variant - 1
        if left is None or waiting <= 0:
            return left
        items = self._session.variants if self._session is not None else ()
        run = max((item.run for item in items), default=0)
        known = [item.seconds for item in items if item.run == run and item.done]
        if known:
            return left + waiting * known[-1]
        return left + waiting * left / (1 - running.fraction) if running.fraction < 1 else None

    def _show_progress(self, variant: int, fraction: float, variants: int) -> None:
        self.progress.setRange(0, 1000 * max(1, variants))
        self.progress.setValue(round(1000 * (variant + fraction)))

    def _scope(self) -> str:
        if self._opened is None or self._session is None:
            return ""
        also = f", also with {short_name(self._session.also.name)}" if self._session.also is not None else ""
        if self._session.again:
            return f"again{also}"
        return f"{'whole picture' if self._opened.document.selection is None else 'in the selection'}{also}"

    def _suggestions(self, text: str) -> tuple[str, ...]:
        facts = self._session.facts if self._session is not None else None
        return suggest(text, self._own(), facts.instructions if facts is not None else ())

    def _own(self) -> tuple[str, ...]:
        return self._session.own_instructions if self._session is not None else ()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A double click on Generate is one click: its second half would cancel what the first one began."""
        return watched is self.generate and event.type() == QEvent.Type.MouseButtonDblClick

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 8, 8)
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        for widget in (self.count, self.dials_button, self.generate):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignBottom)
        above = QHBoxLayout()
        above.setContentsMargins(13, 0, 8, 0)  # over the text of the field
        above.setSpacing(16)
        for label in (self.scope, self.stage):
            theme.set_role(label, "small")
            label.setFixedHeight(SCOPE_HEIGHT)
        above.addWidget(self.scope)
        self.stage.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        above.addWidget(self.stage, 1)
        self.generate.setFixedWidth(self.fontMetrics().horizontalAdvance("Cancel (about 88 min)") + 26)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(3)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing jumps when it appears
        self.progress.setSizePolicy(policy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.progress)
        column.addSpacing(2)
        column.addLayout(above)
        column.addSpacing(3)
        column.addLayout(row)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def _connect(self) -> None:
        self.field.submitted.connect(self._submit)
        self.generate.clicked.connect(lambda: self._trigger("edit.generate"))
        self.generate.installEventFilter(self)
        self.dials_button.clicked.connect(lambda: self.dials.open_above(self.dials_button))

    def _submit(self) -> None:
        """Return begins an edit; it never cancels one, as the button does."""
        if self._session is not None and self._session.running is None:
            self._trigger("edit.generate")


def _stage(session: EditSession) -> str:
    running = session.running
    if running is None:
        return "the model is starting" if session.engine == "starting" else ""
    if running.stage == "load" or session.engine == "starting":
        return f"starting {short_name(running.model) or 'the model'}"
    step = f", step {running.step} of {running.steps}" if running.steps else ""
    model = f", {short_name(running.model)}" if running.model else ""
    return f"variant {running.variant + 1} of {running.variants}{model}{step}"


def _count_box(parent: QWidget) -> QComboBox:
    box = QComboBox(parent)
    for count in COUNTS:
        box.addItem(f"{count} variants" if count > 1 else "1 variant", count)
    box.setToolTip("How many variants to make")
    box.setAccessibleName("Number of variants")
    return box
