"""What actions ask of the view."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from editor.tools import TOOLS
from editor.ui.document_view import DocumentView
from editor.ui.screen import WindowScreen


@pytest.fixture
def view(bench: Any) -> Iterator[DocumentView]:
    view = DocumentView(bench.opened, bench.desk.tools, bench.desk.do, bench.trigger)
    view.resize(400, 300)
    view.show()
    QTest.qWaitForWindowExposed(view, 2000)
    yield view
    view.close()
    view.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def screen(view: DocumentView, asked: list[str]) -> WindowScreen:
    return WindowScreen(lambda: view, {"panels": lambda: asked.append("panels")})


def test_zooming(screen: WindowScreen, view: DocumentView) -> None:
    screen.do("actual")
    assert view.canvas.view.scale == 1.0
    screen.do("zoom_in")
    assert view.canvas.view.scale > 1.0
    screen.do("zoom_out")
    screen.do("zoom_out")
    assert view.canvas.view.scale < 1.0
    screen.do("fit")
    assert view.canvas.view.scale == pytest.approx(min((400 - 48) / 120, (300 - 48) / 90))


def test_zooming_means_the_grid_while_that_is_seen(screen: WindowScreen, view: DocumentView, bench: Any) -> None:
    before = view.canvas.view
    bench.session.variants = (bench.item(0), bench.item(1))
    bench.session.compare = "grid"
    screen.do("actual")
    assert view.grid.view.scale == 1.0
    screen.do("zoom_in")
    assert view.grid.view.scale > 1.0 and view.canvas.view == before


def test_the_middle_of_what_is_seen(screen: WindowScreen, view: DocumentView) -> None:
    screen.do("fit")
    assert screen.centre == (60, 45)
    view.canvas.zoom_to(4.0, view.canvas.rect().topLeft().toPointF())
    x, y = screen.centre
    middle = view.canvas.grab_document_point(x, y) - view.canvas.rect().center()
    assert abs(middle.x()) <= 4 and abs(middle.y()) <= 4


def test_a_tool_at_work_is_cancelled(screen: WindowScreen, view: DocumentView) -> None:
    crop = next(tool for tool in (make() for make in TOOLS) if tool.id == "crop")
    assert not screen.tool_busy
    screen.do("cancel_tool")
    view.canvas.tool = crop
    start, end = view.canvas.grab_document_point(10, 10), view.canvas.grab_document_point(80, 60)
    QTest.mousePress(view.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    QTest.mouseMove(view.canvas, start + QPoint(20, 20))
    QTest.mouseMove(view.canvas, end)
    assert screen.tool_busy
    screen.do("cancel_tool")
    assert not screen.tool_busy
    QTest.mouseRelease(view.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)


def test_the_rest_is_asked_of_the_window(screen: WindowScreen, asked: list[str]) -> None:
    screen.do("panels")
    assert asked == ["panels"]
    with pytest.raises(KeyError):
        screen.do("dance")


def test_without_a_document_nothing_happens() -> None:
    screen = WindowScreen(lambda: None, {})
    for what in ("zoom_in", "fit", "actual", "cancel_tool"):
        screen.do(what)
    assert screen.centre == (0, 0) and not screen.tool_busy
