"""Asks for a few numbers; two of them may keep their ratio."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QWidget

from editor.actions.ports import Field
from editor.ui.dialogs.base import Dialog
from editor.ui.widgets.labels import secondary
from editor.ui.widgets.number_box import number_box


class NumbersDialog(Dialog):
    """fields: what to ask for. linked: two of them that keep their ratio while the box is ticked."""

    def __init__(
        self, title: str, fields: Sequence[Field], linked: tuple[str, str] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(title, "OK", parent)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(8)
        self.boxes = {field.name: self._add(field) for field in fields}
        self.body.addLayout(self._form)
        if linked is not None:
            self._link(*linked)
        first = next(iter(self.boxes.values()))
        first.setFocus()
        first.selectAll()

    @property
    def values(self) -> dict[str, float]:
        return {name: box.value() for name, box in self.boxes.items()}

    def _add(self, field: Field) -> QDoubleSpinBox:
        box = number_box(field.low, field.high, field.value, field.unit, field.decimals, self)
        box.setAccessibleName(field.title)
        box.setMinimumWidth(140)
        self._form.addRow(field.title, box)
        if field.help:
            help = secondary(field.help, self)
            help.setWordWrap(True)
            self._form.addRow("", help)
        return box

    def _link(self, first: str, second: str) -> None:
        self.locked = QCheckBox("Keep the ratio", self)
        self.locked.setChecked(True)
        self._form.addRow("", self.locked)
        one, other = self.boxes[first], self.boxes[second]
        ratio = other.value() / one.value()
        one.valueChanged.connect(lambda: self._follow(other, one.value() * ratio))
        other.valueChanged.connect(lambda: self._follow(one, other.value() / ratio))

    def _follow(self, box: QDoubleSpinBox, value: float) -> None:
        if self.locked.isChecked():
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
