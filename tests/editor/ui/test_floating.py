from __future__ import annotations

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from editor.ui.floating import Floating


def test_the_bar_lies_over_the_foot_and_moves_nothing(qtbot: QtBot) -> None:
    over, bar, text = QWidget(), QWidget(), QLabel("A sentence.")
    QVBoxLayout(bar).addWidget(text)
    qtbot.addWidget(over)
    over.resize(300, 200)
    Floating(bar, over)
    over.show()
    bar.show()
    high = bar.sizeHint().height()
    qtbot.waitUntil(lambda: bar.geometry().getRect() == (0, 200 - high, 300, high))
    over.resize(500, 400)
    qtbot.waitUntil(lambda: bar.geometry().getRect() == (0, 400 - high, 500, high))
    text.setText("Two\nlines.")
    qtbot.waitUntil(lambda: bar.height() == bar.sizeHint().height() > high)
