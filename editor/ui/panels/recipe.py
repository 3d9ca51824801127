"""The recipe panel: how the active edit layer was made."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from editor.core.document import Document
from editor.core.layer import Layer
from editor.edits.open_document import OpenDocument
from editor.edits.recipe import Recipe, recipe_of, settings_from
from editor.edits.savings import described
from editor.ui import theme
from editor.ui.panels.status import provider_title
from editor.ui.widgets.labels import ElidedLabel, empty_state, secondary

STALE = "What lies below has changed since."
NONE = "This layer was not made by an instruction."
UNREADABLE = "This layer was made by an instruction, but its recipe cannot be read."
ROWS = ("Follow the instruction", "Keep the original", "Steps", "Seed", "Size", "Full size", "Speed", "Model", "Ran on")


class RecipePanel(QWidget):
    """trigger: runs the action of an id. stale: whether what lies below the layer of this id has changed since."""

    def __init__(
        self,
        trigger: Callable[..., object],
        stale: Callable[[str], bool] = lambda _: False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._open: OpenDocument | None = None
        self._end: Callable[[], object] = lambda: None
        self._shown: Layer | None = None
        self._stale = stale
        self.instruction = QLabel(self)
        self.values = {title: ElidedLabel(parent=self) for title in ROWS}
        self.note = QLabel(STALE, self)
        self.again = QPushButton("Run again", self)
        self.copy = QPushButton("Copy settings", self)
        self.again.clicked.connect(lambda: trigger("layer.run_again"))
        self.copy.clicked.connect(self._copy)
        self._lay_out()
        self.destroyed.connect(lambda: self._end())
        self.refresh()

    def show_document(self, opened: OpenDocument | None) -> None:
        """Switch to another tab, or to none."""
        self._end()
        self._open = opened
        self._end = opened.history.changed.connect(self._moved) if opened else lambda: None
        self.refresh()

    def refresh(self) -> None:
        """Show the active layer as it is now, and whether it is stale."""
        layer = self._open.document.active_layer if self._open else None
        recipe = recipe_of(layer)
        if recipe is not None and layer is not None:
            if layer is not self._shown:
                self._fill(recipe)
            self.note.setVisible(self._stale(layer.id))
        self._shown = layer
        self.empty.setText(self._why_empty(layer))
        self._pages.setCurrentIndex(0 if recipe is not None else 1)

    def _moved(self, before: Document, after: Document) -> None:
        self.refresh()

    def _why_empty(self, layer: Layer | None) -> str:
        if self._open is None:
            return "No document"
        if layer is None:
            return "No layer is active."
        return NONE if getattr(layer, "recipe", None) is None else UNREADABLE

    def _copy(self) -> None:
        recipe = recipe_of(self._shown)
        if self._open is not None and recipe is not None:
            self._open.edit.take(settings_from(recipe), recipe.seed)

    def _fill(self, recipe: Recipe) -> None:
        self.instruction.setText(f"“{recipe.instruction}”")
        texts = (
            f"{recipe.text_scale:g}",
            f"{recipe.image_scale:g}",
            f"{recipe.steps}",
            f"{recipe.seed}",
            f"{recipe.size} px",
            "yes" if recipe.full_res else "no",
            described(recipe.guidance_interval, recipe.reuse),
            recipe.model,
            provider_title(recipe.provider) or "unknown",
        )
        for title, text in zip(ROWS, texts, strict=True):
            self.values[title].setText(text)
            self.values[title].setAccessibleName(f"{title}: {text}")

    def _lay_out(self) -> None:
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.instruction.setWordWrap(True)
        self.instruction.setTextFormat(Qt.TextFormat.PlainText)
        self.instruction.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.instruction.setAccessibleName("Instruction")
        column.addWidget(self.instruction)
        column.addLayout(self._form())
        self.note.setWordWrap(True)
        theme.set_role(self.note, "warning")
        column.addWidget(self.note)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.again.setToolTip("Make this layer again with the same settings")
        self.copy.setToolTip("Take this layer's settings into the instruction bar")
        buttons.addWidget(self.again)
        buttons.addWidget(self.copy)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addStretch(1)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(page)
        self.empty = empty_state("", self)
        self._pages.addWidget(self.empty)

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(4)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, value in self.values.items():
            form.addRow(secondary(title, self), value)
        return form
