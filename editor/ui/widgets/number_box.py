"""Fields for numbers, made in one line."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSpinBox, QWidget


def whole_box(low: int, high: int, value: int = 0, unit: str = "", parent: QWidget | None = None) -> QSpinBox:
    """A whole number from low to high; unit: written behind it."""
    box = QSpinBox(parent)
    box.setRange(low, high)
    box.setSuffix(f" {unit}" if unit else "")
    box.setValue(value)
    _inset(box)
    return box


def number_box(
    low: float, high: float, value: float = 0.0, unit: str = "", decimals: int = 2, parent: QWidget | None = None
) -> QDoubleSpinBox:
    """A number from low to high, with that many decimals; with 0 it also takes whole numbers beyond 31 bits."""
    box = QDoubleSpinBox(parent)
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setSuffix(f" {unit}" if unit else "")
    box.setValue(value)
    _inset(box)
    return box


def _inset(box: QAbstractSpinBox) -> None:
    """The same distance from the frame as in a line of text."""
    box.lineEdit().setTextMargins(4, 0, 0, 0)
