"""Binding fields of models to widgets, and the widgets of our own."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from editor.core.observe import Observed
from editor.ui.bind import bind, watch
from editor.ui.widgets.colour_button import ColourButton
from editor.ui.widgets.flow_row import FlowLayout
from editor.ui.widgets.icon_button import IconButton, with_key
from editor.ui.widgets.number_slider import STEPS, NumberSlider


class Model(Observed):
    def __init__(self) -> None:
        super().__init__()
        self.text = "snow"
        self.count = 4
        self.scale = 1.5
        self.on_ = True
        self.kind = "b"
        self.colour = (1, 2, 3, 255)


def combo() -> QComboBox:
    box = QComboBox()
    for value in "abc":
        box.addItem(value.upper(), value)
    return box


def checkable() -> QPushButton:
    button = QPushButton()
    button.setCheckable(True)
    return button


# (make the widget, field, first value, another value, read, write as a user would)
CASES = [
    (QLineEdit, "text", "fog", QLineEdit.text, QLineEdit.setText),
    (QPlainTextEdit, "text", "fog", QPlainTextEdit.toPlainText, QPlainTextEdit.setPlainText),
    (QSpinBox, "count", 9, QSpinBox.value, QSpinBox.setValue),
    (QSlider, "count", 9, QSlider.value, QSlider.setValue),
    (QDoubleSpinBox, "scale", 2.25, QDoubleSpinBox.value, QDoubleSpinBox.setValue),
    (lambda: NumberSlider("Scale", 0, 3, decimals=2), "scale", 2.25, NumberSlider.value, NumberSlider.setValue),
    (QCheckBox, "on_", False, QCheckBox.isChecked, QCheckBox.setChecked),
    (checkable, "on_", False, QPushButton.isChecked, QPushButton.setChecked),
    (combo, "kind", "c", QComboBox.currentData, lambda box, value: box.setCurrentIndex("abc".index(value))),
    (lambda: ColourButton("Ink"), "colour", (9, 8, 7, 6), ColourButton.colour, ColourButton.set_colour),
]


@pytest.mark.parametrize(("make", "field", "other", "read", "write"), CASES)
def test_both_ways_until_the_end(qtbot: QtBot, make: Any, field: str, other: Any, read: Any, write: Any) -> None:
    model, widget = Model(), make()
    qtbot.addWidget(widget)
    first = getattr(model, field)
    binding = bind(model, field, widget)
    assert read(widget) == first
    told: list[str] = []
    model.changed.connect(told.append)
    setattr(model, field, other)
    assert read(widget) == other
    write(widget, first)
    assert getattr(model, field) == first
    assert told == [field, field]
    binding.end()
    binding.end()
    setattr(model, field, other)
    assert read(widget) == first


@pytest.mark.parametrize(("make", "field", "other", "read", "write"), CASES)
def test_a_widget_that_is_gone_is_left_alone(qtbot: QtBot, make, field, other, read, write) -> None:  # noqa: ANN001
    model, widget = Model(), make()
    before = len(model.changed._slots)
    bind(model, field, widget)
    assert len(model.changed._slots) == before + 1
    delete(widget)
    assert len(model.changed._slots) == before
    setattr(model, field, other)
    del widget
    gc.collect()


def test_what_cannot_be_bound_says_so(qtbot: QtBot) -> None:
    label = QLabel()
    qtbot.addWidget(label)
    with pytest.raises(TypeError):
        bind(Model(), "text", label)
    field = QLineEdit()
    qtbot.addWidget(field)
    with pytest.raises(AttributeError):
        bind(Model(), "no_such_field", field)


def test_a_value_the_widget_cannot_show_is_not_written_back(qtbot: QtBot) -> None:
    model, box = Model(), QSpinBox()
    qtbot.addWidget(box)
    box.setRange(0, 10)
    bind(model, "count", box)
    told: list[str] = []
    model.changed.connect(told.append)
    model.count = 7
    assert told == ["count"]


def test_watching_ends_with_the_widget(qtbot: QtBot) -> None:
    model, label, seen = Model(), QLabel(), []
    watch(model, "text", label, seen.append)
    model.text = "fog"
    delete(label)
    model.text = "rain"
    assert seen == ["snow", "fog"]


def test_sliding_and_typing_agree(qtbot: QtBot) -> None:
    slider = NumberSlider("Opacity", 0, 1, unit="%", factor=100)
    qtbot.addWidget(slider)
    released: list[float] = []
    slider.released.connect(lambda: released.append(slider.value()))
    slider.setValue(0.37)
    assert slider.field.text() == "37 %"
    assert slider.slider.value() == 370
    assert released == []
    slider.field.setValue(50)
    assert slider.value() == 0.5
    slider.slider.setValue(STEPS)
    assert (slider.value(), slider.field.text()) == (1, "100 %")
    assert released == [0.5, 1]
    slider.setValue(7)
    assert slider.value() == 1


def test_released_comes_once_at_the_end_of_a_drag(qtbot: QtBot) -> None:
    slider = NumberSlider("Size", 1, 2000, curve="log")
    qtbot.addWidget(slider)
    slider.resize(400, 28)
    slider.show()
    values: list[float] = []
    released: list[bool] = []
    slider.valueChanged.connect(values.append)
    slider.released.connect(lambda: released.append(True))
    bar, middle = slider.slider, slider.slider.height() // 2
    qtbot.mousePress(bar, Qt.MouseButton.LeftButton, pos=QPoint(5, middle))
    for x in (60, 120, 180):
        qtbot.mouseMove(bar, QPoint(x, middle))
    assert released == []
    qtbot.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=QPoint(180, middle))
    assert released == [True]
    assert len(values) > 1


@given(value=st.floats(1, 2000))
def test_a_log_slider_keeps_what_it_is_given(qapp: object, value: float) -> None:
    slider = NumberSlider("Size", 1, 2000, curve="log")
    slider.setValue(value)
    assert slider.value() == value
    assert 0 <= slider.slider.value() <= STEPS


def test_a_colour_shows_as_it_is(qtbot: QtBot) -> None:
    button = ColourButton("Ink")
    qtbot.addWidget(button)
    button.set_colour((255, 0, 16, 255))
    assert button.grab().toImage().pixelColor(14, 14).name() == "#ff0010"
    assert button.toolTip() == "Ink: #ff0010"


def test_a_row_flows_into_a_second_line(qtbot: QtBot) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    flow = FlowLayout(holder, gap=8)
    boxes = [QWidget(holder) for _ in range(3)]
    for box in boxes:
        box.setFixedSize(40, 20)
        flow.addWidget(box)
    assert flow.heightForWidth(136) == 20
    assert flow.heightForWidth(100) == 48
    holder.resize(100, 60)
    holder.show()
    assert [box.pos() for box in boxes] == [QPoint(0, 0), QPoint(48, 0), QPoint(0, 28)]
    boxes[0].hide()
    assert flow.heightForWidth(100) == 20


def test_buttons_say_their_key(qtbot: QtBot) -> None:
    assert with_key("Brush", "B") == "Brush (B)"
    assert with_key("Brush", "") == "Brush"
    button = IconButton("x", "Close", "Ctrl+W")
    qtbot.addWidget(button)
    assert button.toolTip() == "Close (Ctrl+W)"
    assert button.accessibleName() == "Close"
