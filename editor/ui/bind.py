"""Two-way binding of one field of a model to one widget: widgets hold no state of their own.

A binding ends with its widget, so that a model never calls into a widget that is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QSpinBox,
    QWidget,
)

from editor.core.observe import Observed
from editor.ui.widgets.colour_button import ColourButton
from editor.ui.widgets.number_slider import NumberSlider


class Binding:
    """What `bind` gives. `end()` may be called more than once."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], object]] = []

    def until(self, end: Callable[[], object]) -> None:
        """Call `end` when the binding ends."""
        self._ends.append(end)

    def end(self) -> None:
        ends, self._ends = self._ends, []
        for end in ends:
            end()


def bind(model: Observed, field: str, widget: QWidget) -> Binding:
    """Keep `model.field` and the widget the same; the model's value holds at first.

    Text for QLineEdit and QPlainTextEdit, int for QSpinBox and QSlider, float for QDoubleSpinBox and NumberSlider,
    bool for checkable buttons, the item's data for QComboBox, (r, g, b, a) for ColourButton. AttributeError for a
    field that the model lacks, TypeError for another kind of widget.
    """
    read, write, connect = _ways(widget)
    binding = Binding()
    write(getattr(model, field))

    def to_widget() -> None:
        value = getattr(model, field)
        if read() != value:
            write(value)

    def to_model(*_: object) -> None:
        value = read()
        if value is not None and getattr(model, field) != value:  # None: a list in which nothing is chosen
            setattr(model, field, value)

    binding.until(model.on(field, to_widget))
    binding.until(connect(to_model))
    widget.destroyed.connect(lambda: binding.end())
    return binding


def watch(model: Observed, field: str, widget: QWidget, slot: Callable[[Any], object]) -> Binding:
    """Call `slot(value)` now and after each change of the field, as long as the widget lives."""
    binding = Binding()
    binding.until(model.on(field, lambda: slot(getattr(model, field))))
    widget.destroyed.connect(lambda: binding.end())
    slot(getattr(model, field))
    return binding


_Connect = Callable[[Callable[..., None]], Callable[[], object]]
_Ways = tuple[Callable[[], Any], Callable[[Any], None], _Connect]


def _ways(widget: QWidget) -> _Ways:
    match widget:
        case QLineEdit():
            return widget.text, widget.setText, _connector(widget.textChanged)
        case QPlainTextEdit():
            return widget.toPlainText, widget.setPlainText, _connector(widget.textChanged)
        case QSpinBox() | QSlider():
            return widget.value, lambda value: widget.setValue(round(value)), _connector(widget.valueChanged)
        case QDoubleSpinBox() | NumberSlider():
            return widget.value, widget.setValue, _connector(widget.valueChanged)
        case QAbstractButton() if widget.isCheckable():
            return widget.isChecked, widget.setChecked, _connector(widget.toggled)
        case QComboBox():
            return widget.currentData, _choose(widget), _connector(widget.currentIndexChanged)
        case ColourButton():
            return widget.colour, widget.set_colour, _connector(widget.colour_changed)
        case _:
            raise TypeError(f"{type(widget).__name__} cannot be bound")


def _connector(signal: Any) -> _Connect:
    """signal: a bound Qt signal, whose type says nothing of its arguments."""

    def connect(slot: Callable[..., None]) -> Callable[[], object]:
        connection = signal.connect(slot)

        def disconnect() -> None:
            try:
                signal.disconnect(connection)
            except RuntimeError:
                return  # the widget is gone, and its connections with it

        return disconnect

    return connect


def _choose(combo: QComboBox) -> Callable[[Any], None]:
    """A value that is not among the items leaves nothing chosen."""
    return lambda value: combo.setCurrentIndex(combo.findData(value))
