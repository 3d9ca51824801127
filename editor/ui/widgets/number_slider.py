"""A slider with a field for the number beside it."""

from __future__ import annotations

import math
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSlider, QWidget

from editor.ui import theme
from editor.ui.widgets.fields import padded

STEPS = 1000
Curve = Literal["linear", "log"]


class NumberSlider(QWidget):
    """A number from low to high, dragged or typed. low > 0 is needed where curve is "log".

    unit: shown after the number ("px", "%"). factor: the field shows value * factor. decimals: of the number shown.
    `valueChanged` tells of every change, also while dragging; `released` once a change is complete: the mouse let go,
    a key of the slider pressed, a number typed.
    """

    valueChanged = Signal(float)
    released = Signal()

    def __init__(
        self,
        title: str,
        low: float,
        high: float,
        *,
        unit: str = "",
        factor: float = 1.0,
        decimals: int = 0,
        curve: Curve = "linear",
        help: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._low, self._high, self._factor, self._curve = low, high, factor, curve
        self._value = low
        self._digits = decimals + max(0, math.ceil(math.log10(factor)))
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.field = padded(QDoubleSpinBox(self))
        self._build(unit, decimals)
        self._describe(title, help)
        self._lay_out()
        self._connect()
        self._show()

    def value(self) -> float:
        return self._value

    def setValue(self, value: float) -> None:
        """Values beyond the range are brought into it."""
        value = min(self._high, max(self._low, float(value)))
        if value != self._value:
            self._value = value
            self._show()
            self.valueChanged.emit(value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A wheel over the slider scrolls what is around it unless the slider has the focus."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False

    def _build(self, unit: str, decimals: int) -> None:
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 10)
        self.slider.setSingleStep(STEPS // 100)
        self.slider.setMinimumWidth(48)
        theme.set_role(self.field, "plain")
        self.field.setDecimals(decimals)
        self.field.setRange(self._low * self._factor, self._high * self._factor)
        self.field.setSingleStep(10**-decimals)
        self.field.setSuffix(f" {unit}" if unit else "")
        self.field.setKeyboardTracking(False)
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        longest = f"{self._high * self._factor:.{decimals}f}{self.field.suffix()}"
        self.field.setFixedWidth(max(48, self.fontMetrics().horizontalAdvance(longest) + 24))
        self.setFocusProxy(self.slider)

    def _describe(self, title: str, help: str) -> None:
        for widget in (self, self.slider, self.field):
            widget.setAccessibleName(title)
            widget.setToolTip(help or title)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.slider, 1)
        row.addWidget(self.field)

    def _connect(self) -> None:
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderReleased.connect(self.released)
        self.field.valueChanged.connect(self._typed)
        self.slider.installEventFilter(self)
        self.field.installEventFilter(self)

    def _slid(self, position: int) -> None:
        self.setValue(round(self._at(position / STEPS), self._digits))
        if not self.slider.isSliderDown():
            self.released.emit()

    def _typed(self, number: float) -> None:
        if round(self._value * self._factor, self.field.decimals()) != number:
            self.setValue(number / self._factor)
            self.released.emit()

    def _show(self) -> None:
        with QSignalBlocker(self.slider), QSignalBlocker(self.field):
            self.slider.setValue(round(self._part() * STEPS))
            self.field.setValue(self._value * self._factor)

    def _at(self, part: float) -> float:
        if self._curve == "log":
            return self._low * (self._high / self._low) ** part
        return self._low + (self._high - self._low) * part

    def _part(self) -> float:
        if self._curve == "log":
            return math.log(self._value / self._low) / math.log(self._high / self._low)
        return (self._value - self._low) / (self._high - self._low)
