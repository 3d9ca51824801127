"""How exact an edit is: in full, or faster at a cost that stands below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from editor.edits.savings import CUSTOM, SAVINGS, described, saving_of
from editor.edits.session import EditSession
from editor.ui.bind import Binding, watch
from editor.ui.widgets.labels import secondary


class SavingChoice(QWidget):
    """A list of `SAVINGS`; a recipe's own values, which are none of them, stand below as "Custom"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session: EditSession | None = None
        self._bindings: list[Binding] = []
        self.box = QComboBox(self)
        self.box.setAccessibleName("Speed")
        self.box.setToolTip("Save time by computing less in some steps; the picture changes a little")
        self.cost = secondary("", self)
        self.cost.setWordWrap(True)
        self.cost.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Always two lines, so that nothing jumps; wrapped text takes up to a pixel more a line.
        self.cost.setFixedHeight(2 * self.cost.fontMetrics().lineSpacing() + 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.box)
        column.addWidget(self.cost)
        self.box.activated.connect(self._chosen)

    def show_session(self, session: EditSession | None) -> None:
        """Show what another tab has chosen."""
        for binding in self._bindings:
            binding.end()
        self._session, self._bindings = session, []
        if session is not None:
            fields = ("guidance_interval", "reuse")
            self._bindings = [watch(session, name, self, lambda _: self._show()) for name in fields]

    def _show(self) -> None:
        session = self._session
        if session is None:
            return
        known = saving_of(session.guidance_interval, session.reuse)
        titles = [saving.title for saving in SAVINGS] + ([] if known else [CUSTOM])
        self.box.clear()
        self.box.addItems(titles)
        self.box.setCurrentText(known.title if known else CUSTOM)
        sentence = f"{described(session.guidance_interval, session.reuse)}.".capitalize()
        self.cost.setText(known.cost if known else sentence)
        self.box.setAccessibleDescription(self.cost.text())

    def _chosen(self, index: int) -> None:
        if self._session is not None and index < len(SAVINGS):
            saving = SAVINGS[index]
            self._session.guidance_interval, self._session.reuse = saving.interval, saving.reuse
