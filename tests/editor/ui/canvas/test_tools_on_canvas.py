"""The real tools on the real canvas, by mouse and by pen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QInputDevice, QMouseEvent, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from editor.core.changes.change import Change
from editor.core.compositor import composite
from editor.core.document import Document
from editor.core.history import History
from editor.tools import TOOLS
from editor.tools.brush import BrushTool
from editor.tools.tool import Tool
from editor.ui.canvas.bgra import for_screen
from editor.ui.canvas.canvas import Canvas
from editor.ui.canvas.view import View

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
PATH = [(60, 60), (90, 75), (140, 70), (200, 180), (70, 150)]


class Window:
    """A canvas whose changes go into a history, as in the window."""

    def __init__(self, qtbot: QtBot, document: Document) -> None:
        self.history = History(document)
        self.canvas = Canvas()
        qtbot.addWidget(self.canvas)
        self.canvas.resize(320, 300)
        self.canvas.show()
        self.canvas.show_document(document)
        self.canvas.view = View(1, 150, 140)
        self.canvas.change_made.connect(self._do)
        self.canvas.settle()

    def drag(self) -> None:
        kinds = [
            QEvent.Type.MouseButtonPress,
            *[QEvent.Type.MouseMove] * (len(PATH) - 1),
            QEvent.Type.MouseButtonRelease,
        ]
        for kind, point in zip(kinds, [*PATH, PATH[-1]], strict=True):
            place = QPointF(self.canvas.grab_document_point(*point))
            button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
            event = QMouseEvent(kind, place, self.canvas.mapToGlobal(place), button, LEFT, NONE)
            QApplication.sendEvent(self.canvas, event)

    def shows(self, document: Document) -> bool:
        self.canvas.settle()
        pixels = self.canvas._picture.read(document.rect, 0)[0]
        expected = for_screen(composite(document, document.rect))[0]
        return self.canvas.document is document and np.array_equal(pixels, expected)

    def _do(self, change: Change) -> None:
        self.canvas.show_document(self.history.do(change))


@pytest.fixture
def window(qtbot: QtBot, noise: Callable[..., Document]) -> Iterator[Window]:
    made = Window(qtbot, noise(300, 280))
    yield made
    made.canvas.hide()
    made.history.close()


@pytest.mark.parametrize("make", TOOLS)
def test_every_tool_can_be_dragged_and_undone(window: Window, make: Callable[[], Tool]) -> None:
    first = window.history.document
    window.canvas.tool = make()
    window.drag()
    assert window.shows(window.history.document)
    if window.history.can_undo:
        window.history.undo()
        window.canvas.show_document(window.history.document)
    assert window.shows(first)


def test_a_stroke_is_the_same_in_progress_as_when_it_is_done(window: Window) -> None:
    window.canvas.tool = BrushTool()
    window.drag()
    while_drawn = window.canvas._picture.read(window.history.document.rect, 0)[0]
    assert window.history.can_undo and window.shows(window.history.document)
    assert np.array_equal(while_drawn, window.canvas._picture.read(window.history.document.rect, 0)[0])


def test_a_pen_brings_its_pressure(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    felt: list[tuple[str, float]] = []
    tool = window.canvas.tool = BrushTool()
    for name in ("press", "move", "release"):
        own = getattr(tool, name)
        monkeypatch.setattr(tool, name, lambda e, c, own=own: (felt.append((e.button, e.pressure)), own(e, c))[1])
    device = QPointingDevice(
        "pen",
        1,
        QInputDevice.DeviceType.Stylus,
        QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Pressure,
        1,
        1,
    )
    kinds = (QEvent.Type.TabletPress, QEvent.Type.TabletMove, QEvent.Type.TabletRelease)
    for kind, pressure in zip(kinds, (0.25, 0.5, 0.125), strict=True):
        place = QPointF(100 + 100 * pressure, 90)
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.TabletMove else LEFT
        event = QTabletEvent(kind, device, place, place, pressure, 0, 0, 0, 0, 0, NONE, button, LEFT)
        QApplication.sendEvent(window.canvas, event)
        assert event.isAccepted()
    assert felt == [("left", 0.25), ("left", 0.5), ("left", 0.125)]
    assert window.history.can_undo
